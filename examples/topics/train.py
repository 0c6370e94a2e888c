"""Learns which part of a library a passage of its documentation belongs to.

Leaves four files that are one model: the vectorizer, the weights, the classes, and `predict.py`,
which knows how they go together.
"""

import argparse
import json
import shutil
from pathlib import Path

import joblib
import numpy as np
import pandas as pd
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression

import predict


def main():
    parser = argparse.ArgumentParser(description="train the model of topics")
    parser.add_argument("--train", type=Path, required=True, help="rows to learn from, a Parquet file")
    parser.add_argument("--validation", type=Path, required=True, help="rows to choose by, a Parquet file")
    parser.add_argument("--model", type=Path, required=True, help="the folder to put the model into")
    parser.add_argument("--c", type=float, default=10.0, help="inverse strength of the penalty")
    options = parser.parse_args()

    train, validation = pd.read_parquet(options.train), pd.read_parquet(options.validation)
    vectorizer = TfidfVectorizer(sublinear_tf=True, ngram_range=(1, 2), min_df=2)
    classifier = LogisticRegression(C=options.c, max_iter=1000)
    classifier.fit(vectorizer.fit_transform(train["text"]), train["topic"])

    joblib.dump(vectorizer, options.model / "vectorizer.joblib")
    # Not `np.savez`: its archive holds the time, so that every training would make other bytes.
    np.save(options.model / "weights.npy", np.column_stack([classifier.coef_, classifier.intercept_]))
    (options.model / "classes.json").write_text(json.dumps(classifier.classes_.tolist()))
    shutil.copy("predict.py", options.model)

    answers = predict.predict(predict.load(options.model), validation["text"])
    right = [max(answer, key=answer.get) == topic for answer, topic in zip(answers, validation["topic"])]
    Path("metrics.json").write_text(json.dumps({"validation": {"accuracy": sum(right) / len(right)}}))


if __name__ == "__main__":
    main()
