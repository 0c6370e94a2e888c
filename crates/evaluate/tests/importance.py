"""A logistic regression on the breast cancer data and its permutation importance by scikit-learn, as JSON."""

import json

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.inspection import permutation_importance
from sklearn.linear_model import LogisticRegression

REPEATS = 50


def main():
    data = load_breast_cancer()
    x, y = data.data[:, :6], data.target
    x = (x - x.mean(axis=0)) / x.std(axis=0)
    model = LogisticRegression().fit(x[::2], y[::2])
    x, y = x[1::2], y[1::2]
    found = {}
    for metric in ["roc_auc", "neg_log_loss"]:
        result = permutation_importance(model, x, y, scoring=metric, n_repeats=REPEATS, random_state=0)
        found[metric.removeprefix("neg_")] = [result.importances_mean.tolist(), result.importances_std.tolist()]
    model = [*model.coef_[0].tolist(), float(model.intercept_[0])]
    print(json.dumps({"model": model, "columns": np.asarray(x).T.tolist(), "truth": y.tolist(), "found": found}))


if __name__ == "__main__":
    main()
