"""Pairs of samples, column by column: scikit-learn's shipped data sets, the flights example, edge cases.

Imported by `reference.py`, which asks Evidently about them, and run by `evidently.rs` with the interpreter that
MODELYARD_TEST_PYTHON names; then it prints them as JSON. Both must see the same numbers, so nothing is drawn
from a generator whose stream another version might change.
"""

import csv
import gzip
import json
import math
from pathlib import Path

from sklearn import datasets as shipped

FLIGHTS = Path(__file__).resolve().parents[4] / "examples" / "flights" / "data"


def halves(columns):
    """The first half against the second, and every other row against the rest."""
    rows = len(next(iter(columns.values())))
    yield "halves", range(rows // 2), range(rows // 2, rows)
    yield "alternating", range(0, rows, 2), range(1, rows, 2)


def long_reference(columns):
    """More than 1,000 rows in the reference: another branch of the preset."""
    rows = len(next(iter(columns.values())))
    yield "two thirds", range(rows * 2 // 3), range(rows * 2 // 3, rows)
    yield "threes", [row for row in range(rows) if row % 3], range(0, rows, 3)


def bunch(loaded, as_integers=False):
    names = [str(name) for name in loaded.feature_names]
    rows = loaded.data.tolist()
    columns = {name: [int(row[i]) if as_integers else row[i] for row in rows] for i, name in enumerate(names)}
    target = loaded.target.tolist()
    if isinstance(target[0], list):
        columns |= {str(name): [row[i] for row in target] for i, name in enumerate(loaded.target_names)}
        return columns
    columns["target"] = target
    if hasattr(loaded, "target_names") and isinstance(target[0], int):
        columns["class"] = [f"class {value}" for value in target]
    return columns


def flights(month):
    """Every third flight of a month."""
    with gzip.open(FLIGHTS / "flights" / f"flights-2013-{month:02}.csv.gz", "rt") as file:
        rows = list(csv.DictReader(file))[::3]

    def column(name, kind):
        return [kind(row[name]) if row[name] not in ("", "NA") else None for row in rows]

    integers = ["day", "sched_dep_time", "dep_delay", "arr_delay", "air_time", "flight", "distance", "hour", "minute"]
    found = {name: column(name, int) for name in integers}
    return found | {name: column(name, str) for name in ["carrier", "tailnum", "origin", "dest"]}


def wave(rows, step=0.7548776662466927, start=0.5):
    """Numbers that fill [0, 1) evenly and repeat in every version."""
    return [math.modf(start + step * row)[0] for row in range(rows)]


def edges(rows, others):
    """Columns that have something odd about them."""
    a, b = wave(rows), wave(others, start=0.25)
    missing = [None if row % 7 == 0 else value for row, value in enumerate(a)]
    return {
        "constant": ([3.5] * rows, [3.5] * others),
        "constant, another now": ([3.5] * rows, [4.5] * others),
        "varied, constant now": (a, [0.5] * others),
        "constant, varied now": ([0.5] * rows, b),
        "unchanged": (a, b),
        "shifted": (a, [value + 0.2 for value in b]),
        "apart": (a, [value + 5 for value in b]),
        "missing before": (missing, b),
        "missing now": (a, [None if row % 5 == 0 else value for row, value in enumerate(b)]),
        "infinite": (a[:-1] + [math.inf], b[:-2] + [-math.inf, math.inf]),
        "ties": ([round(value, 1) for value in a], [round(value * value, 1) for value in b]),
        "two numbers": ([float(value > 0.3) for value in a], [float(value > 0.4) for value in b]),
        "three numbers": ([float(int(value * 3)) for value in a], [float(int(value * value * 3)) for value in b]),
        "twenty numbers": ([float(int(value * 20)) for value in a], [float(int(value * 20)) for value in b]),
        "21 numbers": ([float(int(value * 21)) for value in a], [float(int(value * 21)) for value in b]),
        "21 integers": ([int(value * 21) for value in a], [int(value * value * 21) for value in b]),
        "ten integers": ([int(value * 10) for value in a], [int(value * value * 10) for value in b]),
        "ten integers now": ([int(value * 30) for value in a], [int(value * 10) for value in b]),
        "eleven integers": ([int(value * 11) for value in a], [int(value * value * 11) for value in b]),
        "integers, missing": ([int(value * 9) for value in a], [None] + [int(value * 9) for value in b[1:]]),
        "heavy tails": ([1 / (value + 1e-6) for value in a], [1 / (value + 1e-5) for value in b]),
        "tiny": ([value * 1e-9 for value in a], [value * 1.1e-9 for value in b]),
        "far from 0": ([1e9 + value for value in a], [1e9 + value**1.1 for value in b]),
        "one category": (["a"] * rows, ["a"] * others),
        "one category, another now": (["a"] * rows, ["b"] * others),
        "two categories": (["ab"[value > 0.3] for value in a], ["ab"[value > 0.33] for value in b]),
        "two categories, one now": (["ab"[value > 0.01] for value in a], ["b"] * others),
        "three categories": (["abc"[int(value * 3)] for value in a], ["abc"[int(value**1.2 * 3)] for value in b]),
        "unseen category": (["abc"[int(value * 2)] for value in a], ["abc"[int(value * 2.01)] for value in b]),
        "category gone": (["abc"[int(value * 2.02)] for value in a], ["abc"[int(value * 2)] for value in b]),
        "rare category": (["b" if row == 5 else "a" for row in range(rows)], ["a"] * others),
        "categories, missing": (
            [None if row % 9 == 0 else "xyz"[int(value * 3)] for row, value in enumerate(a)],
            [None if row % 3 == 0 else "xyz"[int(value * 3)] for row, value in enumerate(b)],
        ),
        "truth values": ([value > 0.3 for value in a], [value > 0.5 for value in b]),
        "nearly all different texts": (
            [f"text {row}" for row in range(rows)],
            [f"text {row}" for row in range(others)],
        ),
    }


def pairs():
    """Names of data set and split, and columns as (values of the reference, values now)."""
    sets = {
        "iris": shipped.load_iris(),
        "wine": shipped.load_wine(),
        "breast cancer": shipped.load_breast_cancer(),
        "diabetes": shipped.load_diabetes(scaled=False),
        "linnerud": shipped.load_linnerud(),
    }
    for name, loaded in sets.items():
        columns = bunch(loaded)
        for split, before, now in halves(columns):
            taken = {key: ([of[i] for i in before], [of[i] for i in now]) for key, of in columns.items()}
            yield f"{name}, {split}", taken
    for as_integers in [False, True]:
        columns = bunch(shipped.load_digits(), as_integers)
        name = "digits as integers" if as_integers else "digits"
        for split, before, now in long_reference(columns):
            taken = {key: ([of[i] for i in before], [of[i] for i in now]) for key, of in columns.items()}
            yield f"{name}, {split}", taken
    first = flights(1)
    for month in [2, 4]:
        now = flights(month)
        yield f"flights, month {month}", {name: (first[name], now[name]) for name in first}
    week = {name: [value for value, day in zip(of, first["day"]) if day <= 7] for name, of in first.items()}
    short = {name: of[:300] for name, of in week.items()}
    yield "flights, a week against its first 300", {name: (short[name], week[name]) for name in first}
    yield "edges, short", edges(600, 500)
    yield "edges, long", edges(1500, 1200)
    yield "edges, long against short", edges(12000, 700)
    yield "edges, short against long", edges(300, 11000)


def plain(values):
    return ["inf" if value == math.inf else "-inf" if value == -math.inf else value for value in values]


if __name__ == "__main__":
    print(
        json.dumps(
            {
                name: {column: [plain(before), plain(now)] for column, (before, now) in columns.items()}
                for name, columns in pairs()
            }
        )
    )
