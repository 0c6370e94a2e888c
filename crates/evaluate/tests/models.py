"""Three real models with out-of-fold answers, as JSON on standard output, for the pages' tests.

Run with the interpreter that MODELYARD_TEST_PYTHON names.
"""

import json

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler


def column(values):
    values = np.asarray(values)
    kind = {"i": "int", "f": "float", "b": "bool"}.get(values.dtype.kind, "string")
    return {"type": kind, "values": values.tolist()}


def classifier(model, x, y):
    p = cross_val_predict(model, x, y, cv=3, method="predict_proba")
    return {"predicted": p.argmax(axis=1).tolist(), "probabilities": p.ravel().tolist()}


def cases():
    data = load_breast_cancer()
    x, y = data.data, data.target
    rng = np.random.default_rng(0)
    noisy = x[:, :4] * rng.normal(1, 0.35, (len(x), 4))
    yield {
        "name": "tumours",
        "target": "outcome",
        "classes": ["malignant", "benign"],
        "truth": y.tolist(),
        "train": y.tolist(),
        "answers": classifier(HistGradientBoostingClassifier(max_iter=40, random_state=0), noisy, y),
        "champion": classifier(make_pipeline(StandardScaler(), LogisticRegression()), noisy[:, :2], y),
        "columns": {
            **{name: column(noisy[:, i].round(3)) for i, name in enumerate(data.feature_names[:4])},
            "clinic": column([["north", "south", "east", "<west>"][row % 4] for row in range(len(y))]),
            "visits": column(rng.integers(1, 4, len(y))),
        },
        "metrics": ["roc_auc", "log_loss", "f1", "precision", "recall", "average_precision"],
        "slices": ["clinic", "mean radius", "visits"],
        "gates": {
            "bounds": {"roc_auc": {"min": 0.65}, "log_loss": {"max": 0.5}},
            "baseline": "better",
            "champion": {"by": 0.005},
        },
    }
    data = load_digits()
    x, y = data.data, data.target
    yield {
        "name": "digits",
        "target": "digit",
        "classes": [str(digit) for digit in range(10)],
        "truth": y.tolist(),
        "train": y.tolist(),
        "answers": classifier(RandomForestClassifier(n_estimators=12, max_depth=7, random_state=0), x, y),
        "champion": None,
        "columns": {"ink": column(x.sum(axis=1)), "top row": column(x[:, :8].sum(axis=1))},
        "metrics": ["f1_macro", "accuracy", "log_loss", "roc_auc_ovr"],
        "slices": ["ink"],
        "gates": {"bounds": {"accuracy": {"min": 0.95}}, "baseline": "better", "champion": "better"},
    }
    data = load_diabetes(scaled=False)
    x, y = data.data, data.target
    yield {
        "name": "progression",
        "target": "progression",
        "classes": [],
        "truth": y.tolist(),
        "train": y.tolist(),
        "answers": {"predicted": cross_val_predict(make_pipeline(StandardScaler(), Ridge()), x, y, cv=5).tolist()},
        "champion": {
            "predicted": cross_val_predict(
                HistGradientBoostingRegressor(max_iter=30, random_state=0), x, y, cv=5
            ).tolist()
        },
        "columns": {name: column(x[:, i]) for i, name in enumerate(data.feature_names)},
        "metrics": ["rmse", "mae", "r2"],
        "slices": ["sex", "bmi", "age"],
        "gates": {"bounds": {"rmse": {"max": 50.0}}, "baseline": "better", "champion": "not-worse"},
    }


if __name__ == "__main__":
    print(json.dumps(list(cases())))
