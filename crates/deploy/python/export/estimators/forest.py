"""Random forests and extra trees: the mean of their trees, summed one after the other."""

import numpy as np

from ..errors import described
from .answer import Classification, Regression, highest, one_output
from .decision_tree import leaf_rows
from .trees import TreeEnsemble, add_fitted, as_float32


def forest_regressor(converter, model, frame):
    one_output(model)
    graph = converter.graph
    ensemble = TreeEnsemble(targets=1)
    for tree in model.estimators_:
        add_fitted(ensemble, tree.tree_, tree.tree_.value[:, 0, 0], target=0)
    matrix = as_float32(graph, frame.matrix(graph, described(model)))
    return Regression(graph.squeeze(_mean(graph, ensemble.node(graph, matrix), model)))


def forest_classifier(converter, model, frame):
    one_output(model)
    graph = converter.graph
    rows = leaf_rows(converter, model.estimators_, frame, described(model))
    # A running sum adds tree after tree, as scikit-learn does; a `ReduceSum` may take another order, whose last
    # bit decides a tie between two classes.
    running = graph.node("CumSum", rows, graph.constant(np.array(1)))
    total = graph.node("Gather", running, graph.constant(np.array(len(model.estimators_) - 1)), axis=1)
    probabilities = _mean(graph, total, model)
    return Classification(highest(graph, probabilities), probabilities, len(model.classes_))


def _mean(graph, total, model):
    return graph.node("Div", total, graph.constant(np.array(float(len(model.estimators_)))))
