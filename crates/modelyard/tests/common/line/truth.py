"""Prints the rows of a test part, the answers a build stored, and those of the package's model itself.

    python truth.py FOLDER TARGET

FOLDER holds `rows.parquet`, `predictions.parquet` and `package/`.
"""

import json
import sys
from pathlib import Path

import joblib
import pandas as pd


def main():
    folder, target = Path(sys.argv[1]), sys.argv[2]
    rows = pd.read_parquet(folder / "rows.parquet").drop(columns=target)
    rows.to_csv(folder / "rows.csv", index=False)
    stored = pd.read_parquet(folder / "predictions.parquet")
    document = {
        "rows": json.loads(rows.to_json(orient="records", date_format="iso", double_precision=15)),
        "stored": [answer(row) for row in stored.to_dict(orient="records")],
        "python": asked(folder / "package", rows),
    }
    # pandas writes at most 15 digits: floats are put in as Python writes them.
    for column in rows.select_dtypes("float"):
        for row, value in zip(document["rows"], rows[column].tolist()):
            row[column] = None if value != value else value
    json.dump(document, sys.stdout, allow_nan=False)


def answer(row):
    """A row of the table that the build stored."""
    prefix = "probability of "
    probabilities = {name.removeprefix(prefix): value for name, value in row.items() if name.startswith(prefix)}
    return {"prediction": row["prediction"], "probabilities": probabilities}


def asked(package, rows):
    """What the model answers, by its own code or as scikit-learn does."""
    manifest = json.loads((package / "manifest.json").read_text())
    inputs = [column["name"] for column in manifest["signature"]["inputs"]]
    if (package / "model" / "predict.py").exists():
        sys.path.insert(0, str(package / "model"))
        import predict

        answers = predict.predict(predict.load(package / "model"), rows[inputs[0]])
        return [{"prediction": max(row, key=row.get), "probabilities": row} for row in answers]
    model = joblib.load(package / "model" / "model.joblib")
    predictions = model.predict(rows[inputs]).tolist()
    if not hasattr(model, "predict_proba"):
        return [{"prediction": value} for value in predictions]
    classes = [str(label) for label in model.classes_.tolist()]
    probabilities = model.predict_proba(rows[inputs]).tolist()
    return [
        {"prediction": str(label), "own": label, "probabilities": dict(zip(classes, row))}
        for label, row in zip(predictions, probabilities)
    ]


if __name__ == "__main__":
    main()
