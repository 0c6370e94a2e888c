"""OneHotEncoder: the place of each value's 1, then a comparison with all places.

A lookup a column gives the number of the output column that is 1, or -1 where none is (a dropped or ignored
category), and one comparison for all columns spreads them out. A table of rows would do the same with as many
numbers as there are pairs of categories.
"""

import numpy as np

from ..errors import Unsupported, described
from ..frame import Frame, numbers
from .categories import ask, look_up, refuse_float32

_NOWHERE = -1.0


def one_hot_encoder(converter, step, frame):
    refuse_float32(step)
    widths = _widths(step)
    starts = np.concatenate([[0], np.cumsum(widths)]).astype(np.int64)
    is_sparse = getattr(step, "sparse_output", getattr(step, "sparse", False))
    known, unseen = ask(step, len(frame) if is_sparse else starts[-1], lambda encoded: _places(step, encoded, starts))
    places = []
    for place, column in enumerate(frame.columns):
        if unseen is None:
            converter.refuse_unseen(column)
        values = known[: len(step.categories_[place]), place]
        places.append(look_up(converter, step, place, column, values, _NOWHERE if unseen is None else unseen[place]))
    if starts[-1] == 0:
        return Frame([])
    graph = converter.graph
    spread = graph.concat(places)
    if len(places) > 1:
        owners = np.repeat(np.arange(len(widths), dtype=np.int64), widths)
        spread = graph.node("Gather", spread, graph.constant(owners), axis=1)
    here = graph.node("Equal", spread, graph.constant(np.arange(starts[-1], dtype=np.float64)))
    return Frame(numbers(graph.cast(here, "float64"), [None] * int(starts[-1])))


def _widths(step):
    """How many output columns each input column has."""
    infrequent = getattr(step, "infrequent_categories_", None)
    widths = []
    for place, categories in enumerate(step.categories_):
        width = len(categories)
        if infrequent is not None and infrequent[place] is not None and len(infrequent[place]):
            width -= len(infrequent[place]) - 1
        if step.drop_idx_ is not None and step.drop_idx_[place] is not None:
            width -= 1
        widths.append(width)
    return widths


def _places(step, encoded, starts):
    """The number of the output column that is 1, for each row and input column."""
    if encoded.shape[1] != starts[-1]:
        raise Unsupported(
            f"{described(step)} has {encoded.shape[1]} outputs, {starts[-1]} were expected of its categories"
        )
    encoded = encoded if hasattr(encoded, "tocsr") else np.asarray(encoded)
    places = np.full((encoded.shape[0], len(starts) - 1), _NOWHERE)
    rows, ones = encoded.nonzero()
    places[rows, np.searchsorted(starts, ones, side="right") - 1] = ones
    return places
