"""OrdinalEncoder: each category's code, by one table a column."""

import math

import numpy as np

from ..frame import Frame, Number
from .categories import ask, look_up, refuse_float32


def ordinal_encoder(converter, step, frame):
    refuse_float32(step)
    known, unseen = ask(step, len(frame), lambda encoded: np.asarray(encoded, dtype=np.float64))
    columns = []
    for place, column in enumerate(frame.columns):
        if unseen is None:
            converter.refuse_unseen(column)
        values = known[: len(step.categories_[place]), place]
        columns.append(
            Number(look_up(converter, step, place, column, values, math.nan if unseen is None else unseen[place]))
        )
    return Frame(columns, frame.names)
