"""HistGradientBoosting: a baseline, then trees; missing values take a branch of their own choice.

A split on categories asks whether a value is in a set. Here it becomes a column of its own, looked up by the
category, that is 0 for the left branch and 1 for the right one, so that every split is a comparison.
"""

import numpy as np

from ..errors import Unsupported, described
from ..frame import Frame
from .answer import Classification, Regression, above, highest, one_output, sigmoid, softmax, two_sided
from .trees import TreeEnsemble

_LINKS = {"squared_error", "absolute_error", "least_squares", "least_absolute_deviation", "quantile"}
_LOG_LINKS = {"poisson", "gamma"}


def hist_gradient_boosting_regressor(converter, model, frame):
    graph = converter.graph
    raw = _raw(converter, model, frame)
    if model.loss in _LOG_LINKS:
        raw = graph.node("Exp", raw)
    elif model.loss not in _LINKS:
        raise Unsupported(f"{described(model)} with `loss` '{model.loss}' is not covered")
    return Regression(graph.squeeze(raw))


def hist_gradient_boosting_classifier(converter, model, frame):
    one_output(model)
    graph = converter.graph
    raw = _raw(converter, model, frame)
    classes = len(model.classes_)
    if classes > 2:
        return Classification(highest(graph, raw), softmax(graph, raw), classes)
    return Classification(above(graph, raw, 0.0), two_sided(graph, sigmoid(graph, raw)), classes)


def _raw(converter, model, frame):
    """What scikit-learn calls raw predictions: doubles `[N, trees of a round]`."""
    graph = converter.graph
    frame, categories = _preprocessed(converter, model, frame)
    sets = _CategorySplits(categories, model._predictors)
    ensemble = TreeEnsemble(targets=len(model._predictors[0]) if model._predictors else 1)
    for target, value in enumerate(np.ravel(model._baseline_prediction)):
        ensemble.add_constant(float(value), target)
    for predictors in model._predictors:
        for target, predictor in enumerate(predictors):
            nodes = predictor.nodes
            features, thresholds, missing_left = sets.as_comparisons(predictor)
            ensemble.add(
                features,
                thresholds,
                missing_left,
                nodes["left"],
                nodes["right"],
                nodes["is_leaf"],
                nodes["value"],
                target,
            )
    matrix = frame.matrix(graph, described(model))
    return ensemble.node(graph, graph.concat([matrix, *sets.columns(graph, frame)]))


def _preprocessed(converter, model, frame):
    """The frame as the trees see it, and how many categories each column has (0 for numbers)."""
    if getattr(model, "is_categorical_", None) is None:
        return frame, [0] * len(frame)
    preprocessor = getattr(model, "_preprocessor", None)
    if preprocessor is None:
        raise Unsupported(f"{described(model)} has `categorical_features` of a version before 1.4")
    encoder = preprocessor.named_transformers_["encoder"]
    is_categorical = np.asarray(model.is_categorical_, dtype=bool)
    encoded = converter.transform(encoder, frame.select(np.flatnonzero(is_categorical)))
    # The preprocessor puts categories first.
    rest = frame.select(np.flatnonzero(~is_categorical))
    counts = [sum(not _is_missing(value) for value in values) for values in encoder.categories_]
    return Frame(encoded.columns + rest.columns), counts + [0] * len(rest)


class _CategorySplits:
    """Splits on categories, each distinct one a further column behind the model's own."""

    def __init__(self, counts, predictors):
        self._counts = counts
        keys = dict.fromkeys(
            self._key(predictor, place)
            for round_of_trees in predictors
            for predictor in round_of_trees
            for place in _categorical_nodes(predictor)
        )
        #: (feature, which categories go right, whether a missing one does), a feature's splits together.
        self._splits = sorted(keys, key=lambda key: key[0])
        self._columns = {key: len(counts) + place for place, key in enumerate(self._splits)}

    def as_comparisons(self, predictor):
        """Feature, threshold and `missing_left` a node, all of them comparisons."""
        features = predictor.nodes["feature_idx"].astype(np.int64)
        thresholds = predictor.nodes["num_threshold"].astype(np.float64)
        missing_left = predictor.nodes["missing_go_to_left"].astype(bool)
        for place in _categorical_nodes(predictor):
            features[place] = self._columns[self._key(predictor, place)]
            thresholds[place] = 0.5
        return features, thresholds, missing_left

    def columns(self, graph, frame):
        """A tensor `[N, splits]` for each feature that has any, in the order of the columns."""
        written = []
        for feature in dict.fromkeys(key[0] for key in self._splits):
            # A row a category, and a last one for what is missing or was never seen.
            table = np.array(
                [[*right, missing] for of, right, missing in self._splits if of == feature], dtype=np.float64
            ).T
            code = frame.select([feature]).matrix(graph, "the model")
            last = graph.constant(np.array(float(self._counts[feature])))
            row = graph.node("Where", graph.node("IsNaN", code), last, code)
            row = graph.cast(graph.squeeze(row), "int64")
            written.append(graph.node("Gather", graph.constant(np.ascontiguousarray(table)), row, axis=0))
        return written

    def _key(self, predictor, place):
        node = predictor.nodes[place]
        feature = int(node["feature_idx"])
        goes_left = [int(word) for word in predictor.raw_left_cat_bitsets[node["bitset_idx"]]]
        right = tuple(1 - (goes_left[code // 32] >> code % 32 & 1) for code in range(self._counts[feature]))
        return feature, right, 1 - int(node["missing_go_to_left"])


def _categorical_nodes(predictor):
    nodes = predictor.nodes
    return np.flatnonzero(nodes["is_categorical"].astype(bool) & ~nodes["is_leaf"].astype(bool))


def _is_missing(category):
    return category is None or category != category
