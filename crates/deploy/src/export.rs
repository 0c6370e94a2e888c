//! The exporter of scikit-learn models, as it is written beside the worker that runs it.
//!
//! It is a Python package that runs in the model's own environment, where the fitted numbers can be read, and needs
//! NumPy and scikit-learn alone. Here are its files; what it does stands in `python/export/__init__.py`. A new file
//! is a line in [`FILES`], which the tests compare with the folder.

/// Path below the folder that is to be on Python's path, and content.
pub const FILES: &[(&str, &str)] = &[
    ("export/__init__.py", include_str!("../python/export/__init__.py")),
    ("export/convert.py", include_str!("../python/export/convert.py")),
    ("export/errors.py", include_str!("../python/export/errors.py")),
    ("export/estimators/__init__.py", include_str!("../python/export/estimators/__init__.py")),
    ("export/estimators/answer.py", include_str!("../python/export/estimators/answer.py")),
    ("export/estimators/decision_tree.py", include_str!("../python/export/estimators/decision_tree.py")),
    ("export/estimators/dummy.py", include_str!("../python/export/estimators/dummy.py")),
    ("export/estimators/forest.py", include_str!("../python/export/estimators/forest.py")),
    (
        "export/estimators/gradient_boosting.py",
        include_str!("../python/export/estimators/gradient_boosting.py"),
    ),
    (
        "export/estimators/hist_gradient_boosting.py",
        include_str!("../python/export/estimators/hist_gradient_boosting.py"),
    ),
    ("export/estimators/linear.py", include_str!("../python/export/estimators/linear.py")),
    (
        "export/estimators/logistic_regression.py",
        include_str!("../python/export/estimators/logistic_regression.py"),
    ),
    ("export/estimators/mlp.py", include_str!("../python/export/estimators/mlp.py")),
    ("export/estimators/pipeline.py", include_str!("../python/export/estimators/pipeline.py")),
    ("export/estimators/search.py", include_str!("../python/export/estimators/search.py")),
    ("export/estimators/sgd_classifier.py", include_str!("../python/export/estimators/sgd_classifier.py")),
    ("export/estimators/trees.py", include_str!("../python/export/estimators/trees.py")),
    ("export/frame.py", include_str!("../python/export/frame.py")),
    ("export/graph.py", include_str!("../python/export/graph.py")),
    ("export/proto.py", include_str!("../python/export/proto.py")),
    ("export/transformers/__init__.py", include_str!("../python/export/transformers/__init__.py")),
    ("export/transformers/categories.py", include_str!("../python/export/transformers/categories.py")),
    (
        "export/transformers/column_transformer.py",
        include_str!("../python/export/transformers/column_transformer.py"),
    ),
    (
        "export/transformers/function_transformer.py",
        include_str!("../python/export/transformers/function_transformer.py"),
    ),
    (
        "export/transformers/min_max_scaler.py",
        include_str!("../python/export/transformers/min_max_scaler.py"),
    ),
    (
        "export/transformers/one_hot_encoder.py",
        include_str!("../python/export/transformers/one_hot_encoder.py"),
    ),
    (
        "export/transformers/ordinal_encoder.py",
        include_str!("../python/export/transformers/ordinal_encoder.py"),
    ),
    ("export/transformers/pipeline.py", include_str!("../python/export/transformers/pipeline.py")),
    (
        "export/transformers/simple_imputer.py",
        include_str!("../python/export/transformers/simple_imputer.py"),
    ),
    (
        "export/transformers/standard_scaler.py",
        include_str!("../python/export/transformers/standard_scaler.py"),
    ),
];

/// How a missing text is passed to an exported graph: Unicode non-characters, reserved for a program's own use. The
/// package's `MISSING_STRING`, and `modelyard.missing_string` in the graph's metadata.
pub const MISSING_STRING: &str = "\u{fdd0}modelyard.missing\u{fdd1}";

/// In the graph's metadata, a JSON list of the inputs whose unseen categories the model refuses while the graph
/// answers something.
pub const REFUSES_UNSEEN: &str = "modelyard.refuses_unseen";
