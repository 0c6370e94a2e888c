"""Learns how far diabetes progresses within a year: ridge regression on scaled columns."""

import argparse
import json
from pathlib import Path

import joblib
import pandas as pd
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

TARGET = "progression"


def main():
    parser = argparse.ArgumentParser(description="train the model of progression")
    parser.add_argument("--train", type=Path, required=True, help="rows to learn from, a Parquet file")
    parser.add_argument("--model", type=Path, required=True, help="the folder to put the model into")
    parser.add_argument("--alpha", type=float, required=True, help="strength of the penalty")
    options = parser.parse_args()

    table = pd.read_parquet(options.train)
    features, target = table.drop(columns=TARGET), table[TARGET]
    model = make_pipeline(StandardScaler(), Ridge(alpha=options.alpha))
    # 442 patients are few: five folds say more than one part set aside.
    folds = cross_val_score(model, features, target, cv=5, scoring="r2")
    model.fit(features, target)

    joblib.dump(model, options.model / "model.joblib")
    metrics = {"train.r2": r2_score(target, model.predict(features)), "folds.r2": folds.mean()}
    Path("metrics.json").write_text(json.dumps(metrics, indent=2))


if __name__ == "__main__":
    main()
