"""Linear models: a product and a sum; classifiers without probabilities among them.

The terms of a product are summed in another order than NumPy's, so answers differ in the last bits, more where
large terms cancel each other.
"""

import numpy as np

from ..errors import Unsupported, described
from .answer import Classification, Regression, above, highest, one_output


def scores(converter, model, frame):
    """`X @ coef_.T + intercept_`: doubles `[N, rows of coef_]`."""
    graph = converter.graph
    coefficients = model.coef_.toarray() if hasattr(model.coef_, "toarray") else np.asarray(model.coef_)
    coefficients = np.atleast_2d(coefficients).astype(np.float64)
    intercept = np.broadcast_to(np.asarray(model.intercept_, dtype=np.float64), coefficients.shape[:1])
    matrix = frame.matrix(graph, described(model))
    product = graph.node("MatMul", matrix, graph.constant(np.ascontiguousarray(coefficients.T)))
    return graph.node("Add", product, graph.constant(intercept))


def linear_regressor(converter, model, frame):
    if np.ndim(model.coef_) == 2 and np.shape(model.coef_)[0] != 1:
        raise Unsupported(f"{described(model)} answers several targets at once")
    return Regression(converter.graph.squeeze(scores(converter, model, frame)))


def linear_label(graph, values, classes):
    """The class that a linear classifier's `predict` takes for these scores."""
    return above(graph, values, 0.0) if classes == 2 else highest(graph, values)


def linear_classifier(converter, model, frame):
    one_output(model)
    binarizer = getattr(model, "_label_binarizer", None)
    if getattr(binarizer, "y_type_", "").startswith("multilabel"):
        raise Unsupported(f"{described(model)} answers several labels at once")
    classes = len(model.classes_)
    label = linear_label(converter.graph, scores(converter, model, frame), classes)
    return Classification(label, None, classes)
