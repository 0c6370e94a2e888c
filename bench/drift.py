"""Drift of a million rows against a million, 20 columns: ours against Evidently's default preset.

Of both it is counted what comes between having the columns in memory and having judged them; a stored reference
is in memory as it was prepared. Texts are texts for both. MODELYARD_BENCH_ROWS asks for fewer rows, MODELYARD_DRIFT
names an example program that is built already.
"""

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

import measure

ROWS = int(os.environ.get("MODELYARD_BENCH_ROWS", 1_000_000))
NUMBERS, TEXTS, ROUNDS = 15, 5, 5

MAKE = """
import json, sys
import numpy as np, pandas as pd

folder, rows, numbers, texts = sys.argv[1], *map(int, sys.argv[2:])
rng = np.random.default_rng(7)
words = np.array([f"place {i:02}" for i in range(40)])

def column(i, moved):
    if i < numbers:
        # A third each: bell-shaped, skewed, whole numbers; half of them move a little.
        values = rng.normal(0, 1, rows) if i % 3 == 0 else rng.gamma(2, 3, rows) if i % 3 == 1 else rng.poisson(40, rows)
        return values * 1.0 + moved * (i % 2) * 0.15 * values.std()
    weights = np.arange(1, 41) ** (0.5 + 0.2 * moved * (i % 2))
    return words[rng.choice(40, rows, p=weights / weights.sum())]

for name, moved in [("reference", 0), ("current", 1)]:
    columns = {f"c{i:02}": column(i, moved) for i in range(numbers + texts)}
    pd.DataFrame(columns).to_pickle(f"{folder}/{name}.pickle")
    heads, body = [], []
    for key, values in columns.items():
        if values.dtype == float:
            kind, blob = "number", values.tobytes()
        else:
            bytes_ = [value.encode() for value in values.tolist()]
            kind, blob = "text", np.array([len(b) for b in bytes_], "<u4").tobytes() + b"".join(bytes_)
        heads.append({"name": key, "type": kind, "rows": rows, "bytes": len(blob)})
        body.append(blob)
    with open(f"{folder}/{name}.columns", "wb") as file:
        file.write(json.dumps(heads).encode() + b"\\n" + b"".join(body))
"""

EVIDENTLY = """
import json, os, sys, warnings
warnings.simplefilter("ignore")
import pandas as pd
from evidently import Dataset, Report
from evidently.presets import DataDriftPreset

before, now = (pd.read_pickle(f"{sys.argv[1]}/{name}.pickle") for name in ("reference", "current"))
start = os.times()
run = Report([DataDriftPreset()], include_tests=True).run(Dataset.from_pandas(now), Dataset.from_pandas(before))
end = os.times()
found = {m["config"]["column"]: float(m["value"]) for m in run.dict()["metrics"] if "column" in m["config"]}
print(json.dumps({"cpu": end.user + end.system - start.user - start.system, "scores": found}))
"""


def example():
    """The judging example, optimised; CARGO_TARGET_DIR says where else than in `target`."""
    words = ["cargo", "build", "--locked", "--release", "--package", "modelyard-monitor", "--example", "drift"]
    subprocess.run(words, cwd=measure.ROOT, check=True)
    return Path(os.environ.get("CARGO_TARGET_DIR", measure.ROOT / "target")) / "release" / "examples" / "drift"


def main():
    python = measure.environment("requirements-drift.txt") / "python"
    drift = os.environ.get("MODELYARD_DRIFT") or example()
    folder = measure.workspace("drift")
    made = [python, "-c", MAKE, folder, ROWS, NUMBERS, TEXTS]
    subprocess.run([str(word) for word in made], check=True)

    print(f"drift of {ROWS:,} rows against {ROWS:,}, {NUMBERS} columns of numbers and {TEXTS} of texts")
    one = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    output = subprocess.run(
        [python, "-c", EVIDENTLY, folder], check=True, capture_output=True, text=True, env={**os.environ, **one}
    )
    theirs = json.loads(output.stdout.splitlines()[-1])
    subprocess.run([drift, "prepare", "reference.columns", "reference.stored"], cwd=folder, check=True)

    def ours(*words):
        """The median of the CPU seconds; the scores must be Evidently's."""
        seconds = []
        for _ in range(ROUNDS):
            output = subprocess.run([drift, *words], cwd=folder, check=True, capture_output=True, text=True).stdout
            found = json.loads(output)
            scores = {column["name"]: column["score"] for column in found["columns"]}
            apart = max(abs(scores[name] - score) for name, score in theirs["scores"].items())
            if len(scores) != len(theirs["scores"]) or apart > 1e-9:
                sys.exit(f"the scores of `{words[0]}` differ from Evidently's by up to {apart}")
            seconds.append(found["cpu"])
        return statistics.median(seconds)

    direct = ours("judge", "reference.columns", "current.columns")
    kept = ours("stored", "reference.stored", "current.columns")
    print(f"  Evidently 0.7.23 {theirs['cpu']:.1f} CPU-s, ours {direct:.3f}, with the stored reference {kept:.3f}")
    verdicts = measure.Verdicts()
    verdicts.at_least("less CPU than Evidently, same scores", theirs["cpu"] / direct, 80)
    verdicts.at_least("… with the stored reference", theirs["cpu"] / kept, 400)
    verdicts.exit()


main()
