"""Collects trees of any family into one `TreeEnsemble` node, in double.

Each target's leaves are summed from 0 in the order in which the trees were added, as scikit-learn's loops do.
"""

import numpy as np

_LESS_OR_EQUAL = 0
_SUM = 1


class TreeEnsemble:
    """Trees over the columns of one double tensor."""

    def __init__(self, targets):
        self._targets = targets
        self._splits = {
            name: [] for name in ("feature", "threshold", "missing_left", "to", "to_leaf", "other", "other_leaf")
        }
        self._roots = []
        self._weights = []
        self._leaf_targets = []
        self._split_count = 0
        self._leaf_count = 0

    def add_constant(self, value, target):
        """A tree of one leaf: a split whose two branches say the same."""
        self._add_splits([0], [0.0], [False], [self._leaf_count], [True], [self._leaf_count + 1], [True])
        self._add_leaves([value, value], target)

    def add(self, feature, threshold, missing_left, left, right, is_leaf, value, target):
        """A tree whose node 0 is the root; all arguments but `target` are arrays, a number a node.

        A row goes left where its `feature` is at most `threshold`, or missing and `missing_left`.
        """
        is_leaf = np.asarray(is_leaf, dtype=bool)
        value = np.asarray(value, dtype=np.float64)
        if is_leaf[0]:
            self.add_constant(float(value[0]), target)
            return
        split = ~is_leaf
        place = np.where(is_leaf, np.cumsum(is_leaf) - 1 + self._leaf_count, np.cumsum(split) - 1 + self._split_count)
        left, right = np.asarray(left, dtype=np.int64)[split], np.asarray(right, dtype=np.int64)[split]
        self._add_splits(
            np.asarray(feature)[split],
            np.asarray(threshold, dtype=np.float64)[split],
            np.asarray(missing_left, dtype=bool)[split],
            place[left],
            is_leaf[left],
            place[right],
            is_leaf[right],
        )
        self._add_leaves(value[is_leaf], target)

    def node(self, graph, matrix):
        """The sums of every target: doubles `[N, targets]`."""
        joined = {name: np.concatenate(parts) for name, parts in self._splits.items()}
        splits = len(joined["feature"])
        attributes = {
            "aggregate_function": _SUM,
            "leaf_targetids": _integers(np.concatenate(self._leaf_targets)),
            "leaf_weights": np.concatenate(self._weights),
            "n_targets": self._targets,
            "nodes_falseleafs": _integers(joined["other_leaf"]),
            "nodes_falsenodeids": _integers(joined["other"]),
            "nodes_featureids": _integers(joined["feature"]),
            "nodes_modes": np.full(splits, _LESS_OR_EQUAL, dtype=np.uint8),
            "nodes_splits": joined["threshold"],
            "nodes_trueleafs": _integers(joined["to_leaf"]),
            "nodes_truenodeids": _integers(joined["to"]),
            "tree_roots": [int(root) for root in self._roots],
        }
        if joined["missing_left"].any():
            attributes["nodes_missing_value_tracks_true"] = _integers(joined["missing_left"])
        return graph.node("TreeEnsemble", matrix, domain="ai.onnx.ml", **attributes)

    def _add_splits(self, feature, threshold, missing_left, to, to_leaf, other, other_leaf):
        self._roots.append(self._split_count)
        for name, values in zip(self._splits, (feature, threshold, missing_left, to, to_leaf, other, other_leaf)):
            self._splits[name].append(np.asarray(values))
        self._split_count += len(feature)

    def _add_leaves(self, values, target):
        self._weights.append(np.asarray(values, dtype=np.float64))
        self._leaf_targets.append(np.full(len(values), target, dtype=np.int64))
        self._leaf_count += len(values)


def _integers(values):
    return np.asarray(values).astype(np.int64).tolist()


def add_fitted(ensemble, tree, value, target):
    """Adds a `tree_` of scikit-learn's; `value` holds a number a node, of which the leaves' count."""
    is_leaf = tree.children_left < 0
    missing_left = getattr(tree, "missing_go_to_left", np.zeros(tree.node_count))
    ensemble.add(
        tree.feature,
        tree.threshold,
        missing_left,
        tree.children_left,
        tree.children_right,
        is_leaf,
        value,
        target,
    )


def as_float32(graph, matrix):
    """Trees of `sklearn.tree` see their input as float32, and compare that with a double threshold."""
    return graph.cast(graph.cast(matrix, "float32"), "float64")
