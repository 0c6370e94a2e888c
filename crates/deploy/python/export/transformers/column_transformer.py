"""ColumnTransformer: parts of the columns through transformers of their own, side by side again."""

import warnings

import numpy as np

from ..errors import Unsupported, described
from ..frame import Frame


def column_transformer(converter, step, frame):
    if step.transformer_weights:
        raise Unsupported(f"{described(step)} has `transformer_weights`, which are not covered")
    # The names it was fitted with, which an earlier step may have made up.
    names = getattr(step, "feature_names_in_", None)
    names = frame.names if names is None else [str(name) for name in names]
    columns = []
    for part, transformer, spec in step.transformers_:
        positions = _positions(step, part, spec, names, len(frame))
        if not positions or (isinstance(transformer, str) and transformer == "drop"):
            continue
        chosen = frame.select(positions)
        if not (isinstance(transformer, str) and transformer == "passthrough"):
            chosen = converter.transform(transformer, chosen)
        columns += chosen.columns
    return Frame(columns)


def _positions(step, part, spec, names, width):
    """The columns that `spec` means: names, indices, slices of either, or a mask."""
    if isinstance(spec, (str, int, np.integer)) or callable(spec):
        raise Unsupported(f"{described(step)} gives its part `{part}` a column that is not written as a list")
    if isinstance(spec, slice):
        return _sliced(step, spec, names, width)
    with warnings.catch_warnings():
        # Some versions warn when the list of a remainder is looked at.
        warnings.simplefilter("ignore")
        chosen = list(spec)
    if chosen and all(isinstance(one, (bool, np.bool_)) for one in chosen):
        return [int(place) for place in np.flatnonzero(chosen)]
    return [_position(step, one, names, width) for one in chosen]


def _sliced(step, spec, names, width):
    start, stop = spec.start, spec.stop
    if isinstance(start, str):
        start = _position(step, start, names, width)
    if isinstance(stop, str):
        # A slice of names includes its end, as in pandas.
        stop = _position(step, stop, names, width) + 1
    return list(range(*slice(start, stop, spec.step).indices(width)))


def _position(step, one, names, width):
    if isinstance(one, str):
        if names is None or one not in names:
            raise Unsupported(f"{described(step)} chooses the column `{one}`, which is not among the model's inputs")
        return names.index(one)
    return int(one) % width
