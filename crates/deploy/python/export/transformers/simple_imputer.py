"""SimpleImputer: missing numbers replaced in the graph, missing texts where an encoder looks them up."""

import dataclasses
import math

import numpy as np

from ..errors import Unsupported, described
from ..frame import MISSING, MISSING_STRING, Frame, Number, Text, numbers


def simple_imputer(converter, step, frame):
    kept = [place for place, statistic in enumerate(step.statistics_) if not _is_nan(statistic)]
    if len(kept) < len(frame) and getattr(step, "keep_empty_features", False):
        raise Unsupported(f"{described(step)} keeps a column (`keep_empty_features`) in which it saw no value")
    # A column in which nothing was seen is left out, as scikit-learn does.
    filled = _filled_numbers(converter.graph, step, frame, kept)
    for place in kept:
        column = frame.columns[place]
        if isinstance(column, Text):
            filled[place] = _filled_text(converter, step, column, step.statistics_[place])
    columns = [filled[place] for place in kept]
    indicator = getattr(step, "indicator_", None)
    if indicator is not None:
        columns += [_indicated(converter, step, frame.columns[int(place)]) for place in indicator.features_]
    return Frame(columns)


def _filled_numbers(graph, step, frame, kept):
    """The columns of numbers by their place, all filled at once."""
    places = [place for place in kept if isinstance(frame.columns[place], Number)]
    columns = [frame.columns[place] for place in places]
    statistics = [step.statistics_[place] for place in places]
    for statistic in statistics:
        if isinstance(statistic, (str, bytes)) or statistic is None:
            raise Unsupported(f"{described(step)} fills a column of numbers with {statistic!r}")
    if not places or _never_a_number(step):
        return dict(zip(places, columns))
    matrix = Frame(columns).matrix(graph, described(step))
    fill = graph.constant(np.array([float(statistic) for statistic in statistics]))
    matrix = graph.node("Where", _is_missing(graph, step, matrix), fill, matrix)
    return dict(zip(places, numbers(matrix, [column.origin for column in columns])))


def _filled_text(converter, step, column, statistic):
    if not isinstance(statistic, str):
        raise Unsupported(
            f"{described(step)} fills the text column `{column.origin}` with {statistic!r}, which is no text"
        )
    statistic = str(statistic)
    wanted = step.missing_values
    if wanted is None or _is_nan(wanted):
        if column.missing is MISSING and converter.stands_for_missing(wanted):
            return dataclasses.replace(column, missing=statistic)
        return column
    if not isinstance(wanted, str):
        raise Unsupported(f"{described(step)} takes {wanted!r} for missing in the text column `{column.origin}`")
    replaced = {text: statistic if seen == wanted else seen for text, seen in column.replaced.items()}
    replaced.setdefault(wanted, statistic)
    missing = statistic if column.missing == wanted else column.missing
    return dataclasses.replace(column, missing=missing, replaced=replaced)


def _indicated(converter, step, column):
    """1 where the column's value was missing, else 0."""
    graph = converter.graph
    if isinstance(column, Number):
        if _never_a_number(step):
            raise Unsupported(f"{described(step)} marks values that a column of numbers can't hold")
        matrix = Frame([column]).matrix(graph, described(step))
        return Number(graph.cast(_is_missing(graph, step, matrix), "float64"))
    wanted = step.missing_values
    if wanted is None or _is_nan(wanted):
        texts = [MISSING_STRING] if column.missing is MISSING and converter.stands_for_missing(wanted) else []
    else:
        texts = [text for text in dict.fromkeys([wanted, *column.replaced]) if column.seen_as(text) == wanted]
        texts += [MISSING_STRING] if column.missing == wanted else []
    return Number(
        graph.node(
            "LabelEncoder",
            column.tensor,
            domain="ai.onnx.ml",
            keys_tensor=np.array(texts or [MISSING_STRING * 2], dtype=object),
            values_tensor=np.array([1.0] * max(len(texts), 1)),
            default_tensor=np.array([0.0]),
        )
    )


def _never_a_number(step):
    return step.missing_values is None or isinstance(step.missing_values, str)


def _is_missing(graph, step, matrix):
    wanted = step.missing_values
    if _is_nan(wanted):
        return graph.node("IsNaN", matrix)
    if not isinstance(wanted, (int, float, np.number)):
        raise Unsupported(f"{described(step)} takes {wanted!r} for missing, which is not covered")
    return graph.node("Equal", matrix, graph.constant(np.array(float(wanted))))


def _is_nan(value):
    return isinstance(value, (float, np.floating)) and math.isnan(value)
