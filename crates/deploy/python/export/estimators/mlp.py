"""Multi-layer perceptrons: a product, a sum and an activation a layer."""

import numpy as np

from ..errors import Unsupported, described
from .answer import Classification, Regression, above, highest, sigmoid, softmax, two_sided


def mlp_classifier(converter, model, frame):
    if model._label_binarizer.y_type_.startswith("multilabel"):
        raise Unsupported(f"{described(model)} answers several labels at once")
    graph = converter.graph
    last = _forward(converter, model, frame)
    classes = len(model.classes_)
    if model.n_outputs_ == 1:
        return Classification(above(graph, last, 0.5), two_sided(graph, last), classes)
    return Classification(highest(graph, last), last, classes)


def mlp_regressor(converter, model, frame):
    if model.n_outputs_ != 1:
        raise Unsupported(f"{described(model)} answers several targets at once")
    return Regression(converter.graph.squeeze(_forward(converter, model, frame)))


def _forward(converter, model, frame):
    graph = converter.graph
    values = frame.matrix(graph, described(model))
    layers = list(zip(model.coefs_, model.intercepts_))
    for place, (weights, bias) in enumerate(layers):
        values = graph.node("MatMul", values, graph.constant(np.asarray(weights, dtype=np.float64)))
        values = graph.node("Add", values, graph.constant(np.asarray(bias, dtype=np.float64)))
        name = model.out_activation_ if place == len(layers) - 1 else model.activation
        if name not in _ACTIVATIONS:
            raise Unsupported(f"{described(model)} with the activation '{name}' is not covered")
        values = _ACTIVATIONS[name](graph, values)
    return values


_ACTIVATIONS = {
    "exp": lambda graph, values: graph.node("Exp", values),
    "identity": lambda graph, values: values,
    "logistic": sigmoid,
    "relu": lambda graph, values: graph.node("Relu", values),
    "softmax": softmax,
    "tanh": lambda graph, values: graph.node("Tanh", values),
}
