"""Learns which flights land late. Plain scikit-learn: nothing in here knows of Modelyard.

By hand: `python train.py --train train.parquet --validation validation.parquet --model model/`.
"""

import argparse
import json
from pathlib import Path

import joblib
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder

TARGET = "late"
CATEGORIES = ["carrier", "origin", "dest"]
NUMBERS = ["hour", "distance", "temp", "wind_speed", "visib", "precip", "pressure", "seats", "recent_delay"]


def build(learning_rate, leaves):
    """A pipeline that is not fitted yet."""
    columns = ColumnTransformer(
        [
            # A destination that was not there in training is none of those that were.
            ("categories", OneHotEncoder(handle_unknown="ignore", sparse_output=False), CATEGORIES),
            # The trees find the scale by themselves, and a missing value has a branch of its own.
            ("numbers", "passthrough", NUMBERS),
        ]
    )
    trees = HistGradientBoostingClassifier(
        learning_rate=learning_rate,
        max_leaf_nodes=leaves,
        max_iter=150,
        # Four months of flights hold a few dozen bad days. Without this, trees learn those by
        # heart: large ones reach 1.00 in training and 0.64 on flights that are yet to come.
        min_samples_leaf=200,
        early_stopping=False,
        # Above 10,000 rows this estimator draws a sample: without a seed, another one every time.
        random_state=0,
    )
    return Pipeline([("columns", columns), ("trees", trees)])


def scores(model, table):
    """What is reported about the rows of `table`."""
    probabilities = model.predict_proba(table[CATEGORIES + NUMBERS])[:, 1]
    return {
        "roc_auc": roc_auc_score(table[TARGET], probabilities),
        "log_loss": log_loss(table[TARGET], probabilities),
    }


def main():
    parser = argparse.ArgumentParser(description="train the model of late flights")
    parser.add_argument("--train", type=Path, required=True, help="rows to learn from, a Parquet file")
    parser.add_argument("--validation", type=Path, required=True, help="rows to choose by, a Parquet file")
    parser.add_argument("--model", type=Path, required=True, help="the folder to put the model into")
    parser.add_argument("--learning-rate", type=float, default=0.05)
    parser.add_argument("--leaves", type=int, default=15, help="most leaves a tree may have")
    options = parser.parse_args()

    train = pd.read_parquet(options.train)
    validation = pd.read_parquet(options.validation)
    model = build(options.learning_rate, options.leaves)
    model.fit(train[CATEGORIES + NUMBERS], train[TARGET])

    joblib.dump(model, options.model / "model.joblib")
    metrics = {"train": scores(model, train), "validation": scores(model, validation)}
    Path("metrics.json").write_text(json.dumps(metrics, indent=2))


if __name__ == "__main__":
    main()
