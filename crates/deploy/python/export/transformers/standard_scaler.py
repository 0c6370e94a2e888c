"""StandardScaler: subtract, then divide, as scikit-learn does on dense tables."""

import numpy as np

from ..errors import described
from ..frame import Frame, numbers


def standard_scaler(converter, step, frame):
    graph = converter.graph
    scaled = frame.matrix(graph, described(step))
    if step.with_mean:
        scaled = graph.node("Sub", scaled, graph.constant(np.asarray(step.mean_, dtype=np.float64)))
    if step.with_std:
        scaled = graph.node("Div", scaled, graph.constant(np.asarray(step.scale_, dtype=np.float64)))
    return Frame(numbers(scaled, [column.origin for column in frame.columns]), frame.names)
