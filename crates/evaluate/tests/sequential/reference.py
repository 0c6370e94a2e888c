"""Writes reference.json: evidence and bounds computed another way, with SciPy.

The mixture is integrated (`scipy.stats.betabinom`, up to the binomial coefficient, for whole counts), the
highest likelihood is searched by `scipy.optimize.minimize_scalar`, bounds by `brentq`:

    python reference.py > reference.json
"""

import json
import sys

import numpy
import scipy
from scipy.optimize import brentq, minimize_scalar
from scipy.special import gammaln, xlog1py, xlogy
from scipy.stats import betabinom

SHAPES = [(0.5, 0.5), (0.5, 20.0), (0.5, 500.0)]
PAST = 2000.0


def log_mixture(before, since):
    (past_sum, past_count), (total, count) = before, since
    shapes = list(SHAPES)
    if past_count > 0:
        scale = min(1.0, PAST / past_count)
        shapes.append((0.5 + past_sum * scale, 0.5 + (past_count - past_sum) * scale))
    choose = gammaln(count + 1) - gammaln(total + 1) - gammaln(count - total + 1)
    logs = [betabinom.logpmf(total, count, a, b) - choose for a, b in shapes]
    return numpy.logaddexp.reduce(logs) - numpy.log(len(shapes))


def evidence(candidate, incumbent, difference):
    def likelihood(p):
        values = 0.0
        for (total, count), rate in ((candidate[1], p + difference), (incumbent[1], p)):
            rate = min(max(rate, 0.0), 1.0)
            values += xlogy(total, rate) + xlog1py(count - total, -rate)
        return values

    low, high = max(0.0, -difference), min(1.0, 1.0 - difference)
    found = minimize_scalar(lambda p: -likelihood(p), bounds=(low, high), method="bounded", options={"xatol": 1e-13})
    highest = max(-found.fun, likelihood(low), likelihood(high))
    return log_mixture(*candidate) + log_mixture(*incumbent) - highest


def interval(candidate, incumbent, alpha):
    estimate = candidate[1][0] / candidate[1][1] - incumbent[1][0] / incumbent[1][1]
    limit = -numpy.log(alpha)

    def bound(end):
        edge = end * (1 - 1e-12)
        if evidence(candidate, incumbent, edge) < limit:
            return end
        return brentq(lambda d: evidence(candidate, incumbent, d) - limit, estimate, edge, xtol=1e-13)

    return bound(-1.0), bound(1.0)


CASES = [
    # (before, since) of candidate and incumbent: sum, count
    (((0, 0), (0, 1)), ((0, 0), (1, 1))),
    (((0, 0), (3, 100)), ((0, 0), (10, 1900))),
    (((0, 0), (0, 2000)), ((0, 0), (0, 38000))),
    (((0, 0), (2, 2500)), ((55, 50000), (50, 47500))),
    (((1, 1200), (2, 2500)), ((55, 50000), (9, 7500))),
    (((0, 0), (60, 1000)), ((0, 0), (100, 10000))),
    (((0, 0), (180, 1000)), ((50, 1000), (520, 10000))),
    (((0, 0), (40, 40)), ((0, 0), (0, 400))),
    (((0, 0), (500, 1000)), ((0, 0), (480, 1000))),
    (((7, 300000), (30, 300000)), ((20, 1000000), (70, 700000))),
]


def main():
    cases = []
    for candidate, incumbent in CASES:
        lower, upper = interval(candidate, incumbent, 0.01)
        cases.append(
            {
                "candidate": candidate,
                "incumbent": incumbent,
                "evidence": {str(d): evidence(candidate, incumbent, d) for d in (-0.05, 0.0, 0.005, 0.05)},
                "lower": lower,
                "upper": upper,
            }
        )
    made_with = f"SciPy {scipy.__version__}, NumPy {numpy.__version__}"
    json.dump({"made_with": made_with, "alpha": 0.01, "cases": cases}, sys.stdout, indent=1)
    print()


main()
