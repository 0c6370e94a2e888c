"""What the exporter does not cover: it says which class, and what of it."""

import unittest

from compare import columns  # isort: skip

import numpy as np
from export import MISSING_STRING, Unsupported, export
from models import VERSION, fitted
from preparations import one_hot
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import GradientBoostingRegressor, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, RidgeClassifier, SGDClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    StandardScaler,
)
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier
from tables import TEXTS, flights, target


class OwnForest(RandomForestClassifier):
    """A subclass could answer anything."""


class Cleaner(FunctionTransformer):
    """A transformer of the project's own."""


class Refused(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.table = flights(200, 1)
        cls.numbers = cls.table[["seats", "wind"]]
        cls.classes = target(cls.table, 1, ["a", "b", "c"])
        cls.value = target(cls.table, 1)

    def check(self, expected, model, table=None, goal=None, asked=None):
        table = self.numbers if table is None else table
        fitted(model, table, self.classes if goal is None else goal)
        with self.assertRaises(Unsupported) as refused:
            export(model, asked or columns(table))
        self.assertEqual(str(refused.exception), expected)

    def test_classes_that_are_not_listed(self):
        for model, name in (
            (SVC(), "sklearn.svm.SVC"),
            (KNeighborsClassifier(), "sklearn.neighbors.KNeighborsClassifier"),
            (OwnForest(2), f"{__name__}.OwnForest"),
            (
                make_pipeline(PolynomialFeatures(), LogisticRegression()),
                "sklearn.preprocessing.PolynomialFeatures",
            ),
            (make_pipeline(Cleaner(), LogisticRegression()), f"{__name__}.Cleaner"),
        ):
            self.check(f"`{name}` is not among the classes that can be written as an exact graph", model)

    def test_functions_of_the_project(self):
        self.check(
            "`sklearn.preprocessing.FunctionTransformer` runs a function of the project's own",
            make_pipeline(FunctionTransformer(np.log1p), LogisticRegression()),
        )

    def test_several_targets(self):
        two = np.column_stack([self.value, self.value])
        labels = np.column_stack([self.value > 0, self.value > 1]).astype(int)
        for model, goal in (
            (LinearRegression(), two),
            (Ridge(), two),
            (RandomForestClassifier(2), labels),
            (DecisionTreeClassifier(), labels),
            (MLPRegressor(max_iter=2), two),
        ):
            name = f"`{type(model).__module__.rsplit('.', 1)[0]}.{type(model).__name__}`"
            self.check(f"{name} answers several targets at once", model, goal=goal)
        for model in (MLPClassifier(max_iter=2), RidgeClassifier()):
            name = f"`{type(model).__module__.rsplit('.', 1)[0]}.{type(model).__name__}`"
            self.check(f"{name} answers several labels at once", model, goal=labels)

    def test_parameters(self):
        self.check(
            "`sklearn.dummy.DummyClassifier` with `strategy` 'stratified' answers by chance",
            DummyClassifier(strategy="stratified"),
        )
        self.check(
            "`sklearn.linear_model.SGDClassifier` with `loss` 'modified_huber' is not covered",
            SGDClassifier(loss="modified_huber"),
        )
        self.check(
            "`sklearn.ensemble.GradientBoostingRegressor` begins with the answers of `sklearn.linear_model.LinearRegression` (`init`)",
            GradientBoostingRegressor(init=LinearRegression(), n_estimators=2),
            goal=self.value,
        )
        self.check(
            "`sklearn.compose.ColumnTransformer` has `transformer_weights`, which are not covered",
            make_pipeline(
                ColumnTransformer([("a", StandardScaler(), ["wind"])], transformer_weights={"a": 2.0}),
                LogisticRegression(),
            ),
        )
        if VERSION >= (1, 2):
            self.check(
                "`sklearn.preprocessing.OneHotEncoder` has `dtype` float32; only float64 and whole numbers are covered",
                make_pipeline(OneHotEncoder(dtype=np.float32), LogisticRegression()),
                table=self.table[TEXTS],
            )
        search = fitted(GridSearchCV(Ridge(), {"alpha": [1.0]}, refit=False, cv=2), self.numbers, self.value)
        with self.assertRaisesRegex(Unsupported, "^`sklearn.model_selection.GridSearchCV` has no `best_estimator_`"):
            export(search, columns(self.numbers))

    def test_pipelines_without_an_estimator(self):
        self.check(
            "`sklearn.pipeline.Pipeline` ends in `passthrough`, which answers nothing",
            make_pipeline(StandardScaler(), "passthrough"),
        )
        self.check(
            "`sklearn.preprocessing.StandardScaler` is not among the classes that can be written as an exact graph",
            make_pipeline(SimpleImputer(), StandardScaler()),
        )

    def test_texts_where_numbers_are_read(self):
        table = self.numbers.assign(code=self.numbers["seats"].astype(str))
        self.check(
            "`sklearn.linear_model.LogisticRegression` is given the text column `code`, which it would read as a number",
            LogisticRegression(),
            table,
        )
        self.check(
            "`sklearn.preprocessing.StandardScaler` is given the text column `code`, which it would read as a number",
            make_pipeline(StandardScaler(), LogisticRegression()),
            table,
        )

    def test_other_columns_than_it_learnt_from(self):
        model = LogisticRegression()
        self.check(
            "`sklearn.linear_model.LogisticRegression` learnt from the columns seats, wind, not wind, seats",
            model,
            asked=[("wind", "double"), ("seats", "int")],
        )
        model = fitted(LogisticRegression(), self.numbers.to_numpy(), self.classes)
        with self.assertRaisesRegex(
            Unsupported, "^`sklearn.linear_model.LogisticRegression` learnt from 2 columns, 1 were given$"
        ):
            export(model, [("wind", "double")])

    def test_other_kinds_than_it_learnt_from(self):
        model = make_pipeline(OrdinalEncoder(), LogisticRegression())
        self.check(
            "`sklearn.preprocessing.OrdinalEncoder` learnt int64 values in the text column `month`",
            model,
            self.table[["month"]],
            asked=[("month", "string")],
        )
        self.check(
            "`sklearn.preprocessing.OrdinalEncoder` learnt texts in the column `carrier`, whose values are numbers",
            model,
            self.table[["carrier"]],
            asked=[("carrier", "double")],
        )
        with self.assertRaisesRegex(ValueError, "has the kind 'date'"):
            export(model, [("carrier", "date")])

    def test_numbers_that_a_double_can_not_hold(self):
        table = self.numbers.assign(seats=2**53 + np.arange(len(self.numbers)) % 3)
        self.check(
            "`sklearn.preprocessing.OneHotEncoder` learnt whole numbers beyond 2^53 in the column `seats`",
            make_pipeline(one_hot(), LogisticRegression()),
            table[["seats"]],
        )

    def test_a_category_that_is_the_sentinel(self):
        for odd in (MISSING_STRING, "a\0b", "\ud800"):
            table = self.table[["carrier"]].astype(object)
            table.loc[table.index[::5], "carrier"] = odd
            self.check(
                "a category of `carrier` holds a character that can't be passed on",
                make_pipeline(one_hot(), LogisticRegression()),
                table,
            )

    def test_a_model_that_was_not_fitted(self):
        for model in (RandomForestClassifier(), make_pipeline(StandardScaler(), LogisticRegression())):
            with self.assertRaisesRegex(
                Unsupported, "is not fitted, or of a scikit-learn that the exporter does not know"
            ):
                export(model, columns(self.numbers))

    def test_two_kinds_of_missing_texts(self):
        table = flights(200, 2, None)[["dest"]]
        table.loc[table.index[::20], "dest"] = np.nan
        self.check(
            "`sklearn.preprocessing.OrdinalEncoder` has two kinds of missing values (None and NaN) in `dest`; "
            "which of them a missing text is can't be told",
            make_pipeline(OrdinalEncoder(), HistGradientBoostingClassifier()),
            table,
        )


if __name__ == "__main__":
    unittest.main()
