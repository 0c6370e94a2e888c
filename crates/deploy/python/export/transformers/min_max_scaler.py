"""MinMaxScaler: multiply, add, and clip where asked for."""

import numpy as np

from ..errors import described
from ..frame import Frame, numbers


def min_max_scaler(converter, step, frame):
    graph = converter.graph
    scaled = frame.matrix(graph, described(step))
    scaled = graph.node("Mul", scaled, graph.constant(np.asarray(step.scale_, dtype=np.float64)))
    scaled = graph.node("Add", scaled, graph.constant(np.asarray(step.min_, dtype=np.float64)))
    if getattr(step, "clip", False):
        low, high = (graph.constant(np.array(bound, dtype=np.float64)) for bound in step.feature_range)
        # Not `Clip`: what that makes of NaN is not specified, and a missing value must stay one.
        scaled = graph.node("Where", graph.node("Less", scaled, low), low, scaled)
        scaled = graph.node("Where", graph.node("Greater", scaled, high), high, scaled)
    return Frame(numbers(scaled, [column.origin for column in frame.columns]), frame.names)
