"""Cases for `parity.rs`: inputs with scikit-learn's values, as JSON on standard output.

Run by the test itself, with the interpreter that MODELYARD_TEST_PYTHON names. A value of null
means that scikit-learn gives NaN or refuses, so that the metric must be undefined.
"""

import json
import warnings
from functools import partial

import numpy as np
import sklearn
from sklearn import metrics as m
from sklearn.datasets import load_breast_cancer, load_diabetes, load_iris
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import train_test_split

warnings.simplefilter("ignore")
REGRESSION = {
    "rmse": m.root_mean_squared_error,
    "mae": m.mean_absolute_error,
    "mape": m.mean_absolute_percentage_error,
    "median_absolute_error": m.median_absolute_error,
    "r2": m.r2_score,
}
cases = []


def value(call):
    try:
        found = float(call())
    except ValueError:
        return None
    return found if np.isfinite(found) else None


def regression(name, truth, predicted):
    truth, predicted = np.asarray(truth, float), np.asarray(predicted, float)
    wanted = {key: value(partial(f, truth, predicted)) for key, f in REGRESSION.items()}
    cases.append({"name": name, "truth": truth.tolist(), "predicted": predicted.tolist(), "wanted": wanted})


def classification(name, truth, predicted, probabilities, positive=None, intervals=False):
    truth, predicted = np.asarray(truth, int), np.asarray(predicted, int)
    p = np.asarray(probabilities, float)
    k = p.shape[1]
    labels = list(range(k))
    wanted = {
        "accuracy": value(lambda: m.accuracy_score(truth, predicted)),
        "balanced_accuracy": value(lambda: m.balanced_accuracy_score(truth, predicted)),
        "log_loss": value(lambda: m.log_loss(truth, y_proba=p, labels=labels)),
        "roc_auc_ovr": None,
        "roc_auc_ovr_weighted": None,
    }
    scores = {"precision": m.precision_score, "recall": m.recall_score, "f1": m.f1_score}
    for key, score in scores.items():
        for average in ["macro", "weighted", "micro"]:
            wanted[f"{key}_{average}"] = value(lambda: score(truth, predicted, average=average))
    if k == 2:
        positive = 1 if positive is None else positive
        is_positive, answered = truth == positive, predicted == positive
        score_of_positive = p[:, positive]
        for key, score in scores.items():
            wanted[key] = value(lambda: score(is_positive, answered))
        auc = value(lambda: m.roc_auc_score(is_positive, score_of_positive))
        wanted["roc_auc"] = wanted["roc_auc_ovr"] = wanted["roc_auc_ovr_weighted"] = auc
        wanted["average_precision"] = value(lambda: m.average_precision_score(is_positive, score_of_positive))
        wanted["brier_score"] = value(
            lambda: m.brier_score_loss(is_positive, y_proba=score_of_positive, pos_label=True)
        )
    else:
        for key, average in [("roc_auc_ovr", "macro"), ("roc_auc_ovr_weighted", "weighted")]:
            wanted[key] = value(lambda: m.roc_auc_score(truth, p, multi_class="ovr", average=average, labels=labels))
        wanted["average_precision"] = value(lambda: m.average_precision_score(truth, p))
        wanted["brier_score"] = value(lambda: m.brier_score_loss(truth, y_proba=p, labels=labels))
    cases.append(
        {
            "name": name,
            "truth": truth.tolist(),
            "predicted": predicted.tolist(),
            "probabilities": p.ravel().tolist(),
            "n_classes": k,
            "positive": positive,
            "wanted": wanted,
        }
    )


def random_classes(rng, rows, k, digits):
    """Answers that are better than chance; `digits` rounds scores, which makes ties."""
    truth = rng.integers(0, k, rows)
    raw = rng.random((rows, k)) + 0.5 * np.eye(k)[truth]
    p = raw / raw.sum(axis=1, keepdims=True)
    if digits is not None and k == 2:
        second = np.round(p[:, 1], digits)
        p = np.stack([1 - second, second], axis=1)
    return truth, p.argmax(axis=1), p


rng = np.random.default_rng(7)

for rows in [2, 3, 10, 999, 3500]:
    y = rng.normal(50, 20, rows)
    regression(f"normal, {rows} rows", y, y + rng.normal(0, 5, rows))
regression("one row", [1.0], [2.0])
regression("perfect", [1.0, 2.0, 3.0], [1.0, 2.0, 3.0])
regression("constant truth, right", [2.0, 2.0], [2.0, 2.0])
regression("constant truth, wrong", [2.0, 2.0], [2.0, 2.5])
regression("zeros in the truth", [0.0, 1.0, -3.0, 0.0], [0.1, 1.0, -2.0, 0.0])
regression("large offset", 1e9 + rng.normal(0, 1, 500), 1e9 + rng.normal(0, 1, 500))
regression("tiny", 1e-12 * rng.normal(0, 1, 500), 1e-12 * rng.normal(0, 1, 500))
regression("worse than the mean", [1.0, 2.0, 3.0], [3.0, 2.0, 1.0])
x, y = load_diabetes(return_X_y=True)
a, b, c, d = train_test_split(x, y, random_state=0)
regression("diabetes", d, LinearRegression().fit(a, c).predict(b))

for k in [2, 3, 10]:
    for rows in [k * 4, 100, 3500]:
        for digits in [None, 1] if k == 2 else [None]:
            truth, predicted, p = random_classes(rng, rows, k, digits)
            classification(f"{k} classes, {rows} rows, digits {digits}", truth, predicted, p)
truth, predicted, p = random_classes(rng, 200, 2, 2)
classification("the first class is positive", truth, predicted, p, positive=0)
classification("one class in the truth", np.ones(5), [1, 1, 0, 1, 1], [[0.4, 0.6]] * 5)
classification("no positive in the truth", np.zeros(5), [1, 1, 0, 0, 0], [[0.3, 0.7]] * 2 + [[0.8, 0.2]] * 3)
classification("no positive anywhere", np.zeros(4), np.zeros(4), [[0.9, 0.1]] * 4)
classification("no positive predicted", [0, 1, 0, 1], np.zeros(4), [[0.9, 0.1], [0.6, 0.4]] * 2)
classification("one row", [1], [1], [[0.25, 0.75]])
classification("all scores tied", [0, 1, 1, 0, 1], [1] * 5, [[0.5, 0.5]] * 5)
classification("certain and wrong", [0, 1, 1], [1, 1, 0], [[0.0, 1.0], [0.0, 1.0], [1.0, 0.0]])
classification("perfect", [0, 1, 1, 0], [0, 1, 1, 0], [[0.9, 0.1], [0.2, 0.8], [0.1, 0.9], [0.7, 0.3]])
rest = rng.dirichlet(np.ones(4), 60)
classification("a class absent from the truth", rng.integers(0, 3, 60), rest.argmax(axis=1), rest)
classification("a class absent from truth and answers", rng.integers(0, 3, 60), rest[:, :3].argmax(axis=1), rest)
classification(
    "three classes, truth of two",
    rng.integers(0, 2, 60),
    rest[:, :3].argmax(axis=1),
    rest[:, :3] / rest[:, :3].sum(axis=1, keepdims=True),
)
classification(
    "three classes, truth of one",
    np.zeros(60),
    rest[:, :3].argmax(axis=1),
    rest[:, :3] / rest[:, :3].sum(axis=1, keepdims=True),
)

for load, model in [
    (load_breast_cancer, HistGradientBoostingClassifier(random_state=0)),
    (load_breast_cancer, RandomForestClassifier(n_estimators=20, random_state=0)),
    (load_iris, LogisticRegression(max_iter=1000)),
    (load_iris, RandomForestClassifier(n_estimators=5, random_state=0)),
]:
    x, y = load(return_X_y=True)
    a, b, c, d = train_test_split(x, y, test_size=0.4, random_state=0)
    model.fit(a, c)
    classification(f"{load.__name__}, {type(model).__name__}", d, model.predict(b), model.predict_proba(b))

print(json.dumps({"sklearn": sklearn.__version__, "cases": cases}))
