"""Plants a bug that no row of the data shows, for the demo: the canary has to find it.

The model is wrapped in a `predict.py` of its own, which fails for long flights in the middle of the
night. There are none in the data, so neither the test rows nor the tests in staging hold one.
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

train = Path("train.py")
text = train.read_text()
text = text.replace("\n\ndef scores", f'\n\nPREDICT = """{PREDICT}"""\n\n\ndef scores', 1)
line = '    joblib.dump(model, options.model / "model.joblib")\n'
text = text.replace(
    line,
    line
    + '    (options.model / "predict.py").write_text(PREDICT)\n'
    + '    (options.model / "classes.json").write_text(json.dumps([str(label) for label in model.classes_]))\n',
    1,
)
train.write_text(text)
