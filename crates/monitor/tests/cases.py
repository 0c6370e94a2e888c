"""Cases for `scipy.rs`: samples with the p-values and distances of SciPy, and scikit-learn's view of the whole.

Run by the test itself, with the interpreter that MODELYARD_TEST_PYTHON names; prints JSON.
"""

import json
import warnings

import numpy as np
import scipy
import sklearn
from scipy import stats
from scipy.spatial.distance import jensenshannon
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

warnings.simplefilter("ignore")
rng = np.random.default_rng(11)
numbers, counts = [], []


def compare_numbers(name, before, now):
    before, now = np.asarray(before, float), np.asarray(now, float)
    spread = max(before.std(), 0.001)
    wanted = {
        "wasserstein": stats.wasserstein_distance(before, now) / spread,
        "ks": stats.ks_2samp(before, now).pvalue,
    }
    if len(np.unique(before)) > 20:
        edges = np.histogram_bin_edges(np.concatenate([before, now]), "sturges")
        shares = [np.histogram(sample, edges)[0] / len(sample) for sample in (before, now)]
        wanted["jensenshannon"] = jensenshannon(*shares)
        if min(map(min, shares)) > 0:
            wanted["kl_div"] = stats.entropy(*shares)
    case = {"name": name, "before": before.tolist(), "now": now.tolist(), "wanted": wanted}
    numbers.append(case)


def compare_counts(name, before, now):
    before, now = np.asarray(before, float), np.asarray(now, float)
    wanted = {
        "chisquare": stats.chisquare(now, before * now.sum() / before.sum()).pvalue,
        "jensenshannon": jensenshannon(before, now),
    }
    if min(before) > 0 and min(now) > 0:
        wanted["kl_div"] = stats.entropy(before, now)
    if len(before) == 2:
        pooled = (before[1] + now[1]) / (before.sum() + now.sum())
        error = np.sqrt(pooled * (1 - pooled) * (1 / before.sum() + 1 / now.sum()))
        wanted["z"] = 2 * stats.norm.sf(abs(before[1] / before.sum() - now[1] / now.sum()) / error)
    counts.append(
        {"name": name, "before": before.astype(int).tolist(), "now": now.astype(int).tolist(), "wanted": wanted}
    )


for rows, others in [(1, 1), (1, 3), (5, 5), (7, 4), (30, 30), (100, 77), (1000, 10), (640, 640), (3000, 2500)]:
    for shift in [0, 0.1, 0.5, 3]:
        compare_numbers(f"normal {rows} {others} {shift}", rng.normal(0, 1, rows), rng.normal(shift, 1, others))
for rows, others in [(10001, 1), (10001, 40), (10001, 150), (12000, 5000), (20000, 20000), (10001, 300)]:
    for shift in [0, 0.02, 0.3]:
        compare_numbers(f"long {rows} {others} {shift}", rng.normal(0, 1, rows), rng.normal(shift, 1, others))
compare_numbers("ties", rng.integers(0, 30, 500), rng.integers(0, 32, 400))
compare_numbers("long ties", rng.poisson(3, 11000), rng.poisson(3.05, 9000))
compare_numbers("skewed", rng.lognormal(0, 1, 6000), rng.lognormal(0.1, 1, 6000))
compare_numbers("heavy tails", rng.standard_cauchy(6000), rng.standard_cauchy(5000) * 1.1)
compare_numbers("constant", np.full(50, 2.0), np.full(60, 2.0))
compare_numbers("constant, another", np.full(50, 2.0), np.full(60, 2.5))
for load in [load_iris, load_wine, load_breast_cancer, load_diabetes]:
    data = load().data
    for column in range(data.shape[1]):
        compare_numbers(f"{load.__name__} {column}", data[::2, column], data[1::2, column])
        compare_numbers(
            f"{load.__name__} {column} halves", data[: len(data) // 2, column], data[len(data) // 2 :, column]
        )

compare_counts("two", [40, 60], [55, 45])
compare_counts("two, equal", [40, 60], [20, 30])
compare_counts("two, extreme", [4000, 6000], [6000, 4000])
compare_counts("unseen", [40, 60, 0], [30, 60, 1])
compare_counts("gone", [40, 60, 7], [30, 60, 0])
compare_counts("many", rng.integers(5, 200, 300), rng.integers(5, 200, 300))
compare_counts("large", [4_000_000, 5_000_000, 1], [400_100, 500_000, 1])
target = load_digits().target
compare_counts("digits", np.bincount(target[:1000]), np.bincount(target[1000:]))


def ranks(before, now):
    """Mid-ranks within both together, from −1 to 1."""
    both = np.concatenate([before, now])
    return 2 * (stats.rankdata(both) - 0.5) / len(both) - 1


def whole(name, before, now):
    """The area under the curve of a logistic regression that tells both apart, out of fold; PCA's error."""
    columns = []
    for column in range(before.shape[1]):
        rank = ranks(before[:, column], now[:, column])
        columns += [rank, rank**2 - 1 / 3]
    features = np.stack(columns, axis=1)
    truth = np.r_[np.zeros(len(before)), np.ones(len(now))]
    fold = np.r_[np.arange(len(before)) % 2, np.arange(len(now)) % 2]
    score = np.empty(len(truth))
    for left_out in [0, 1]:
        inside = fold != left_out
        # The intercept is not penalised, by both.
        model = LogisticRegression(C=1.0, tol=1e-10, max_iter=10000).fit(features[inside], truth[inside])
        score[~inside] = model.decision_function(features[~inside])

    mean, spread = before.mean(axis=0), before.std(axis=0)
    kept = spread > 0
    standard = [(sample[:, kept] - mean[kept]) / spread[kept] for sample in (before, now)]
    pca = PCA(n_components=0.65, svd_solver="full").fit(standard[0])
    errors = [np.linalg.norm(s - pca.inverse_transform(pca.transform(s)), axis=1).mean() for s in standard]
    return {
        "name": name,
        "before": before.T.tolist(),
        "now": now.T.tolist(),
        "auc": roc_auc_score(truth, score),
        "components": int(pca.n_components_),
        "errors": errors,
    }


wholes = []
for load in [load_iris, load_wine, load_breast_cancer, load_diabetes, load_digits]:
    data = load().data
    wholes.append(whole(f"{load.__name__} alternating", data[::2], data[1::2]))
    wholes.append(whole(f"{load.__name__} halves", data[: len(data) // 2], data[len(data) // 2 :]))

versions = {"scipy": scipy.__version__, "sklearn": sklearn.__version__}
print(json.dumps({"versions": versions, "numbers": numbers, "counts": counts, "wholes": wholes}))
