"""Models that answer the same for every row."""

import numpy as np

from ..errors import Unsupported, described
from .answer import Classification, Regression, one_output


def dummy_classifier(converter, model, frame):
    one_output(model)
    prior = np.asarray(model.class_prior_, dtype=np.float64)
    classes = len(model.classes_)
    certain = np.zeros(classes)
    if model.strategy == "prior":
        label, probabilities = int(prior.argmax()), prior
    elif model.strategy == "most_frequent":
        label = int(prior.argmax())
        certain[label] = 1.0
        probabilities = certain
    elif model.strategy == "constant":
        label = list(model.classes_).index(np.ravel(model.constant)[0])
        certain[label] = 1.0
        probabilities = certain
    else:
        raise Unsupported(f"{described(model)} with `strategy` '{model.strategy}' answers by chance")
    label = converter.graph.squeeze(_repeated(converter.graph, np.array([[label]], dtype=np.int64)))
    return Classification(label, _repeated(converter.graph, probabilities[None, :]), classes)


def dummy_regressor(converter, model, frame):
    one_output(model)
    value = np.asarray(model.constant_, dtype=np.float64).reshape(1, 1)
    return Regression(converter.graph.squeeze(_repeated(converter.graph, value)))


def _repeated(graph, row):
    """`row` of `[1, width]` once for each row of the input."""
    return graph.node("Expand", graph.constant(row), graph.node("Shape", graph.first_input()))
