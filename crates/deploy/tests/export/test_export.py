"""The exporter against scikit-learn: every estimator behind every kind of preparation.

Prints the largest difference of each. Run by `cargo test`, or by hand with the test environment's Python.
"""

import unittest

from compare import TOLERANCE, columns, difference, feed, opened  # isort: skip

import numpy as np
import preparations
from export import export
from models import FOUR, TWO, VERSION, WANT_SCALED, all_models, fitted
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression
from tables import flights, target

TRAIN_ROWS = 600
TEST_ROWS = 400

#: Which also take missing values as they are.
KNOW_MISSING = ("HistGradientBoosting", "Dummy") + (("RandomForest", "DecisionTree") if VERSION >= (1, 4) else ())


class EveryEstimator(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.train, cls.test = flights(TRAIN_ROWS, 1), flights(TEST_ROWS, 2, unseen=True)
        cls.largest = {}

    @classmethod
    def tearDownClass(cls):
        ways = ["usual", "filled", "numbers", "missing_kept"]
        print(f"\n{'largest difference from scikit-learn':<48}" + "".join(f"{way:>14}" for way in ways))
        for name in dict.fromkeys(name for name, _ in cls.largest):
            row = [cls.largest.get((name, way)) for way in ways]
            print(f"{name:<48}" + "".join(f"{'' if value is None else format(value, '.1e'):>14}" for value in row))

    def check(self, way):
        for name, classes, model in all_models():
            if way == "missing_kept" and not name.startswith(KNOW_MISSING):
                continue
            if way == "numbers" and isinstance(model, WANT_SCALED):
                continue
            with self.subTest(model=name, preparation=way):
                whole = preparations.pipeline(getattr(preparations, way), model)
                fitted(whole, self.train, target(self.train, 3, classes))
                found = difference(whole, self.test)
                self.largest[name, way] = found
                self.assertLessEqual(found, TOLERANCE)

    def test_behind_the_usual_preparation(self):
        self.check("usual")

    def test_behind_filled_and_marked_columns(self):
        self.check("filled")

    def test_on_numbers_as_they_are(self):
        self.check("numbers")

    def test_on_missing_values_as_they_are(self):
        self.check("missing_kept")

    def test_a_positive_target_through_a_logarithm(self):
        losses = [("poisson", {})] + ([("gamma", {})] if VERSION >= (1, 3) else [])
        for loss, more in losses:
            with self.subTest(loss=loss):
                model = preparations.pipeline(
                    preparations.missing_kept, HistGradientBoostingRegressor(loss=loss, max_iter=30, **more)
                )
                fitted(model, self.train, np.exp(target(self.train, 4) / 10.0))
                self.assertLessEqual(difference(model, self.test), TOLERANCE)

    def test_a_very_small_probability_is_not_zero(self):
        table = self.train[["temp"]].fillna(283.0) - 283.0
        for classes in (TWO, FOUR):
            model = fitted(LogisticRegression(), table, target(self.train, 3, classes))
            model.coef_ = model.coef_ * 60.0
            expected = model.predict_proba(table)
            self.assertLess(expected.min(), 1e-30)
            session = opened(export(model, columns(table)))
            (found,) = session.run(["probabilities"], feed(session, table))
            np.testing.assert_allclose(found, expected, rtol=1e-11, atol=0.0)


if __name__ == "__main__":
    unittest.main()
