"""Every estimator the exporter knows, in the shapes its answers take: name, classes of the target, a fresh model."""

import warnings

import sklearn
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.linear_model import (
    ElasticNet,
    ElasticNetCV,
    Lasso,
    LassoCV,
    LinearRegression,
    LogisticRegression,
    LogisticRegressionCV,
    Ridge,
    RidgeClassifier,
    RidgeClassifierCV,
    RidgeCV,
    SGDClassifier,
    SGDRegressor,
)
from sklearn.model_selection import (
    GridSearchCV,
    HalvingGridSearchCV,
    HalvingRandomSearchCV,
    RandomizedSearchCV,
)
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.tree import (
    DecisionTreeClassifier,
    DecisionTreeRegressor,
    ExtraTreeClassifier,
    ExtraTreeRegressor,
)

VERSION = tuple(int(part) for part in sklearn.__version__.split(".")[:2])
LOGISTIC = "log_loss" if VERSION >= (1, 1) else "log"

TWO = ["no", "yes"]
FOUR = [3, 5, 8, 13]

#: Fitted after columns that were scaled; the others take any.
WANT_SCALED = (SGDClassifier, SGDRegressor, MLPClassifier, MLPRegressor)


def all_models():
    """(name, classes or None for a regressor, estimator)"""
    found = []

    def regressor(name, model):
        found.append((name, None, model))

    def classifier(name, make, classes=(TWO, FOUR)):
        for labels in classes:
            found.append((f"{name}, {len(labels)} classes", labels, make()))

    regressor("LinearRegression", LinearRegression())
    regressor("LinearRegression, no intercept", LinearRegression(fit_intercept=False))
    regressor("Ridge", Ridge(alpha=2.0))
    regressor("RidgeCV", RidgeCV())
    regressor("Lasso", Lasso(alpha=0.01))
    regressor("LassoCV", LassoCV(cv=3))
    regressor("ElasticNet", ElasticNet(alpha=0.01))
    regressor("ElasticNetCV", ElasticNetCV(cv=3))
    regressor("SGDRegressor", SGDRegressor(random_state=0))
    regressor("DecisionTreeRegressor", DecisionTreeRegressor(max_depth=12, random_state=0))
    regressor("DecisionTreeRegressor, one leaf", DecisionTreeRegressor(min_samples_leaf=10_000))
    regressor("ExtraTreeRegressor", ExtraTreeRegressor(random_state=0))
    regressor("RandomForestRegressor", RandomForestRegressor(40, random_state=0))
    regressor("RandomForestRegressor, two jobs", RandomForestRegressor(20, n_jobs=2, random_state=0))
    regressor("ExtraTreesRegressor", ExtraTreesRegressor(40, random_state=0))
    for loss in ("squared_error", "absolute_error", "huber", "quantile"):
        regressor(
            f"GradientBoostingRegressor, {loss}",
            GradientBoostingRegressor(loss=loss, n_estimators=30, random_state=0),
        )
    regressor(
        "GradientBoostingRegressor, zero",
        GradientBoostingRegressor(init="zero", n_estimators=30, random_state=0),
    )
    regressor(
        "GradientBoostingRegressor, median",
        GradientBoostingRegressor(init=DummyRegressor(strategy="median"), n_estimators=30, random_state=0),
    )
    for loss in ("squared_error", "absolute_error", "quantile"):
        if loss != "quantile" or VERSION >= (1, 1):
            more = {"quantile": 0.8} if loss == "quantile" else {}
            regressor(
                f"HistGradientBoostingRegressor, {loss}",
                HistGradientBoostingRegressor(loss=loss, max_iter=40, **more),
            )
    regressor("HistGradientBoostingRegressor, one leaf", HistGradientBoostingRegressor(min_samples_leaf=10_000))
    for activation in ("relu", "tanh", "logistic", "identity"):
        regressor(
            f"MLPRegressor, {activation}",
            MLPRegressor(hidden_layer_sizes=(12, 7), activation=activation, max_iter=15, random_state=0),
        )
    regressor("DummyRegressor", DummyRegressor())
    regressor("DummyRegressor, median", DummyRegressor(strategy="median"))
    regressor("GridSearchCV", GridSearchCV(Ridge(), {"alpha": [0.1, 1.0]}, cv=2))
    regressor(
        "RandomizedSearchCV",
        RandomizedSearchCV(
            DecisionTreeRegressor(random_state=0), {"max_depth": [2, 4]}, n_iter=2, cv=2, random_state=0
        ),
    )
    regressor("HalvingGridSearchCV", HalvingGridSearchCV(Ridge(), {"alpha": [0.1, 1.0]}, cv=2, random_state=0))

    classifier("LogisticRegression", lambda: LogisticRegression(max_iter=50))
    classifier("LogisticRegressionCV", lambda: LogisticRegressionCV(Cs=2, cv=2, max_iter=30, **_cv()), (TWO,))
    classifier("LogisticRegression, liblinear", lambda: LogisticRegression(solver="liblinear"), (TWO,))
    if VERSION < (1, 8):
        for strategy in ("ovr", "multinomial"):
            classifier(
                f"LogisticRegression, {strategy}",
                lambda kind=strategy: LogisticRegression(multi_class=kind, max_iter=50),
            )
        classifier("LogisticRegression, liblinear", lambda: LogisticRegression(solver="liblinear"), (FOUR,))
    classifier("RidgeClassifier", RidgeClassifier)
    classifier("RidgeClassifierCV", RidgeClassifierCV, (TWO,))
    classifier("SGDClassifier, hinge", lambda: SGDClassifier(random_state=0))
    classifier("SGDClassifier, logistic", lambda: SGDClassifier(loss=LOGISTIC, random_state=0))
    classifier("DecisionTreeClassifier", lambda: DecisionTreeClassifier(random_state=0))
    classifier(
        "DecisionTreeClassifier, weighted",
        lambda: DecisionTreeClassifier(max_depth=5, class_weight="balanced"),
    )
    classifier("DecisionTreeClassifier, one leaf", lambda: DecisionTreeClassifier(min_samples_leaf=10_000))
    classifier("ExtraTreeClassifier", lambda: ExtraTreeClassifier(random_state=0))
    classifier("RandomForestClassifier", lambda: RandomForestClassifier(40, random_state=0))
    classifier("RandomForestClassifier, even votes", lambda: RandomForestClassifier(2, max_depth=2, random_state=0))
    classifier("RandomForestClassifier, shallow", lambda: RandomForestClassifier(101, max_depth=4, random_state=0))
    classifier("ExtraTreesClassifier", lambda: ExtraTreesClassifier(40, min_samples_leaf=3, random_state=0))
    classifier("GradientBoostingClassifier", lambda: GradientBoostingClassifier(n_estimators=20, random_state=0))
    classifier(
        "GradientBoostingClassifier, zero",
        lambda: GradientBoostingClassifier(init="zero", n_estimators=5, random_state=0),
    )
    classifier(
        "GradientBoostingClassifier, exponential",
        lambda: GradientBoostingClassifier(loss="exponential", n_estimators=20, random_state=0),
        (TWO,),
    )
    classifier("HistGradientBoostingClassifier", lambda: HistGradientBoostingClassifier(max_iter=30))
    classifier(
        "HistGradientBoostingClassifier, stopped",
        lambda: HistGradientBoostingClassifier(early_stopping=True, random_state=0),
    )
    classifier(
        "HistGradientBoostingClassifier, one leaf",
        lambda: HistGradientBoostingClassifier(min_samples_leaf=10_000),
    )
    for activation in ("relu", "tanh", "logistic", "identity"):
        classifier(
            f"MLPClassifier, {activation}",
            lambda name=activation: MLPClassifier(
                hidden_layer_sizes=(12, 7), activation=name, max_iter=15, random_state=0
            ),
        )
    for strategy in ("prior", "most_frequent"):
        classifier(f"DummyClassifier, {strategy}", lambda name=strategy: DummyClassifier(strategy=name))
    classifier("DummyClassifier, constant", lambda: DummyClassifier(strategy="constant", constant="yes"), (TWO,))
    classifier(
        "GridSearchCV",
        lambda: GridSearchCV(RandomForestClassifier(10, random_state=0), {"max_depth": [3, 6]}, cv=2),
        (TWO,),
    )
    classifier(
        "HalvingRandomSearchCV",
        lambda: HalvingRandomSearchCV(
            DecisionTreeClassifier(random_state=0),
            {"max_depth": [2, 3, 4]},
            cv=2,
            random_state=0,
            min_resources=200,
        ),
        (TWO,),
    )
    return found


def fitted(model, table, target):
    """`model`, fitted; one that did not converge is as good as another here."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.fit(table, target)


def _cv():
    # Asked for by 1.8 and later, whose default will change.
    return {"l1_ratios": (0,), "use_legacy_attributes": True} if VERSION >= (1, 8) else {}
