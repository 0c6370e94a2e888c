"""Writes reference.json: what Evidently 0.7.23 says of the columns in `datasets.py`.

Of each, the decision of its default preset (kind, test, score, threshold, drift or not), and the score of every
test that it has for the kind:

    "$(scripts/python_env.sh bench/requirements-drift.txt)" \\
        crates/monitor/tests/evidently/reference.py > crates/monitor/tests/evidently/reference.json
"""

import json
import math
import sys
import warnings

import evidently
import numpy
import pandas
import scipy
from datasets import pairs
from evidently import Dataset, Report
from evidently.legacy.calculations.stattests.registry import get_registered_stattest
from evidently.legacy.core import ColumnType
from evidently.presets import DataDriftPreset

warnings.simplefilter("ignore")
numpy.seterr(all="ignore")
NAMES = ["wasserstein", "jensenshannon", "ks", "chisquare", "z", "psi", "kl_div", "hellinger"]
SHOWN = {
    "Wasserstein distance (normed)": "wasserstein",
    "Jensen-Shannon distance": "jensenshannon",
    "K-S p_value": "ks",
    "chi-square p_value": "chisquare",
    "Z-test p_value": "z",
}


def number(value):
    return float(value) if math.isfinite(value) else None


def frame(columns, side):
    return pandas.DataFrame({name: pandas.Series(values[side]) for name, values in columns.items()})


def decisions(before, now):
    """A decision for each column that the preset judges by a test of ours: texts have others, times none."""
    reference, current = Dataset.from_pandas(before), Dataset.from_pandas(now)
    definition = current.data_definition
    kinds = {name: "numeric" for name in definition.numerical_columns}
    kinds |= {name: "categorical" for name in definition.categorical_columns}
    run = Report([DataDriftPreset(columns=list(kinds))], include_tests=True).run(current, reference)
    found = {}
    for metric in run.dict()["metrics"]:
        config = metric["config"]
        if config["type"].endswith("ValueDrift"):
            found[config["column"]] = {
                "kind": kinds[config["column"]],
                "test": SHOWN[config["method"]],
                "score": number(metric["value"]),
                "threshold": config["threshold"],
            }
        else:
            count = int(metric["value"]["count"])
    failed = {test["metric_config"]["params"]["column"] for test in run.dict()["tests"] if is_drift(test)}
    for name, decision in found.items():
        decision["drift"] = name in failed
    assert count == len(failed), (count, failed)
    return found


def is_drift(test):
    return test["metric_config"]["params"]["type"].endswith("ValueDrift") and test["status"].name == "FAIL"


def scores(before, now, kind):
    before, now = (column.replace([-numpy.inf, numpy.inf], numpy.nan).dropna() for column in [before, now])
    column_type = ColumnType.Numerical if kind == "numeric" else ColumnType.Categorical
    found = {}
    for name in NAMES:
        allowed = get_registered_stattest(
            name, ColumnType.Categorical if name in ("chisquare", "z") else ColumnType.Numerical
        )
        if column_type not in allowed.allowed_feature_types:
            continue
        found[name] = number(allowed(before.copy(), now.copy(), column_type, None).drift_score)
    return found


def main():
    versions = {"evidently": evidently.__version__, "numpy": numpy.__version__, "scipy": scipy.__version__}
    answers = {}
    for name, columns in pairs():
        before, now = frame(columns, 0), frame(columns, 1)
        answers[name] = decisions(before, now)
        for column, answer in answers[name].items():
            answer["scores"] = scores(before[column], now[column], answer["kind"])
        print(name, len(answers[name]), "of", len(columns), file=sys.stderr)
    json.dump({"versions": versions, "answers": answers}, sys.stdout, indent=1)
    print()


if __name__ == "__main__":
    main()
