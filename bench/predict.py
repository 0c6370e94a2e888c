"""Predictions in batch, CSV to CSV, beside the pandas and scikit-learn script that one would write.

The rows are the example project's own, joined as its SQL does, `COPIES` times over.
"""

import subprocess

import measure

ROUNDS = 3
COPIES = 5

# Run with the peer's Python: the example's rows, features alone.
MAKE_ROWS = """
import sys
from pathlib import Path
import pandas as pd
example, target, copies = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
flights = pd.concat(pd.read_csv(path) for path in sorted(example.glob("data/flights/*.csv.gz")))
weather, planes = (pd.read_csv(example / "data" / f"{name}.csv.gz") for name in ("weather", "planes"))
rows = flights.merge(weather.drop_duplicates(["origin", "time_hour"])[["origin", "time_hour", "temp", "wind_speed",
    "visib", "precip", "pressure"]], on=["origin", "time_hour"], how="left")
rows = rows.merge(planes[["tailnum", "seats"]], on="tailnum", how="left")
rows["recent_delay"] = rows["dep_delay"].fillna(120).clip(upper=120)
rows = rows[["carrier", "origin", "dest", "hour", "distance", "temp", "wind_speed", "visib", "precip", "pressure",
    "seats", "recent_delay"]]
pd.concat([rows] * copies).to_csv(target, index=False)
"""

PEER = """
import sys
import joblib
import pandas as pd
model = joblib.load(sys.argv[1])
rows = pd.read_csv(sys.argv[2])
probabilities = model.predict_proba(rows)
rows["prediction"] = model.classes_[probabilities.argmax(axis=1)]
for label, column in zip(model.classes_, probabilities.T):
    rows[f"probability of {label}"] = column
rows.to_csv(sys.argv[3], index=False)
"""


def main():
    verdicts = measure.Verdicts()
    folder = measure.workspace("predict")
    project = measure.example("flights", folder)
    python = measure.environment("requirements-mlflow.txt") / "python"
    rows = folder / "rows.csv"
    subprocess.run([python, "-c", MAKE_ROWS, project, rows, str(COPIES)], check=True)
    count = sum(1 for _ in open(rows)) - 1

    measure.cpu_seconds([measure.binary(), "run"], project)
    package = folder / "package"
    measure.cpu_seconds([measure.binary(), "models", "download", "late-flights@1", str(package)], project)
    joblib = package / "model" / "model.joblib"

    ours = [measure.binary(), "predict", "late-flights@1", str(rows), str(folder / "ours.csv")]
    theirs = [str(python), "-c", PEER, str(joblib), str(rows), str(folder / "theirs.csv")]
    our_cpu = measure.median_cpu(ours, project, ROUNDS, lambda: (folder / "ours.csv").unlink(missing_ok=True))
    their_cpu = measure.median_cpu(theirs, project, ROUNDS)
    print(f"predict, {count:,} rows, CSV to CSV: {our_cpu:.2f} CPU-s, pandas and scikit-learn {their_cpu:.2f}")
    verdicts.at_least("`modelyard predict` against pandas and scikit-learn", their_cpu / our_cpu, 5)
    verdicts.exit()


if __name__ == "__main__":
    main()
