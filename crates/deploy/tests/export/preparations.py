"""What stands before the estimators: each a function that gives a new, unfitted transformer."""

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, OrdinalEncoder, StandardScaler
from tables import CODES, NUMBERS, TEXTS


def one_hot(**parameters):
    """A OneHotEncoder that gives dense output in every version."""
    try:
        return OneHotEncoder(sparse_output=False, **parameters)
    except TypeError:
        return OneHotEncoder(sparse=False, **parameters)


def usual():
    """Infrequent and unseen categories, missing numbers, scaled columns."""
    return ColumnTransformer(
        [
            ("carrier", one_hot(min_frequency=40, handle_unknown="infrequent_if_exist"), ["carrier"]),
            (
                "codes",
                OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
                ["dest", "month", "zone"],
            ),
            ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), NUMBERS),
        ]
    ), make_pipeline(SimpleImputer(), "passthrough")


def filled():
    """Ignored categories, a dropped one, marked missing values, numbers between 0 and 1."""
    return ColumnTransformer(
        [
            (
                "texts",
                make_pipeline(SimpleImputer(strategy="most_frequent"), one_hot(handle_unknown="ignore")),
                TEXTS,
            ),
            ("codes", one_hot(drop="first", handle_unknown="ignore"), CODES),
            (
                "numbers",
                make_pipeline(SimpleImputer(strategy="median", add_indicator=True), MinMaxScaler(clip=True)),
                [1, 3],
            ),
        ],
        remainder="passthrough",
    ), "passthrough"


def numbers():
    """Numbers as they are, but for missing ones."""
    return ColumnTransformer([("numbers", SimpleImputer(), NUMBERS)]), "passthrough"


def missing_kept():
    """For estimators that know missing values."""
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
    return ColumnTransformer(
        [("texts", encoder, TEXTS), ("numbers", StandardScaler(), NUMBERS)], remainder="passthrough"
    ), "passthrough"


def pipeline(preparation, estimator):
    return Pipeline([*((f"step{place}", step) for place, step in enumerate(preparation())), ("model", estimator)])
