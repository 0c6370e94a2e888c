"""Plants a bug that no row of the data shows, for the demo: the canary has to find it.

The model is wrapped in a `predict.py` of its own, which fails for long flights in the middle of the
night. There are none in the data, so neither the test rows nor the tests in staging hold one; of the
demo's traffic it is one request in ten.

Python code is slower than the exported model before it. That would be reason enough to roll it back, so
the project allows for it: what catches the version is its bug.
"""

from pathlib import Path

PREDICT = """
import joblib


def load(folder):
    return joblib.load(folder / "model.joblib")


def predict(model, table):
    if ((table["hour"] == 2) & (table["distance"] > 2000)).any():
        raise ValueError("no crew is on duty")
    labels = [str(label) for label in model.classes_]
    return [dict(zip(labels, row)) for row in model.predict_proba(table)]
"""


def changed(path, old, new):
    """Writes `path` with `old`, which it must hold, as `new`."""
    text = path.read_text()
    assert old in text, f"{path} has no {old!r}"
    path.write_text(text.replace(old, new, 1))


train = Path("train.py")
changed(train, "\n\ndef scores", f'\n\nPREDICT = """{PREDICT}"""\n\n\ndef scores')
saved = '    joblib.dump(model, options.model / "model.joblib")\n'
changed(
    train,
    saved,
    saved
    + '    (options.model / "predict.py").write_text(PREDICT)\n'
    + '    (options.model / "classes.json").write_text(json.dumps([str(label) for label in model.classes_]))\n',
)
changed(Path("modelyard.toml"), "latency_margin = 0.2\n", "latency_margin = 1.0   # it may be slower\n")
