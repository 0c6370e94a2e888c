"""One-row predictions over HTTP, beside `mlflow models serve` with one worker, on the same fitted model.

Both servers run at once on this machine and are loaded in turn by `wrk`; the ratio is that of the
requests a second, at one and at 64 connections, the median of several rounds.
"""

import shutil
import statistics
import subprocess

import measure

ROUNDS = 3
SECONDS = 3

TRAIN_LINEAR = """
import json, sys, joblib, pandas
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
rows = pandas.read_parquet(sys.argv[1])
model = make_pipeline(StandardScaler(), LogisticRegression()).fit(rows.drop(columns="target"), rows["target"])
joblib.dump(model, sys.argv[2] + "/model.joblib")
"""

LINEAR = """
[project]
name = "linear"
task = "classification"
target = "target"

[python]
requirements = "requirements.txt"

[data.rows]
split = { method = "random", seed = 0, test = 0.2, validation = 0.2 }

[data.rows.sources]
rows = "rows.csv"

[train]
run = "python train.py {data.rows.train} {model}"
code = ["train.py"]
"""

MAKE_ROWS = """
import sys
from sklearn.datasets import make_classification
columns = [f"x{number}" for number in range(12)]
values, target = make_classification(5000, 12, n_informative=6, random_state=0)
with open(sys.argv[1], "w") as file:
    print(*columns, "target", sep=",", file=file)
    for row, label in zip(values, target):
        print(*(f"{value:.6f}" for value in row), label, sep=",", file=file)
"""

SAVE_FOR_MLFLOW = """
import sys, joblib, mlflow.sklearn
mlflow.sklearn.save_model(joblib.load(sys.argv[1]), sys.argv[2], serialization_format="cloudpickle")
"""

LINEAR_ROW = {f"x{number}": 0.25 * number - 1.0 for number in range(12)}
FLIGHT = {
    "carrier": "UA", "origin": "EWR", "dest": "ORD", "hour": 17, "distance": 719, "temp": 68.0, "wind_speed": 9.2,
    "visib": 10.0, "precip": 0.0, "pressure": 1012.1, "seats": 149, "recent_delay": 45.0,
}  # fmt: skip


def main():
    verdicts = measure.Verdicts()
    folder = measure.workspace("serve")
    mlflow = measure.environment("requirements-mlflow.txt")

    linear = linear_project(folder, mlflow / "python")
    compare(verdicts, mlflow, "scaler + logistic regression", linear, "linear", LINEAR_ROW, 40, 8, in_process=True)

    flights = measure.example("flights", folder / "onnx")
    compare(verdicts, mlflow, "late flights", flights, "late-flights", FLIGHT, 200, 40, in_process=True)

    python = measure.example("flights", folder / "python")
    with open(python / "modelyard.toml", "a") as file:
        file.write('\n[package]\nruntime = "python"\n')
    compare(verdicts, mlflow, "late flights, runtime python", python, "late-flights", FLIGHT, 10, 1, in_process=False)
    verdicts.exit()


def linear_project(folder, python):
    project = folder / "linear"
    project.mkdir()
    (project / "modelyard.toml").write_text(LINEAR)
    (project / "train.py").write_text(TRAIN_LINEAR)
    shutil.copy(measure.ROOT / "examples" / "flights" / "requirements.txt", project)
    subprocess.run([python, "-c", MAKE_ROWS, project / "rows.csv"], check=True)
    return project


def compare(verdicts, mlflow, what, project, name, row, at_64, at_1, in_process):
    """Builds the project's model, serves it from here and from there, and loads both."""
    measure.cpu_seconds([measure.binary(), "run"], project)
    # A package served from a folder is called as the folder is.
    package = project / "served" / name
    measure.cpu_seconds([measure.binary(), "models", "download", f"{name}@1", str(package)], project)
    saved = project / "mlflow-model"
    joblib = package / "model" / "model.joblib"
    subprocess.run([mlflow / "python", "-c", SAVE_FOR_MLFLOW, joblib, saved], check=True, capture_output=True)

    split = {"columns": list(row), "data": [list(row.values())]}
    port, peer_port = measure.free_port(), measure.free_port()
    ours = [measure.binary(), "serve", str(package), "--listen", f"127.0.0.1:{port}"]
    theirs = [mlflow / "mlflow", "models", "serve", "-m", saved, "-p", str(peer_port), "--env-manager", "local"]
    theirs += ["--workers", "1"]
    path = {"PATH": f"{mlflow}:/usr/local/bin:/usr/bin:/bin", "MLFLOW_DISABLE_TELEMETRY": "true"}
    with (
        measure.Server(ours, project, port, f"/predict/{name}", row) as modelyard,
        measure.Server(theirs, project, peer_port, "/invocations", {"dataframe_split": split}, path) as peer,
    ):
        said, peer_said = str(modelyard.first_answer["prediction"]), str(peer.first_answer["predictions"][0])
        if said != peer_said:
            raise SystemExit(f"{what}: different answers, {said} and {peer_said}")
        print(f"{what}                                    modelyard        mlflow")
        print(f"  to the first answer, CPU s       {modelyard.start_cpu:>17.2f} {peer.start_cpu:>13.2f}")
        print(f"  memory then, MB (PSS)            {modelyard.pss_mb:>17.0f} {peer.pss_mb:>13.0f}")
        ratios = {}
        for connections in (64, 1):
            rates = []
            for _ in range(ROUNDS):
                rates.append((modelyard.load(connections, SECONDS), peer.load(connections, SECONDS)))
            (rate, cpu), (peer_rate, peer_cpu) = (
                [statistics.median(values) for values in zip(*side)] for side in zip(*rates)
            )
            ratios[connections] = rate / peer_rate
            print(f"  requests/s at {connections:>2} connections    {rate:>17,.0f} {peer_rate:>13,.0f}")
            print(f"  CPU µs a request                 {cpu:>17,.0f} {peer_cpu:>13,.0f}")
        verdicts.at_least(f"{what}, 64 connections", ratios[64], at_64)
        verdicts.at_least(f"{what}, 1 connection", ratios[1], at_1)
        if in_process:
            verdicts.at_most(f"{what}, start to a proven answer", modelyard.start_cpu * 1000, 200, "ms CPU")
            verdicts.at_most(f"{what}, memory", modelyard.pss_mb, 60, "MB")


if __name__ == "__main__":
    main()
