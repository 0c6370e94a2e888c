"""Tables to learn from and to be asked with: flights that never flew."""

import numpy as np
import pandas

CARRIERS = ["AA", "B6", "DL", "UA", "é", "", "zz top", "OO", "nan", "None"]
SHARES = [0.3, 0.25, 0.2, 0.1, 0.05, 0.04, 0.03, 0.015, 0.01, 0.005]

TEXTS = ["carrier", "dest"]
NUMBERS = ["temp", "wind", "seats", "holiday"]
CODES = ["month", "zone"]


def flights(rows, seed, missing=np.nan, unseen=False):
    """Texts with rare and missing ones, continuous and scaled numbers, whole numbers, booleans, numbers as codes.

    `missing` stands for a missing text. With `unseen` there are categories that no other table has.
    """
    rng = np.random.default_rng(seed)
    carriers = rng.choice(CARRIERS, rows, p=SHARES).astype(object)
    dest = rng.choice(["ATL", "BOS", "ORD", "SEA"], rows).astype(object)
    dest[rng.random(rows) < 0.15] = missing
    month = rng.integers(1, 13, rows)
    zone = rng.choice([-5.5, -5.0, 0.0, 1.25], rows)
    zone[rng.random(rows) < 0.1] = np.nan
    if unseen:
        carriers[::7] = rng.choice(["unseen", "AAA", "aa"], len(carriers[::7]))
        dest[::11] = "XXX"
        month[::5] = 13
        zone[::9] = 77.0
    temp = rng.normal(283.0, 9.0, rows)
    temp[rng.random(rows) < 0.1] = np.nan
    # Where the caller has objects in a column of texts, pandas would make them `str` by itself.
    text = object if missing is None else None
    return pandas.DataFrame(
        {
            "carrier": pandas.Series(carriers, dtype=text),
            "temp": temp,
            "dest": pandas.Series(dest, dtype=text),
            "wind": rng.gamma(2.0, 1e4, rows),
            "seats": rng.integers(9, 400, rows),
            "holiday": rng.random(rows) < 0.2,
            "month": month,
            "zone": zone,
        }
    )


def target(table, seed, classes=None):
    """A number that depends on the columns and on chance, or one of `classes`."""
    rng = np.random.default_rng(seed)
    signal = (
        np.nan_to_num(table["temp"], nan=280.0) / 9.0
        + (table["carrier"] == "AA") * 2.0
        + (table["dest"] == "BOS") * 1.0
        - np.log1p(table["wind"]) * 0.5
        + np.sin(table["month"])
        + rng.normal(0.0, 1.0, len(table))
    ).to_numpy()
    if classes is None:
        return signal
    edges = np.quantile(signal, np.linspace(0, 1, len(classes) + 1)[1:-1])
    return np.array(classes)[np.searchsorted(edges, signal)]
