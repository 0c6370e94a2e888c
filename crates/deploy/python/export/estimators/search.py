"""Searches over parameters: the best estimator answers."""

from ..errors import Unsupported, described


def search(converter, model, frame):
    best = getattr(model, "best_estimator_", None)
    if best is None:
        raise Unsupported(f"{described(model)} has no `best_estimator_` (`refit` is off)")
    return converter.estimate(best, frame)
