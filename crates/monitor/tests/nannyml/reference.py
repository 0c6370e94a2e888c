"""Writes rows.json and reference.json: what NannyML 0.13.1 estimates on data that its wheel ships.

The rows are counted, since an estimate does not depend on their order: `[chunk, truth, answer, probabilities, rows]`.
Of data sets whose probabilities have more than two decimals fewer rows are taken. A case with `power` raises the
probabilities to that power, so that they clearly need calibration: where they hardly do, chance decides.

    python3 -m venv venv && venv/bin/pip install nannyml==0.13.1 statsmodels
    venv/bin/python crates/monitor/tests/nannyml/reference.py
"""

import json
import logging
import math
import os
import pathlib
import warnings
from collections import Counter

os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"
import nannyml
import numpy
import pandas
import sklearn

warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)
HERE = pathlib.Path(__file__).parent
DATA = pathlib.Path(nannyml.__file__).parent / "datasets" / "data"
METRICS = ["roc_auc", "f1", "precision", "recall", "accuracy"]


def binary(reference, analysis, truth, probability, answer):
    """Frames with the columns truth, answer and one probability; the chunks of the second are its parts."""
    names = {truth: "truth", answer: "answer", probability: "p"}
    return [frame[list(names)].rename(columns=names).reset_index(drop=True) for frame in [reference, *analysis]]


def parts(frame, rows, count):
    return [frame.iloc[start : start + rows] for start in range(0, rows * count, rows)]


def car_loan():
    reference = pandas.read_csv(DATA / "synthetic_car_loan_reference.csv")
    analysis = pandas.read_csv(DATA / "synthetic_car_loan_analysis.csv")
    target = pandas.read_csv(DATA / "synthetic_car_loan_analysis_target.csv")
    analysis = analysis.merge(target[["id", "repaid"]], on="id", how="left")
    # Of the beginning, the middle and the end, at which it drifts.
    chunks = parts(analysis, 5000, 10)
    return binary(reference, [chunks[0], chunks[5], chunks[9]], "repaid", "y_pred_proba", "y_pred")


def employment():
    reference = pandas.read_parquet(DATA / "employment_MA_reference.pq").iloc[:3000]
    analysis = pandas.read_parquet(DATA / "employment_MA_analysis.pq")
    analysis = analysis.merge(pandas.read_parquet(DATA / "employment_MA_analysis_target.pq"), on="id")
    chunks = [analysis.iloc[:800], analysis.iloc[-800:]]
    return binary(reference, chunks, "employed", "predicted_probability", "prediction")


CARDS = ["highstreet_card", "prepaid_card", "upmarket_card"]


def cards():
    reference = pandas.read_csv(DATA / "mc_reference.csv").iloc[:8000]
    analysis = pandas.read_csv(DATA / "mc_analysis.csv")
    target = pandas.read_csv(DATA / "mc_analysis_gt.csv")
    analysis = analysis.merge(target, on="id")
    names = {"y_true": "truth", "y_pred": "answer"} | {f"y_pred_proba_{card}": card for card in CARDS}
    frames = [reference, *[analysis.iloc[start : start + 2000] for start in [0, 54000]]]
    return [frame[list(names)].rename(columns=names).reset_index(drop=True) for frame in frames]


def estimated(frames, columns, power):
    """NannyML's estimates for each frame but the first, which it is fitted on."""
    frames = [frame.copy() for frame in frames]
    if power != 1:
        for frame in frames:
            frame[columns] = frame[columns] ** power
            if len(columns) > 1:
                frame[columns] = frame[columns].div(frame[columns].sum(axis=1), axis=0)
    kind = "classification_binary" if len(columns) == 1 else "classification_multiclass"
    chosen = columns[0] if len(columns) == 1 else {name: name for name in columns}
    options = {"y_pred": "answer", "y_true": "truth", "problem_type": kind, "metrics": METRICS}
    estimator = nannyml.CBPE(y_pred_proba=chosen, chunk_number=1, **options)
    estimator.fit(frames[0])
    if len(columns) == 1:
        calibrated = [bool(estimator.needs_calibration)]
    else:
        found = estimator._calibrators
        calibrated = [type(found[name]).__name__ == "IsotonicCalibrator" for name in columns]
    chunks = []
    for frame in frames[1:]:
        result = estimator.estimate(frame).filter(period="analysis").to_df()
        chunks.append({metric: [float(result[(metric, part)].iloc[-1]) for part in PARTS] for metric in METRICS})
    assert all(math.isfinite(value) for chunk in chunks for parts in chunk.values() for value in parts)
    return {"calibrated": calibrated, "chunks": chunks}


PARTS = ["value", "sampling_error", "realized"]


def counted(frames, columns):
    counts = Counter()
    for chunk, frame in enumerate(frames):
        classes = CARDS if len(columns) > 1 else [0, 1]
        for row in frame.itertuples(index=False):
            values = [getattr(row, name) for name in columns]
            counts[(chunk, classes.index(row.truth), classes.index(row.answer), *values)] += 1
    return [[*key, rows] for key, rows in sorted(counts.items())]


def main():
    sets = {"car loan": (car_loan(), ["p"]), "employment": (employment(), ["p"]), "cards": (cards(), CARDS)}
    cases = {"car loan": [1], "employment": [1, 2], "cards": [2]}
    rows, answers = {}, {}
    for name, (frames, columns) in sets.items():
        rows[name] = counted(frames, columns)
        answers[name] = [{"power": power, **estimated(frames, columns, power)} for power in cases[name]]
        print(name, len(rows[name]), answers[name])
    lines = ",\n".join(
        f"{json.dumps(name)}: {json.dumps(found, separators=(',', ':'))}" for name, found in rows.items()
    )
    (HERE / "rows.json").write_text(f"{{\n{lines}\n}}\n")
    versions = {module.__name__: module.__version__ for module in [nannyml, numpy, pandas, sklearn]}
    text = json.dumps({"versions": versions, "parts": PARTS, "answers": answers}, indent=1)
    (HERE / "reference.json").write_text(text + "\n")


if __name__ == "__main__":
    main()
