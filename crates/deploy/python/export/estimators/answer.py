"""What an estimator answers, as tensors of the graph, and the ends that several families share."""

from dataclasses import dataclass
from typing import Optional

import numpy as np

from ..errors import Unsupported, described


@dataclass(frozen=True)
class Regression:
    #: Doubles `[N]`.
    prediction: str


@dataclass(frozen=True)
class Classification:
    #: Index into the model's `classes_`, int64 `[N]`.
    label: str
    #: Doubles `[N, classes]`; None where the model has no `predict_proba`.
    probabilities: Optional[str]
    classes: int


def one_output(model):
    """Raises `Unsupported` where `model` answers several targets at once."""
    classes = getattr(model, "classes_", None)
    if isinstance(classes, list) or getattr(model, "n_outputs_", 1) != 1:
        raise Unsupported(f"{described(model)} answers several targets at once")


def above(graph, scores, threshold, op="Greater"):
    """1 where a score of `[N, 1]` passes `threshold`, else 0: int64 `[N]`."""
    passed = graph.node(op, scores, graph.constant(np.array(threshold, dtype=np.float64)))
    return graph.squeeze(graph.cast(passed, "int64"))


def highest(graph, scores):
    """The place of the highest of `[N, classes]`, the first among equals as in NumPy: int64 `[N]`."""
    return graph.node("ArgMax", scores, axis=1, keepdims=0, select_last_index=0)


def two_sided(graph, positive):
    """`[N, 1]` probabilities of the second class as `[N, 2]` of both."""
    negative = graph.node("Sub", graph.constant(np.array(1.0)), positive)
    return graph.concat([negative, positive])


def softmax(graph, scores):
    return graph.node("Softmax", scores, axis=1)


def sigmoid(graph, scores):
    """`1 / (1 + exp(-scores))`, as SciPy's `expit` does it.

    Not `Sigmoid`: ONNX Runtime's, in double, is right to 1e-16 but says 0 from -38 on, where this is 3e-17.
    """
    one = graph.constant(np.array(1.0))
    return graph.node("Div", one, graph.node("Add", one, graph.node("Exp", graph.node("Neg", scores))))
