"""Loads a model: a joblib or pickle file with `predict`, or a `predict.py` with `load` and `predict`.

A pickle runs code of its own when it is opened. This is the only place where one is.
"""

import importlib.util
import os
import pathlib
import re
import sys
import warnings

from .errors import WorkerError, summary

#: scikit-learn's and boosting libraries' classifiers whose `predict` is the most probable class, so that one call
#: answers both. Every other class is asked twice: a threshold of its own may decide.
MOST_PROBABLE = {
    "AdaBoostClassifier",
    "BernoulliNB",
    "CategoricalNB",
    "ComplementNB",
    "DecisionTreeClassifier",
    "ExtraTreeClassifier",
    "ExtraTreesClassifier",
    "GaussianNB",
    "GradientBoostingClassifier",
    "HistGradientBoostingClassifier",
    "LGBMClassifier",
    "LinearDiscriminantAnalysis",
    "LogisticRegression",
    "LogisticRegressionCV",
    "MLPClassifier",
    "MultinomialNB",
    "QuadraticDiscriminantAnalysis",
    "RandomForestClassifier",
    "XGBClassifier",
}
LIBRARIES = ("sklearn.", "lightgbm.", "xgboost.")


class Estimator:
    """An object with `predict`, and perhaps `predict_proba`."""

    def __init__(self, model):
        self.model = model
        self.has_probabilities = _has_probabilities(model)
        final = list(_parts(model))[-1]
        self.is_most_probable = type(final).__module__.startswith(LIBRARIES) and type(final).__name__ in MOST_PROBABLE

    @property
    def classes(self):
        """The classes in the model's order, or None."""
        for part in _parts(self.model):
            found = getattr(part, "classes_", None)
            # Several outputs have a list of arrays, which names no classes of one answer.
            if found is not None and not isinstance(found, list):
                return list(found)
        return None

    def describe(self):
        names = count = None
        for part in _parts(self.model):
            if names is None:
                found = getattr(part, "feature_names_in_", None)
                names = None if found is None else [str(name) for name in found]
            if count is None:
                count = getattr(part, "n_features_in_", None)
        cls = type(self.model)
        return {
            "class": "%s.%s" % (cls.__module__, cls.__qualname__),
            "feature_names": names,
            "n_features": None if count is None else int(count),
            "has_probabilities": self.has_probabilities,
        }

    def predict(self, table):
        if self.has_probabilities:
            probabilities = self.model.predict_proba(table)
            if self.is_most_probable:
                return {"probabilities": probabilities}
            return {"prediction": self.model.predict(table), "probabilities": probabilities}
        return self.model.predict(table)


class Script:
    """A `predict.py`."""

    classes = None

    def __init__(self, module, state):
        self.module = module
        self.state = state

    def describe(self):
        return {"class": None, "feature_names": None, "n_features": None, "has_probabilities": None}

    def predict(self, table):
        return self.module.predict(self.state, table)


def load(folder, entry, code):
    """The model whose file is `entry` below `folder`; `code` is a folder for the path, or None."""
    path = os.path.join(folder, entry)
    for place in (os.path.join(code, "src") if code else None, code, os.path.dirname(path)):
        if place and os.path.isdir(place) and place not in sys.path:
            sys.path.insert(0, place)
    # Models fitted on plain arrays are asked with tables like all others.
    warnings.filterwarnings("ignore", message="X has feature names, but")
    if not os.path.isfile(path):
        raise WorkerError("unreadable", "there is no file `%s`" % entry)
    if entry.endswith(".py"):
        return _script(path, entry)
    return _estimator(path, entry)


def _script(path, entry):
    spec = importlib.util.spec_from_file_location("predict", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["predict"] = module
    try:
        spec.loader.exec_module(module)
    except ModuleNotFoundError as error:
        raise _missing_module(entry, error) from error
    except BaseException as error:
        raise WorkerError("unreadable", "`%s` failed when it was imported: %s" % (entry, summary(error))) from error
    for name, arguments in (("load", "folder"), ("predict", "state, table")):
        if not callable(getattr(module, name, None)):
            raise WorkerError("no_predict", "`%s` has no function `%s(%s)`" % (entry, name, arguments))
    try:
        state = module.load(pathlib.Path(os.path.dirname(path)))
    except ModuleNotFoundError as error:
        raise _missing_module(entry, error) from error
    except Exception as error:
        raise WorkerError(
            "unreadable",
            "`load` of `%s` failed: %s" % (entry, summary(error)),
            "it is given the model's folder, and may read nothing outside the package and its environment",
        ) from error
    return Script(module, state)


def _estimator(path, entry):
    try:
        model = _unpickle(path)
    except ModuleNotFoundError as error:
        raise _missing_module(entry, error) from error
    except AttributeError as error:
        raise _missing_class(entry, error) from error
    except Exception as error:
        raise WorkerError(
            "unreadable",
            "cannot open `%s`: %s" % (entry, summary(error)),
            "the file is damaged, is no pickle, or was written by other versions of its packages",
        ) from error
    if not callable(getattr(model, "predict", None)):
        raise WorkerError(
            "no_predict",
            "`%s` holds a `%s`, which has no `predict`" % (entry, type(model).__name__),
            "save the fitted estimator itself, or write a `predict.py` beside it with `load(folder)` and "
            "`predict(state, table)`",
        )
    return Estimator(model)


def _unpickle(path):
    try:
        import joblib
    except ImportError:
        joblib = None
    # Outside of the `except`, whose error would stand in the traceback of this one.
    if joblib is not None:
        return joblib.load(path)
    import pickle

    with open(path, "rb") as file:
        return pickle.load(file)


def _missing_module(entry, error):
    return WorkerError(
        "missing_module",
        "`%s` needs the module `%s`, which is not there" % (entry, error.name),
        "a package belongs into requirements.txt, a module of the project into `code` of [package] (default: that "
        "of [train])",
    )


def _missing_class(entry, error):
    text = str(error)
    found = re.search("attribute '([^']+)'", text)
    name = found.group(1) if found else "?"
    if "__main__" in text:
        return WorkerError(
            "main_class",
            "`%s` holds a `%s` that was defined in the script that trained it (`__main__`)" % (entry, name),
            "move `%s` into a module of its own, import it in the script, and list the module in `code`" % name,
        )
    return WorkerError(
        "missing_module",
        "cannot open `%s`: %s" % (entry, summary(error)),
        "the module has changed since the model was saved, or another one of its name comes first",
    )


def _parts(model):
    """The model, and what it hands its work to: a search's best estimator, a pipeline's steps."""
    yield model
    best = getattr(model, "best_estimator_", None)
    if best is not None:
        yield from _parts(best)
        return
    steps = getattr(model, "steps", None)
    if isinstance(steps, list):
        for _, step in steps:
            if step is not None and not isinstance(step, str):
                yield from _parts(step)


def _has_probabilities(model):
    # A pipeline has the attribute only where its last step does.
    try:
        return callable(getattr(model, "predict_proba", None))
    except Exception:
        return False
