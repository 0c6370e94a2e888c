"""Writes reference.json: evidence and bounds computed another way, with SciPy.

The mixtures are integrated (`scipy.stats.betabinom`, up to the binomial coefficient, for whole counts), the
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
ALPHA = {"lower": 0.01, "upper": 0.2}


def average(terms):
    """Ln of the weighted mean, of pairs of weight and logarithm."""
    weights, logs = numpy.array(terms).T
    return numpy.logaddexp.reduce(numpy.log(weights) + logs) - numpy.log(weights.sum())


def added(one, other):
    return one[0] + other[0], one[1] + other[1]


def shape(past, most):
    total, count = past
    scale = min(1.0, most / count)
    return 0.5 + total * scale, 0.5 + (count - total) * scale


def mixture(since, prior):
    total, count = since
    choose = gammaln(count + 1) - gammaln(total + 1) - gammaln(count - total + 1)
    return average([(weight, betabinom.logpmf(total, count, *ab) - choose) for weight, ab in prior])


def informed(past):
    if past[1] == 0:
        return [(1 / 3, ab) for ab in SHAPES]
    return [(0.8, shape(past, 100_000)), (0.12, shape(past, 2_000))] + [(0.08 / 3, ab) for ab in SHAPES]


def worse(candidate, incumbent, margin):
    past = incumbent[0]
    mean = min((past[0] / past[1] if past[1] else 0.0) + 3 * margin, 0.75)
    prior = [(0.9, (2, 2 / mean - 2)), (0.1, SHAPES[0])]
    return mixture(candidate[1], prior) + mixture(incumbent[1], informed(past))


def not_worse(candidate, incumbent):
    both = added(candidate[1], incumbent[1])
    alike = mixture(both, informed(added(candidate[0], incumbent[0])))
    kin = [(0.1, ab) for ab in SHAPES]
    if incumbent[0][1]:
        kin.append((0.7, shape(incumbent[0], 50)))
    other = mixture(candidate[1], kin) + mixture(incumbent[1], informed(incumbent[0]))
    return average([(0.95, alike), (0.05, other)])


def highest(candidate, incumbent, difference):
    def likelihood(p):
        values = 0.0
        for (total, count), rate in ((candidate[1], p + difference), (incumbent[1], p)):
            rate = min(max(rate, 0.0), 1.0)
            values += xlogy(total, rate) + xlog1py(count - total, -rate)
        return values

    low, high = max(0.0, -difference), min(1.0, 1.0 - difference)
    found = minimize_scalar(lambda p: -likelihood(p), bounds=(low, high), method="bounded", options={"xatol": 1e-13})
    return max(-found.fun, likelihood(low), likelihood(high))


def estimate(candidate, incumbent):
    return candidate[1][0] / candidate[1][1] - incumbent[1][0] / incumbent[1][1]


def evidence(candidate, incumbent, margin, difference):
    """Above `difference` where the estimate lies above it, else below."""
    if estimate(candidate, incumbent) > difference:
        return worse(candidate, incumbent, margin) - highest(candidate, incumbent, difference)
    return not_worse(candidate, incumbent) - highest(candidate, incumbent, difference)


def bounds(candidate, incumbent, margin):
    middle = estimate(candidate, incumbent)

    def bound(end, numerator, alpha):
        def over(difference):
            return numerator - highest(candidate, incumbent, difference) + numpy.log(alpha)

        edge = end * (1 - 1e-12)
        return end if over(edge) < 0 else brentq(over, middle, edge, xtol=1e-13)

    return (
        bound(-1.0, worse(candidate, incumbent, margin), ALPHA["lower"]),
        bound(1.0, not_worse(candidate, incumbent), ALPHA["upper"]),
    )


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


DIFFERENCES = (-0.05, 0.0, 0.005, 0.05)


def main():
    cases = []
    for candidate, incumbent in CASES:
        for margin in (0.008, 0.3):
            lower, upper = bounds(candidate, incumbent, margin)
            cases.append(
                {
                    "candidate": candidate,
                    "incumbent": incumbent,
                    "margin": margin,
                    "evidence": {str(d): evidence(candidate, incumbent, margin, d) for d in DIFFERENCES},
                    "lower": lower,
                    "upper": upper,
                }
            )
    made_with = f"SciPy {scipy.__version__}, NumPy {numpy.__version__}"
    json.dump({"made_with": made_with, "alpha": ALPHA, "cases": cases}, sys.stdout, indent=1)
    print()


main()
