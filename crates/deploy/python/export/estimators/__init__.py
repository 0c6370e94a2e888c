"""Estimators: from a frame to an answer.

To add one: a file here with a function `(converter, model, frame) -> Regression | Classification`, a line in
`ESTIMATORS`, and its cases in the exporter's tests. It raises `Unsupported` for every parameter that it doesn't
reproduce.
"""

from .decision_tree import decision_tree_classifier, decision_tree_regressor
from .dummy import dummy_classifier, dummy_regressor
from .forest import forest_classifier, forest_regressor
from .gradient_boosting import gradient_boosting_classifier, gradient_boosting_regressor
from .hist_gradient_boosting import hist_gradient_boosting_classifier, hist_gradient_boosting_regressor
from .linear import linear_classifier, linear_regressor
from .logistic_regression import logistic_regression
from .mlp import mlp_classifier, mlp_regressor
from .pipeline import pipeline
from .search import search
from .sgd_classifier import sgd_classifier

ESTIMATORS = {
    "sklearn.dummy.DummyClassifier": dummy_classifier,
    "sklearn.dummy.DummyRegressor": dummy_regressor,
    "sklearn.ensemble.ExtraTreesClassifier": forest_classifier,
    "sklearn.ensemble.ExtraTreesRegressor": forest_regressor,
    "sklearn.ensemble.GradientBoostingClassifier": gradient_boosting_classifier,
    "sklearn.ensemble.GradientBoostingRegressor": gradient_boosting_regressor,
    "sklearn.ensemble.HistGradientBoostingClassifier": hist_gradient_boosting_classifier,
    "sklearn.ensemble.HistGradientBoostingRegressor": hist_gradient_boosting_regressor,
    "sklearn.ensemble.RandomForestClassifier": forest_classifier,
    "sklearn.ensemble.RandomForestRegressor": forest_regressor,
    "sklearn.linear_model.ElasticNet": linear_regressor,
    "sklearn.linear_model.ElasticNetCV": linear_regressor,
    "sklearn.linear_model.Lasso": linear_regressor,
    "sklearn.linear_model.LassoCV": linear_regressor,
    "sklearn.linear_model.LinearRegression": linear_regressor,
    "sklearn.linear_model.LogisticRegression": logistic_regression,
    "sklearn.linear_model.LogisticRegressionCV": logistic_regression,
    "sklearn.linear_model.Ridge": linear_regressor,
    "sklearn.linear_model.RidgeCV": linear_regressor,
    "sklearn.linear_model.RidgeClassifier": linear_classifier,
    "sklearn.linear_model.RidgeClassifierCV": linear_classifier,
    "sklearn.linear_model.SGDClassifier": sgd_classifier,
    "sklearn.linear_model.SGDRegressor": linear_regressor,
    "sklearn.model_selection.GridSearchCV": search,
    "sklearn.model_selection.HalvingGridSearchCV": search,
    "sklearn.model_selection.HalvingRandomSearchCV": search,
    "sklearn.model_selection.RandomizedSearchCV": search,
    "sklearn.neural_network.MLPClassifier": mlp_classifier,
    "sklearn.neural_network.MLPRegressor": mlp_regressor,
    "sklearn.pipeline.Pipeline": pipeline,
    "sklearn.tree.DecisionTreeClassifier": decision_tree_classifier,
    "sklearn.tree.DecisionTreeRegressor": decision_tree_regressor,
    "sklearn.tree.ExtraTreeClassifier": decision_tree_classifier,
    "sklearn.tree.ExtraTreeRegressor": decision_tree_regressor,
}
