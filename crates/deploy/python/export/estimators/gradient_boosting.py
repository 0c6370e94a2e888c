"""GradientBoosting: a constant to begin with, then trees times the learning rate."""

import numpy as np

from ..errors import Unsupported, described
from .answer import Classification, Regression, above, highest, one_output, sigmoid, softmax, two_sided
from .trees import TreeEnsemble, add_fitted, as_float32

#: Beginnings that say the same of every row.
_CONSTANT = {
    "`sklearn.dummy.DummyClassifier`": ("prior", "most_frequent", "constant"),
    "`sklearn.dummy.DummyRegressor`": ("mean", "median", "quantile", "constant"),
}


def gradient_boosting_regressor(converter, model, frame):
    return Regression(converter.graph.squeeze(_raw(converter, model, frame)))


def gradient_boosting_classifier(converter, model, frame):
    one_output(model)
    graph = converter.graph
    raw = _raw(converter, model, frame)
    classes = len(model.classes_)
    if model.loss not in ("log_loss", "deviance", "exponential"):
        raise Unsupported(f"{described(model)} with `loss` '{model.loss}' is not covered")
    if classes > 2:
        return Classification(highest(graph, raw), softmax(graph, raw), classes)
    scores = graph.node("Mul", raw, graph.constant(np.array(2.0))) if model.loss == "exponential" else raw
    label = above(graph, raw, 0.0, "Greater" if _tie_is_first(model) else "GreaterOrEqual")
    return Classification(label, two_sided(graph, sigmoid(graph, scores)), classes)


def _tie_is_first(model):
    """Up to 1.3 the first class was called where both are as likely, but for the exponential loss."""
    return hasattr(model._loss, "_raw_prediction_to_decision") and model.loss != "exponential"


def _raw(converter, model, frame):
    """What scikit-learn calls raw predictions: doubles `[N, trees of a round]`."""
    graph = converter.graph
    ensemble = TreeEnsemble(targets=model.estimators_.shape[1])
    for target, value in enumerate(_beginning(model)):
        ensemble.add_constant(float(value), target)
    for trees in model.estimators_:
        for target, tree in enumerate(trees):
            add_fitted(ensemble, tree.tree_, model.learning_rate * tree.tree_.value[:, 0, 0], target)
    return ensemble.node(graph, as_float32(graph, frame.matrix(graph, described(model))))


def _beginning(model):
    """The raw prediction before the first tree, a number a target."""
    strategies = _CONSTANT.get(described(model.init_), ())
    if not isinstance(model.init_, str) and getattr(model.init_, "strategy", None) not in strategies:
        raise Unsupported(f"{described(model)} begins with the answers of {described(model.init_)} (`init`)")
    return model._raw_predict_init(np.zeros((1, model.n_features_in_), dtype=np.float32)).ravel()
