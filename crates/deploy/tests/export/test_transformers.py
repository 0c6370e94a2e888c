"""Encoders, imputers, scalers and the choosing of columns, each parameter against scikit-learn.

What a transformer gives is seen through a linear model whose coefficients are all different, so that a cell that
differs changes the answer.
"""

import unittest

from compare import TOLERANCE, columns, difference, opened  # isort: skip

import inspect
import itertools
import json
import os
import pickle
import subprocess
import sys

import numpy as np
import onnx
import pandas
from export import MISSING_STRING, export
from models import VERSION, fitted
from preparations import one_hot
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
)
from tables import CODES, NUMBERS, TEXTS, flights, target

WAYS_TO_MISS = {"NaN": np.nan, "None": None}


def probe(*steps, train, keep=None):
    """`steps`, fitted, and a linear model that weighs each of their columns differently."""
    kept = train if keep is None else train[keep]
    whole = fitted(
        make_pipeline(*steps, SimpleImputer(strategy="constant", fill_value=-7.0), LinearRegression()),
        kept,
        np.arange(len(kept)),
    )
    linear = whole.steps[-1][1]
    linear.coef_ = np.random.default_rng(5).normal(size=linear.coef_.shape)
    linear.intercept_ = 0.0
    return whole


class Transformers(unittest.TestCase):
    def check(self, *steps, train=None, test=None, keep=None, missing="auto"):
        train = flights(500, 11) if train is None else train
        test = flights(300, 12) if test is None else test
        model = probe(*steps, train=train, keep=keep)
        self.assertLessEqual(difference(model, test if keep is None else test[keep], missing), TOLERANCE)

    def test_one_hot_encoders(self):
        unknown = ["ignore", "infrequent_if_exist"] if VERSION >= (1, 1) else ["ignore"]
        rare = [
            {},
            {"min_frequency": 30},
            {"min_frequency": 0.1},
            {"max_categories": 3},
            {"max_categories": 1},
        ]
        for miss, handle, drop, grouped, keep in itertools.product(
            WAYS_TO_MISS, unknown, [None, "first", "if_binary"], rare, [TEXTS, ["holiday", *CODES, "dest"]]
        ):
            with self.subTest(missing=miss, unknown=handle, drop=drop, grouped=grouped, columns=keep):
                encoder = ColumnTransformer(
                    [("one", one_hot(handle_unknown=handle, drop=drop, **grouped), keep)],
                    remainder="passthrough",
                )
                way = WAYS_TO_MISS[miss]
                self.check(
                    encoder,
                    train=flights(400, 13, way),
                    test=flights(200, 14, way, unseen=True),
                    keep=[*keep, "seats"],
                )

    def test_one_hot_encoders_that_refuse(self):
        for drop, sparse in itertools.product([None, "first", ["AA", "BOS"]], [False, True]):
            with self.subTest(drop=drop, sparse=sparse):
                encoder = OneHotEncoder(drop=drop) if sparse else one_hot(drop=drop)
                model = ColumnTransformer([("texts", encoder, TEXTS)])
                self.check(model, test=flights(200, 14))

    def test_one_hot_encoders_with_given_categories(self):
        given = [["UA", "AA", "never"], ["SEA", "BOS", np.nan]]
        self.check(one_hot(categories=given, handle_unknown="ignore"), keep=TEXTS)
        self.check(one_hot(categories=[[1, 2, 13], [-5.0, 0.0]], handle_unknown="ignore"), keep=CODES)

    def test_ordinal_encoders(self):
        values = [{}, {"encoded_missing_value": -2.5}] if VERSION >= (1, 1) else [{}]
        rare = [{}, {"min_frequency": 30}, {"max_categories": 3}] if VERSION >= (1, 3) else [{}]
        for miss, unknown, missing_value, grouped, keep in itertools.product(
            WAYS_TO_MISS, [-1, np.nan, 99], values, rare, [TEXTS, ["holiday", *CODES, "dest"]]
        ):
            with self.subTest(missing=miss, unknown=unknown, value=missing_value, grouped=grouped, columns=keep):
                encoder = OrdinalEncoder(
                    handle_unknown="use_encoded_value", unknown_value=unknown, **missing_value, **grouped
                )
                way = WAYS_TO_MISS[miss]
                self.check(encoder, train=flights(400, 15, way), test=flights(200, 16, way, unseen=True), keep=keep)

    def test_ordinal_encoders_that_refuse_or_give_whole_numbers(self):
        self.check(OrdinalEncoder(), keep=TEXTS)
        self.check(
            OrdinalEncoder(
                categories=[["AA", "zz top"], ["SEA"]], handle_unknown="use_encoded_value", unknown_value=-3
            ),
            keep=TEXTS,
        )
        whole = OrdinalEncoder(dtype=np.int64, handle_unknown="use_encoded_value", unknown_value=-1)
        self.check(
            ColumnTransformer([("whole", whole, ["carrier", "month"])], remainder="passthrough"),
            test=flights(200, 17, unseen=True),
            keep=["carrier", "month", "temp"],
        )

    def test_a_missing_text_that_was_never_seen(self):
        train, test = flights(400, 18), flights(200, 19)
        train = train[train["dest"].notna()]
        self.check(one_hot(handle_unknown="ignore"), train=train, test=test, keep=TEXTS)
        self.check(
            OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
            train=train,
            test=test,
            keep=TEXTS,
        )

    def test_both_kinds_of_missing_texts(self):
        train = flights(400, 20, None)
        train.loc[train.index[::20], "dest"] = np.nan
        self.assertEqual(train["dest"].dtype, object)
        encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
        for way, missing in (("nan", np.nan), ("none", None)):
            test = pandas.DataFrame({"dest": pandas.Series([missing, "BOS", "XXX", missing], dtype=object)})
            with self.subTest(missing=way):
                self.check(encoder, train=train, test=test, keep=["dest"], missing=way)

    def test_an_imputer_that_looks_for_the_other_kind_of_missing_text(self):
        train, test = (flights(rows, 45, None, unseen=rows == 200)[["dest"]] for rows in (400, 200))
        filler = SimpleImputer(strategy="constant", fill_value="BOS")
        self.check(filler, one_hot(handle_unknown="ignore"), train=train, test=test, missing="none")

    def test_imputers_of_numbers(self):
        train, test = flights(400, 21), flights(300, 22)
        for strategy, mark in itertools.product(["mean", "median", "most_frequent", "constant"], [False, True]):
            with self.subTest(strategy=strategy, mark=mark):
                self.check(
                    SimpleImputer(strategy=strategy, add_indicator=mark),
                    train=train,
                    test=test,
                    keep=["seats", "temp", "wind", "zone"],
                )
        self.check(SimpleImputer(strategy="constant", fill_value=-1.5), train=train, test=test, keep=["temp", "zone"])
        self.check(
            SimpleImputer(missing_values=3, add_indicator=True),
            train=train,
            test=test,
            keep=["month", "seats"],
        )

    def test_a_column_in_which_nothing_was_seen(self):
        train, test = flights(400, 23), flights(300, 24)
        train["temp"] = np.nan
        for mark in (False, True):
            self.check(SimpleImputer(add_indicator=mark), train=train, test=test, keep=["seats", "temp", "zone"])
            if VERSION >= (1, 2):
                self.check(
                    SimpleImputer(add_indicator=mark, keep_empty_features=True),
                    train=train,
                    test=test,
                    keep=["temp", "zone"],
                )

    def test_imputers_of_texts(self):
        encoder = one_hot(handle_unknown="ignore")
        for miss, way in WAYS_TO_MISS.items():
            train, test = flights(400, 25, way), flights(300, 26, way, unseen=True)
            for more in (
                {"strategy": "most_frequent"},
                {"strategy": "constant"},
                {"strategy": "constant", "fill_value": "XXX"},
            ):
                with self.subTest(missing=miss, **more):
                    self.check(SimpleImputer(missing_values=way, **more), encoder, train=train, test=test, keep=TEXTS)
            # One that replaces a text, behind one that fills what is missing.
            two = (
                SimpleImputer(missing_values=way, strategy="constant", fill_value=""),
                SimpleImputer(missing_values="", strategy="most_frequent"),
            )
            with self.subTest(missing=miss, two=True):
                self.check(*two, encoder, train=train, test=test, keep=TEXTS)

    def test_imputers_that_mark_missing_texts(self):
        marked = ColumnTransformer(
            [
                (
                    "texts",
                    make_pipeline(
                        SimpleImputer(strategy="most_frequent", add_indicator=True),
                        one_hot(handle_unknown="ignore"),
                    ),
                    TEXTS,
                )
            ]
        )
        self.check(marked, test=flights(300, 27, unseen=True))

    def test_imputers_of_texts_and_numbers_at_once(self):
        self.check(
            SimpleImputer(strategy="most_frequent"),
            OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
            test=flights(300, 28, unseen=True),
            keep=["dest", "month", "zone"],
        )

    def test_a_missing_boolean_is_a_category(self):
        def table(rows, seed):
            drawn = np.random.default_rng(seed).choice([True, False, None], rows)
            return pandas.DataFrame(
                {"fragile": pandas.Series(drawn, dtype=object), "seats": flights(rows, seed)["seats"]}
            )

        encoder = ColumnTransformer([("flag", one_hot(handle_unknown="ignore"), ["fragile"])], remainder="passthrough")
        self.check(encoder, train=table(100, 1), test=table(50, 2))

    def test_scalers(self):
        keep = ["seats", "temp", "wind", "holiday"]
        train, test = flights(400, 29)[keep], flights(300, 30)[keep]
        for mean, deviation in itertools.product([False, True], [False, True]):
            with self.subTest(mean=mean, deviation=deviation):
                self.check(StandardScaler(with_mean=mean, with_std=deviation), train=train, test=test, keep=keep)
        for clip in (False, True):
            with self.subTest(clip=clip):
                self.check(MinMaxScaler((-1.0, 2.5), clip=clip), train=train, test=test * 1.5, keep=keep)
        constant = train.assign(seats=7)
        self.check(StandardScaler(), train=constant, test=test, keep=keep)
        self.check(MinMaxScaler(), train=constant, test=test, keep=keep)

    def test_columns_chosen_in_every_way(self):
        ways = {
            "names": ["wind", "seats"],
            "places": [3, 4],
            "places from the end": [-5, -4],
            "a slice of places": slice(3, 6),
            "a slice of names": slice("wind", "holiday"),
            "a slice to the end": slice(-5, -2),
            "a mask": [False, False, False, True, True, False, False, False],
            "a function": make_column_selector(dtype_include=np.int64),
            "a pattern": make_column_selector(pattern="^(wind|seats)$"),
            "none": [],
        }
        for way, chosen in ways.items():
            for rest in ("drop", "passthrough", MinMaxScaler()):
                with self.subTest(way=way, rest=str(rest)):
                    texts = (
                        "texts",
                        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
                        TEXTS if way in ("names", "a slice of names") else [0, 2],
                    )
                    self.check(ColumnTransformer([texts, ("numbers", StandardScaler(), chosen)], remainder=rest))

    def test_columns_inside_columns(self):
        inner = ColumnTransformer(
            [("texts", one_hot(handle_unknown="ignore"), ["carrier"]), ("drop", "drop", ["wind"])],
            remainder="passthrough",
        )
        outer = ColumnTransformer(
            [
                ("inner", inner, ["wind", "carrier", "seats"]),
                ("kept", "passthrough", ["temp"]),
                ("filled", Pipeline([("a", SimpleImputer()), ("b", "passthrough")]), ["zone", "temp"]),
            ]
        )
        self.check(outer, test=flights(300, 31, unseen=True))
        self.check(
            outer,
            StandardScaler(),
            ColumnTransformer([("last", MinMaxScaler(), slice(-3, None))], remainder="passthrough"),
        )

    @unittest.skipIf(VERSION < (1, 2), "tables as output came with 1.2")
    def test_columns_by_the_names_that_an_earlier_step_made(self):
        first = ColumnTransformer(
            [("n", SimpleImputer(), ["temp", "wind"]), ("t", one_hot(handle_unknown="ignore"), ["dest"])]
        )
        first.set_output(transform="pandas")
        second = ColumnTransformer([("scaled", StandardScaler(), ["n__wind", "t__dest_BOS"])], remainder="passthrough")
        self.check(first, second)

    def test_a_transformer_of_nothing(self):
        self.check(FunctionTransformer(), keep=["seats", "wind"])

    def test_categories_of_histograms(self):
        if VERSION < (1, 4):
            self.skipTest("texts as categories came with 1.4")
        rng = np.random.default_rng(32)

        def table(rows, codes):
            made = flights(rows, codes, unseen=codes == 34)
            made["route"] = rng.integers(0, 90 if codes == 34 else 70, rows) * 1.5
            made.loc[made.index[::13], "route"] = np.nan
            return made

        train, test = table(1500, 33), table(500, 34)
        for model, classes in (
            (
                HistGradientBoostingRegressor(categorical_features=["carrier", "dest", "route", "month"], max_iter=30),
                None,
            ),
            (HistGradientBoostingClassifier(categorical_features=[0, 2, 8], max_iter=10), [1, 2, 3]),
            (
                HistGradientBoostingClassifier(
                    categorical_features=["carrier", "dest", "holiday", "zone"], max_iter=20
                ),
                [False, True],
            ),
        ):
            with self.subTest(model=type(model).__name__, categories=model.categorical_features):
                fitted(
                    model,
                    train,
                    target(train, 35, classes) + (0 if classes else (train["route"] % 7).fillna(3.0).to_numpy()),
                )
                used = {
                    int(node)
                    for round_of in model._predictors
                    for one in round_of
                    for node in one.nodes["is_categorical"]
                }
                self.assertEqual(used, {0, 1})
                self.assertLessEqual(difference(model, test), TOLERANCE)

    def test_values_far_away_and_at_a_threshold(self):
        train, test = flights(600, 36)[NUMBERS], flights(300, 37)[NUMBERS]
        model = fitted(HistGradientBoostingRegressor(max_iter=20), train, target(flights(600, 36), 1))
        thresholds = np.concatenate([one.nodes["num_threshold"] for round_of in model._predictors for one in round_of])
        far = test.copy()
        far["wind"] = np.resize(
            np.concatenate([thresholds, np.nextafter(thresholds, np.inf), [np.inf, -np.inf, 1e300, -1e300, 0.0, -0.0]]),
            len(far),
        )
        self.assertLessEqual(difference(model, far), TOLERANCE)
        # Forests see float32: a value just above a threshold may be rounded onto it.
        filled = train.fillna(0.0)
        forest = fitted(RandomForestClassifier(30, random_state=0), filled, target(flights(600, 36), 1, [1, 2, 3]))
        thresholds = np.concatenate([tree.tree_.threshold for tree in forest.estimators_])
        near = test.fillna(0.0)
        near["wind"] = np.resize(
            np.concatenate([thresholds, thresholds * (1 + 1e-9), thresholds * (1 - 1e-9), [1e38, -1e38]]),
            len(near),
        )
        self.assertEqual(difference(forest, near), 0.0)

    def test_a_split_between_missing_and_not(self):
        train = flights(600, 38)[["temp", "wind"]]
        model = fitted(HistGradientBoostingRegressor(max_iter=5), train, train["temp"].isna() * 5.0 + 1.0)
        self.assertLessEqual(difference(model, flights(300, 39)[["temp", "wind"]]), TOLERANCE)

    def test_a_model_that_learnt_without_names(self):
        train, test = flights(400, 40)[["seats", "wind"]], flights(200, 41)[["seats", "wind"]]
        model = fitted(
            make_pipeline(
                ColumnTransformer([("one", StandardScaler(), [1])], remainder="passthrough"),
                LinearRegression(),
            ),
            train.to_numpy(),
            train["wind"],
        )
        self.assertLessEqual(difference(model, test), TOLERANCE)

    def test_columns_called_like_parts_of_the_graph(self):
        names = ["label", "probabilities", "prediction", "label_", "t1", "c1", "N", "température", "a b/c"]
        rng = np.random.default_rng(42)
        train = pandas.DataFrame(rng.normal(size=(200, len(names))), columns=names)
        for model, goal in ((LogisticRegression(), train["label"] > 0), (LinearRegression(), train["t1"])):
            self.assertLessEqual(
                difference(fitted(make_pipeline(StandardScaler(), model), train, goal), train), TOLERANCE
            )
        inputs = [put.name for put in opened(export(model, columns(train))).get_inputs()]
        self.assertEqual(inputs, ["label__", "probabilities_", "prediction_", "label_", *names[4:]])

    def test_the_file_says_what_is_refused_and_what_is_missing(self):
        train = flights(300, 43)
        encoders = ColumnTransformer(
            [
                ("a", OrdinalEncoder(), ["dest"]),
                ("b", one_hot(handle_unknown="ignore"), ["month"]),
                ("c", make_pipeline(SimpleImputer(strategy="most_frequent"), one_hot()), ["carrier", "zone"]),
            ]
        )
        written = onnx.load_from_string(export(probe(encoders, train=train), columns(train)))
        said = {entry.key: entry.value for entry in written.metadata_props}
        self.assertEqual(json.loads(said["modelyard.refuses_unseen"]), ["dest", "carrier", "zone"])
        self.assertEqual(said["modelyard.missing_string"], MISSING_STRING)
        self.assertEqual((written.ir_version, written.producer_name), (9, "modelyard"))
        self.assertEqual({entry.domain: entry.version for entry in written.opset_import}, {"": 18, "ai.onnx.ml": 5})

    def test_the_bytes_depend_on_the_model_alone(self):
        train = flights(200, 44)
        encoders = ColumnTransformer([("texts", one_hot(handle_unknown="ignore"), TEXTS)], remainder=StandardScaler())
        model = fitted(make_pipeline(encoders, HistGradientBoostingRegressor(max_iter=3)), train, target(train, 1))
        script = (
            "import pickle, sys; sys.path.insert(0, sys.argv[1]); from export import export; "
            "model, columns = pickle.load(sys.stdin.buffer); sys.stdout.buffer.write(export(model, columns))"
        )
        package = os.path.dirname(os.path.dirname(inspect.getfile(export)))
        written = [
            subprocess.run(
                [sys.executable, "-B", "-c", script, package],
                input=pickle.dumps((model, columns(train))),
                env={**os.environ, "PYTHONHASHSEED": seed},
                stdout=subprocess.PIPE,
                check=True,
            ).stdout
            for seed in ("1", "2")
        ]
        self.assertEqual(written[0], written[1])
        self.assertEqual(written[0], export(model, columns(train)))


if __name__ == "__main__":
    unittest.main()
