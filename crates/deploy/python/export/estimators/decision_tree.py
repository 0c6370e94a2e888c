"""Single trees, and what a classifier's leaves say."""

import numpy as np
import sklearn

from ..errors import described
from .answer import Classification, Regression, highest, one_output
from .trees import TreeEnsemble, add_fitted, as_float32


def decision_tree_regressor(converter, model, frame):
    one_output(model)
    graph = converter.graph
    ensemble = TreeEnsemble(targets=1)
    add_fitted(ensemble, model.tree_, model.tree_.value[:, 0, 0], target=0)
    matrix = as_float32(graph, frame.matrix(graph, described(model)))
    return Regression(graph.squeeze(ensemble.node(graph, matrix)))


def decision_tree_classifier(converter, model, frame):
    one_output(model)
    graph = converter.graph
    rows = leaf_rows(converter, [model], frame, described(model))
    probabilities = graph.squeeze(rows)
    return Classification(highest(graph, probabilities), probabilities, len(model.classes_))


def leaf_rows(converter, trees, frame, reader):
    """The probabilities that each tree's leaf holds: doubles `[N, trees, classes]`.

    A leaf of a `TreeEnsemble` holds one number. Here that is the number of a row in a table of all leaves, which
    is exact, where a copy of every tree for each class would be as many times larger.
    """
    graph = converter.graph
    numbers = {}
    ensemble = TreeEnsemble(targets=len(trees))
    for target, tree in enumerate(trees):
        is_leaf = tree.tree_.children_left < 0
        rows = np.ascontiguousarray(_probabilities(tree.tree_)[is_leaf])
        # Most leaves of a deep forest say the same few things, so each distinct row is kept once.
        as_bytes = rows.view(np.dtype((np.void, rows.itemsize * rows.shape[1]))).ravel().tolist()
        number = np.zeros(tree.tree_.node_count)
        number[is_leaf] = [numbers.setdefault(row, len(numbers)) for row in as_bytes]
        add_fitted(ensemble, tree.tree_, number, target)
    table = np.frombuffer(b"".join(numbers), dtype=np.float64).reshape(len(numbers), -1)
    matrix = as_float32(graph, frame.matrix(graph, reader))
    leaves = graph.cast(ensemble.node(graph, matrix), "int64")
    return graph.node("Gather", graph.constant(table), leaves, axis=0)


def _probabilities(tree):
    """What `predict_proba` gives in each node; up to 1.2 a node holds weights, later shares."""
    values = tree.value[:, 0, :]
    if _version() >= (1, 3):
        return values
    total = values.sum(axis=1, keepdims=True)
    total[total == 0.0] = 1.0
    return values / total


def _version():
    major, minor = sklearn.__version__.split(".")[:2]
    return int(major), int(minor)
