"""Random pipelines on random tables.

MODELYARD_EXPORT_ROUNDS says how many (10 if unset), MODELYARD_EXPORT_SEED the first seed; each is printed, so that
one that fails can be repeated.
"""

import os
import sys

from compare import TOLERANCE, columns, difference, export  # isort: skip

import numpy as np
import pandas
import preparations
from models import VERSION, WANT_SCALED, all_models, fitted
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OrdinalEncoder, StandardScaler

WORDS = [
    "",
    "a",
    "A",
    "b c",
    "ß",
    "日本",
    "0",
    "nan",
    "None",
    "null",
    "-1.5",
    "é",
    "e\u0301",
    "\t",
    "x" * 300,
]


def table(rng, shape, rows, unseen):
    """Columns as `shape` lists them: (name, sort, missing share, scale)."""
    made = {}
    for name, sort, share, scale in shape:
        if sort == "text":
            known = WORDS[: 3 + scale]
            values = rng.choice(known + (["unseen", "?"] if unseen else []), rows).astype(object)
            values[rng.random(rows) < share] = np.nan
            made[name] = pandas.Series(values)
        elif sort == "whole":
            made[name] = rng.integers(-scale, scale + 1 + 2 * unseen, rows)
        elif sort == "flag":
            made[name] = rng.random(rows) < 0.3
        else:
            values = rng.standard_t(2, rows) * 10.0 ** (scale - 4)
            if sort == "stepped":
                values = np.round(values / 10.0 ** (scale - 4)) / 4.0
            values[rng.random(rows) < share] = np.nan
            made[name] = values
    return pandas.DataFrame(made)


def shape(rng):
    sorts = ["text", "text", "real", "real", "real", "whole", "flag", "stepped"]
    chosen = ["text", "real", *rng.choice(sorts, rng.integers(0, 7))]
    rng.shuffle(chosen)
    return [
        (f"c{place}", sort, rng.choice([0.0, 0.1, 0.4]), int(rng.integers(1, 9))) for place, sort in enumerate(chosen)
    ]


def encoder(rng):
    # Nothing is refused, since the rows asked have categories that were never seen.
    if rng.random() < 0.5:
        more = {"min_frequency": int(rng.integers(5, 60))} if rng.random() < 0.4 else {}
        handle = rng.choice(["ignore", "infrequent_if_exist"])
        return preparations.one_hot(handle_unknown=handle, drop=rng.choice([None, "first", "if_binary"]), **more)
    more = {"max_categories": int(rng.integers(2, 5))} if VERSION >= (1, 3) and rng.random() < 0.4 else {}
    return OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2, **more)


def filler(rng, scaled):
    steps = [
        SimpleImputer(strategy=rng.choice(["mean", "median", "most_frequent"]), add_indicator=bool(rng.random() < 0.4))
    ]
    if scaled or rng.random() < 0.7:
        steps.append(StandardScaler() if rng.random() < 0.5 else MinMaxScaler(clip=bool(rng.random() < 0.5)))
    return make_pipeline(*steps)


def preparation(rng, layout, scaled):
    texts = [name for name, sort, *_ in layout if sort == "text"]
    # An imputer refuses a table of booleans alone, so they are all encoded.
    coded = [
        name for name, sort, *_ in layout if sort == "flag" or (sort in ("whole", "stepped") and rng.random() < 0.5)
    ]
    rest = [name for name, *_ in layout if name not in texts + coded]
    parts = []
    for place, name in enumerate(texts):
        fill = [SimpleImputer(strategy=rng.choice(["most_frequent", "constant"]))] if rng.random() < 0.3 else []
        parts.append((f"text{place}", make_pipeline(*fill, encoder(rng)), [name]))
    parts.append(("coded", encoder(rng), coded))
    cut = int(rng.integers(0, len(rest) + 1))
    parts.append(("one", filler(rng, scaled), rest[:cut]))
    if cut < len(rest) and rng.random() < 0.3:
        parts.append(("dropped", "drop", rest[cut : cut + 1]))
    parts = [parts[place] for place in rng.permutation(len(parts))]
    return ColumnTransformer(parts, remainder=filler(rng, scaled))


def main():
    rounds = int(os.environ.get("MODELYARD_EXPORT_ROUNDS", "10"))
    first = int(os.environ.get("MODELYARD_EXPORT_SEED", "0"))
    failed = 0
    for seed in range(first, first + rounds):
        rng = np.random.default_rng(seed)
        layout = shape(rng)
        models = all_models()
        name, classes, model = models[rng.integers(len(models))]
        train = table(rng, layout, int(rng.integers(200, 900)), False)
        test = table(rng, layout, 300, True)
        train = train.assign(c_last=train.select_dtypes("number").fillna(0.0).iloc[:, 0])
        test = test.assign(c_last=test.select_dtypes("number").fillna(0.0).iloc[:, 0])
        layout = [*layout, ("c_last", "real", 0.0, 1)]
        signal = train["c_last"].rank().to_numpy() / len(train) + rng.normal(0.0, 0.3, len(train))
        if classes is not None:
            signal = np.array(classes)[
                np.searchsorted(np.quantile(signal, np.linspace(0, 1, len(classes) + 1)[1:-1]), signal)
            ]
        whole = make_pipeline(preparation(rng, layout, isinstance(model, WANT_SCALED)), model)
        try:
            found = difference(fitted(whole, train, signal), test)
            verdict = "" if found <= TOLERANCE else "TOO FAR"
        except AssertionError as error:
            found, verdict = float("nan"), f"FAILED: {error}"
        failed += bool(verdict)
        print(f"seed {seed:<6} {name:<46} {len(layout)} columns, {len(train)} rows   {found:.1e} {verdict}")
        assert export(whole, columns(test))
    sys.exit(f"{failed} of {rounds} failed" if failed else 0)


if __name__ == "__main__":
    main()
