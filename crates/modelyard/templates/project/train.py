"""Train a model of tomorrow's rain: a plain program, started by `modelyard run`.

Rows come in as CSV files, the model goes out as a file in a folder, and each line on standard
output of the form {"metric": NAME, "value": NUMBER} is recorded with the run.
"""

import argparse
import json
import pathlib

import joblib
import pandas
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

TARGET = "rain_tomorrow"
CATEGORIES = ["weather", "month"]
NUMBERS = ["precipitation", "temp_max", "temp_min", "wind"]


def build(c):
    """The model, not yet trained; a smaller `c` trusts the data less."""
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), CATEGORIES),
        (StandardScaler(), NUMBERS),
    )
    return make_pipeline(columns, LogisticRegression(C=c, max_iter=1000))


def report(name, value):
    """Record a metric with the run."""
    print(json.dumps({"metric": name, "value": float(value)}))


def main():
    """Train on one file of rows, report on another, keep the model."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--train", required=True)
    parser.add_argument("--validation", required=True)
    parser.add_argument("--model", required=True, type=pathlib.Path)
    parser.add_argument("--c", type=float, default=1.0)
    args = parser.parse_args()

    train = pandas.read_csv(args.train)
    model = build(args.c).fit(train[CATEGORIES + NUMBERS], train[TARGET])

    validation = pandas.read_csv(args.validation)
    probability = model.predict_proba(validation[CATEGORIES + NUMBERS])[:, 1]
    report("validation.roc_auc", roc_auc_score(validation[TARGET], probability))
    report("validation.log_loss", log_loss(validation[TARGET], probability))

    joblib.dump(model, args.model / "model.joblib")


if __name__ == "__main__":
    main()
