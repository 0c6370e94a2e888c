"""SGDClassifier: a linear classifier, with probabilities where its loss is the logistic one."""

from ..errors import Unsupported, described
from .answer import Classification, sigmoid, two_sided
from .linear import linear_label, scores
from .logistic_regression import shares


def sgd_classifier(converter, model, frame):
    if model.loss == "modified_huber":
        raise Unsupported(f"{described(model)} with `loss` 'modified_huber' is not covered")
    graph = converter.graph
    classes = len(model.classes_)
    values = scores(converter, model, frame)
    probabilities = None
    # "log" is what the logistic loss was called before 1.1.
    if model.loss in ("log_loss", "log"):
        positives = sigmoid(graph, values)
        probabilities = two_sided(graph, positives) if classes == 2 else shares(graph, model, positives)
    return Classification(linear_label(graph, values, classes), probabilities, classes)
