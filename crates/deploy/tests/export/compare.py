"""Exports a model and compares what ONNX Runtime answers with what scikit-learn does."""

import os
import sys
import warnings

# Many small models: threads that wait for each other would cost ten times the work. Before NumPy is loaded.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "python"))

import numpy as np
import onnx
import onnxruntime
import pandas
from export import MISSING_STRING, export

#: Answers differ by at most this, relative above 1.
TOLERANCE = 1e-12

#: Rows that are also asked one at a time.
SINGLE_ROWS = 12


def kind(series):
    if series.dtype == bool:
        return "bool"
    if pandas.api.types.is_integer_dtype(series.dtype):
        return "int"
    if pandas.api.types.is_float_dtype(series.dtype):
        return "double"
    known = [value for value in series if not _is_missing(value)]
    return "bool" if known and all(isinstance(value, bool) for value in known) else "string"


def columns(table):
    return [(name, kind(table[name])) for name in table.columns]


def feed(session, table):
    """The table as the graph takes it: a `[N, 1]` tensor a column, in order."""
    tensors = {}
    for put, name in zip(session.get_inputs(), table.columns):
        series = table[name]
        if kind(series) == "string":
            values = np.array([MISSING_STRING if _is_missing(value) else value for value in series], dtype=object)
        else:
            values = np.array([np.nan if _is_missing(value) else float(value) for value in series])
        tensors[put.name] = values.reshape(-1, 1)
    return tensors


def opened(written):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(written, options, providers=["CPUExecutionProvider"])


def difference(model, table, missing="auto"):
    """The largest difference between the exported graph's answers and the model's own.

    Fails if the file is not the same twice, not valid, answers a row alone otherwise than among others, or calls
    another class.
    """
    written = export(model, columns(table), missing)
    assert written == export(model, columns(table), missing), "a second export has other bytes"
    onnx.checker.check_model(onnx.load_from_string(written), full_check=True)
    session = opened(written)
    tensors = feed(session, table)
    names = [out.name for out in session.get_outputs()]
    answers = dict(zip(names, session.run(None, tensors)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = {}
        if hasattr(model, "classes_"):
            expected["label"] = model.predict(table)
            if hasattr(model, "predict_proba"):
                expected["probabilities"] = model.predict_proba(table)
        else:
            expected["prediction"] = np.ravel(model.predict(table))
    assert set(names) == set(expected), f"outputs {names}, expected {list(expected)}"
    if "label" in expected:
        assert answers["label"].dtype == np.int64 and answers["label"].shape == (len(table),), answers["label"]
        called = model.classes_[answers["label"]]
        assert (called == expected["label"]).all(), f"{(called != expected['label']).sum()} labels differ"
    largest = 0.0
    for name in set(names) - {"label"}:
        assert answers[name].dtype == np.float64
        largest = max(largest, apart(answers[name], expected[name]))
    for row in range(min(SINGLE_ROWS, len(table))):
        alone = dict(zip(names, session.run(None, {key: value[row : row + 1] for key, value in tensors.items()})))
        for name in names:
            single = apart(alone[name], answers[name][row : row + 1])
            assert single <= TOLERANCE, f"row {row} alone differs by {single} in {name}"
    return largest


def apart(found, expected):
    """Largest difference, relative above 1; infinite where only one of two is a number."""
    assert found.shape == expected.shape, f"shape {found.shape}, expected {expected.shape}"
    same = (found == expected) | (np.isnan(found) & np.isnan(expected))
    with np.errstate(all="ignore"):
        gap = np.abs(found - expected) / np.maximum(1.0, np.maximum(np.abs(found), np.abs(expected)))
    gap = np.where(same, 0.0, np.where(np.isnan(gap), np.inf, gap))
    return float(gap.max(initial=0.0))


def _is_missing(value):
    return value is None or value is pandas.NA or (isinstance(value, float) and np.isnan(value))
