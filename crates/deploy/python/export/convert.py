"""Walks a fitted model and hands each part to the function that knows its class.

Classes are matched exactly: a subclass may answer differently from what it inherits from, so it is not covered
until it is listed.
"""

from .errors import Unsupported, described
from .estimators import ESTIMATORS
from .graph import Graph
from .transformers import TRANSFORMERS


class Converter:
    """One export: the graph so far, and what was learnt on the way about the model's inputs."""

    def __init__(self, missing):
        self.graph = Graph()
        #: "nan" or "none" where it is known which object a missing text is, else "auto".
        self.missing = missing
        #: Names of inputs whose unseen categories the model refuses, in the order met.
        self.refuses_unseen = []

    def transform(self, step, frame):
        """What fitted transformer `step` makes of `frame`."""
        return self._hand_over(TRANSFORMERS, step, frame)

    def estimate(self, model, frame):
        """The answer (`estimators.answer`) that fitted estimator `model` gives on `frame`."""
        return self._hand_over(ESTIMATORS, model, frame)

    def refuse_unseen(self, column):
        if column.origin is not None and column.origin not in self.refuses_unseen:
            self.refuses_unseen.append(column.origin)

    def stands_for_missing(self, candidate):
        """Whether `candidate` (None or NaN) may be the object that stands for a missing text in a table."""
        return self.missing == "auto" or self.missing == ("none" if candidate is None else "nan")

    def _hand_over(self, family, step, frame):
        name = described(step).strip("`")
        if not type(step).__module__.startswith("sklearn.") or name not in family:
            raise Unsupported(f"`{name}` is not among the classes that can be written as an exact graph")
        width = getattr(step, "n_features_in_", len(frame))
        if width != len(frame):
            raise Unsupported(f"`{name}` learnt from {width} columns, {len(frame)} reach it")
        try:
            return family[name](self, step, frame)
        except AttributeError as error:
            raise Unsupported(
                f"`{name}` is not fitted, or of a scikit-learn that the exporter does not know ({error})"
            ) from error
