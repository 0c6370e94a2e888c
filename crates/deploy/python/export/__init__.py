"""Writes a fitted scikit-learn model as an ONNX graph that computes in float64 and answers as the model does.

Needs NumPy and the scikit-learn that the model was made with, nothing else, and opens no file. It takes what it
knows to be exact and raises `Unsupported` for everything else; whether the answers agree is for the caller to try
on rows of his own. What scikit-learn refuses (an infinite number, a missing one where the model knows none) the
graph answers: such rules belong to whoever asks it.

A class that is not covered yet: see `transformers` and `estimators`.
"""

import json

import numpy as np

from .convert import Converter
from .errors import Unsupported, described
from .estimators.answer import Classification
from .frame import MISSING_STRING, Frame, Number, Text

__all__ = ["KINDS", "MISSING_STRING", "OUTPUTS", "Unsupported", "export"]

#: What a column may be. All but strings enter the graph as doubles, a missing number as NaN.
KINDS = ("string", "double", "int", "bool")

OUTPUTS = ("label", "probabilities", "prediction")


def export(model, columns, missing="auto"):
    """The ONNX file of fitted `model`, as bytes; the same model gives the same bytes.

    `columns` are the model's inputs in its order, as (name, kind) with a kind of `KINDS`. The graph has one input
    of shape `[N, 1]` for each, in that order, called as the column is (with `_` behind it where an output has that
    name): strings, with `MISSING_STRING` for a missing one, or doubles, with NaN.

    The outputs are `label` (int64 `[N]`, index into `classes_`) and, where the model has them, `probabilities`
    (double `[N, classes]`) for a classifier, `prediction` (double `[N]`) for a regressor.

    `missing` says which object a missing text is in the tables that the model is otherwise asked with: "nan" (as
    in pandas' `str` columns), "none", or "auto": the one that the fitted encoders know.

    The file's metadata has `modelyard.missing_string` and `modelyard.refuses_unseen`, a JSON list of the columns in
    which the model refuses a category that it has not seen, while the graph answers something.

    Raises `Unsupported` where no exact graph is known.
    """
    _check_names(model, [name for name, _ in columns])
    converter = Converter(missing)
    graph = converter.graph
    graph.reserve(OUTPUTS)
    names = [name for name, _ in columns]
    inputs = []
    for name, kind in columns:
        if kind not in KINDS:
            raise ValueError(f"column {name!r} has the kind {kind!r}, not one of {', '.join(KINDS)}")
        tensor = graph.input(name, "string" if kind == "string" else "float64", names)
        inputs.append(Text(tensor, name) if kind == "string" else Number(tensor, origin=name))
    with np.errstate(all="ignore"):
        answer = converter.estimate(model, Frame(inputs, names))
    if isinstance(answer, Classification):
        if answer.probabilities is not None:
            graph.output("probabilities", answer.probabilities, "float64", ["N", answer.classes])
        graph.output("label", answer.label, "int64", ["N"])
    else:
        graph.output("prediction", answer.prediction, "float64", ["N"])
    return graph.to_bytes(
        [
            ("modelyard.missing_string", MISSING_STRING),
            ("modelyard.refuses_unseen", json.dumps(converter.refuses_unseen, ensure_ascii=False)),
        ]
    )


def _check_names(model, names):
    """Raises `Unsupported` where the columns are not those the model learnt from."""
    learnt = getattr(model, "feature_names_in_", None)
    if learnt is not None and [str(name) for name in learnt] != names:
        raise Unsupported(
            f"{described(model)} learnt from the columns {', '.join(map(str, learnt))}, not {', '.join(names)}"
        )
    count = getattr(model, "n_features_in_", None)
    if count is not None and count != len(names):
        raise Unsupported(f"{described(model)} learnt from {count} columns, {len(names)} were given")
