"""Logistic regression: of two classes, of many at once (softmax), and one against the rest where it still exists."""

import copy
import warnings

import numpy as np

from .answer import Classification, one_output, sigmoid, softmax, two_sided
from .linear import linear_label, scores


def logistic_regression(converter, model, frame):
    one_output(model)
    graph = converter.graph
    classes = len(model.classes_)
    values = scores(converter, model, frame)
    label = linear_label(graph, values, classes)
    if not _one_against_rest(model, classes):
        if classes == 2:
            values = graph.concat([graph.node("Neg", values), values])
        probabilities = softmax(graph, values)
    elif classes == 2:
        probabilities = two_sided(graph, sigmoid(graph, values))
    else:
        probabilities = shares(graph, model, sigmoid(graph, values))
    return Classification(label, probabilities, classes)


def shares(graph, model, positives):
    """Each of `[N, classes]` divided by the row's sum."""
    total = graph.node("ReduceSum", positives, graph.constant(np.array([1])), keepdims=1)
    all_zero = graph.node("Equal", total, graph.constant(np.array(0.0)))
    return graph.node("Where", all_zero, graph.constant(_of_nothing(model)), graph.node("Div", positives, total))


def _of_nothing(model):
    """What the model answers where no class has a share: by version NaN, or the same for each."""
    hopeless = copy.copy(model)
    hopeless.coef_ = np.zeros((len(model.classes_), model.n_features_in_))
    hopeless.intercept_ = np.full(len(model.classes_), -1e4)
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        return hopeless.predict_proba(np.zeros((1, model.n_features_in_)))


def _one_against_rest(model, classes):
    """`multi_class` was removed from later versions, in which only two classes are answered this way."""
    strategy = getattr(model, "multi_class", "auto")
    if strategy in ("auto", "deprecated"):
        return classes == 2 or model.solver == "liblinear"
    return strategy in ("ovr", "warn")
