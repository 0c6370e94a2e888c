"""Learns which of three cultivars a wine was made of."""

import argparse
import json
from pathlib import Path

import joblib
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

TARGET = "cultivar"


def main():
    parser = argparse.ArgumentParser(description="train the model of cultivars")
    parser.add_argument("--train", type=Path, required=True, help="rows to learn from, a Parquet file")
    parser.add_argument("--validation", type=Path, required=True, help="rows to choose by, a Parquet file")
    parser.add_argument("--model", type=Path, required=True, help="the folder to put the model into")
    parser.add_argument("--c", type=float, required=True, help="inverse strength of the penalty")
    options = parser.parse_args()

    train, validation = pd.read_parquet(options.train), pd.read_parquet(options.validation)
    model = make_pipeline(StandardScaler(), LogisticRegression(C=options.c, max_iter=1000))
    model.fit(train.drop(columns=TARGET), train[TARGET])

    joblib.dump(model, options.model / "model.joblib")
    answers = model.predict(validation.drop(columns=TARGET))
    metrics = {"validation": {"accuracy": accuracy_score(validation[TARGET], answers)}}
    Path("metrics.json").write_text(json.dumps(metrics, indent=2))


if __name__ == "__main__":
    main()
