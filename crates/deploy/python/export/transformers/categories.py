"""What a fitted encoder makes of each category, found by asking it.

Infrequent, dropped and ignored categories, unknown and missing values: the encoder itself answers for all of
them, so a version that treats one differently is followed without knowing how.
"""

import math
import warnings

import numpy as np

from ..errors import Unsupported, described
from ..frame import MISSING, MISSING_STRING, Frame, Text

#: Beyond this, neighbouring whole numbers are the same double.
_EXACT_INTEGERS = 2**53

#: Numbers in an answer of the encoder at most; a wide one-hot encoder gives a long row for each category.
_CHUNK_CELLS = 4_000_000


def ask(step, width, read):
    """What the encoder says of every category and of one never seen: `(known, unseen)`.

    Row i of the table asked holds category i of every column (the last one again where a column has fewer).
    `width` is how many numbers the encoder holds in memory for a row; `read` makes an array `[rows, columns]` of
    what it gives. `unseen` is one such row, or None where the encoder refuses what it has not seen.
    """
    columns = [list(values) for values in step.categories_]
    if any(not values for values in columns):
        raise Unsupported(f"{described(step)} has a column without any category")
    height = max(len(values) for values in columns)
    known = []
    chunk = max(1, _CHUNK_CELLS // max(1, width))
    for start in range(0, height, chunk):
        rows = range(start, min(start + chunk, height))
        known.append(
            read(_transformed(step, [[values[min(row, len(values) - 1)] for values in columns] for row in rows]))
        )
    unseen = None
    if step.handle_unknown != "error":
        unseen = read(_transformed(step, [[_never_seen(values) for values in columns]]))[0]
    return np.concatenate(known), unseen


def _transformed(step, rows):
    table = np.empty((len(rows), len(rows[0])), dtype=object)
    for row, values in enumerate(rows):
        for place, value in enumerate(values):
            table[row, place] = value
    with warnings.catch_warnings():
        # The table has no column names, and unknown categories are what is asked for.
        warnings.simplefilter("ignore")
        return step.transform(table)


def look_up(converter, step, place, column, values, unseen):
    """Encodes `column` by a table: the tensor `[N, 1]` of doubles.

    `values[i]` is the code of `step.categories_[place][i]`, `unseen` that of anything else.
    """
    categories = list(step.categories_[place])
    codes = _text_codes if isinstance(column, Text) else _number_codes
    # An encoder needs a key; the one given to it where there is none can't be met.
    found = codes(converter, step, categories, column, values) or {MISSING_STRING * 2: unseen}
    keys = list(found)
    is_text = isinstance(column, Text)
    table = np.array(keys, dtype=object if is_text else np.float64)
    return converter.graph.node(
        "LabelEncoder",
        column.tensor if is_text else Frame([column]).matrix(converter.graph, described(step)),
        domain="ai.onnx.ml",
        keys_tensor=table,
        values_tensor=np.array([found[key] for key in keys], dtype=np.float64),
        default_tensor=np.array([unseen], dtype=np.float64),
    )


def refuse_float32(step):
    """Raises `Unsupported` where the encoder makes its codes less exact than the rest of the graph."""
    if np.dtype(step.dtype) in (np.dtype(np.float32), np.dtype(np.float16)):
        raise Unsupported(
            f"{described(step)} has `dtype` {np.dtype(step.dtype).name}; only float64 and whole numbers are covered"
        )


def _text_codes(converter, step, categories, column, values):
    """Code by text, the sentinel of a missing one included."""
    by_category = {}
    missing = []
    for category, value in zip(categories, values):
        if _is_missing(category):
            if converter.stands_for_missing(None if category is None else math.nan):
                missing.append(value)
        elif isinstance(category, str):
            by_category[str(category)] = value
        else:
            raise Unsupported(
                f"{described(step)} learnt {type(category).__name__} values in the text column `{column.origin}`"
            )
    for text in by_category:
        if "\0" in text or text == MISSING_STRING or not _is_unicode(text):
            raise Unsupported(f"a category of `{column.origin}` holds a character that can't be passed on")
    if column.missing is not MISSING:
        missing = [by_category[column.missing]] if column.missing in by_category else []
    elif len(missing) > 1:
        raise Unsupported(
            f"{described(step)} has two kinds of missing values (None and NaN) in `{column.origin}`; "
            "which of them a missing text is can't be told"
        )
    found = {}
    for text in list(by_category) + [text for text in column.replaced if text not in by_category]:
        seen_as = column.seen_as(text)
        if seen_as in by_category:
            found[text] = by_category[seen_as]
    if missing:
        found[MISSING_STRING] = missing[0]
    return found


def _number_codes(converter, step, categories, column, values):
    """Code by number; NaN stands for a missing one."""
    found = {}
    missing = []
    for category, value in zip(categories, values):
        if _is_missing(category):
            missing.append(value)
        elif isinstance(category, (str, bytes)):
            raise Unsupported(f"{described(step)} learnt texts in {_called(column)}, whose values are numbers")
        elif isinstance(category, (int, np.integer)) and abs(int(category)) > _EXACT_INTEGERS:
            raise Unsupported(f"{described(step)} learnt whole numbers beyond 2^53 in {_called(column)}")
        else:
            found[float(category)] = value
    if len(missing) > 1:
        raise Unsupported(f"{described(step)} has two kinds of missing values (None and NaN) in {_called(column)}")
    if missing:
        found[math.nan] = missing[0]
    return found


def _is_unicode(text):
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _called(column):
    return "a column that an earlier step made" if column.origin is None else f"the column `{column.origin}`"


def _is_missing(category):
    return category is None or (isinstance(category, (float, np.floating)) and math.isnan(category))


def _never_seen(values):
    present = [value for value in values if not _is_missing(value)]
    if present and isinstance(present[0], (str, bytes)):
        return max(str(value) for value in present) + "?"
    return max((abs(float(value)) for value in present), default=0.0) * 2.0 + 1.0
