"""Names and class paths → unfitted estimators, with the defaults of a good practitioner."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np
from sklearn import ensemble, linear_model, naive_bayes, neighbors, svm, tree
from sklearn.dummy import DummyClassifier, DummyRegressor

from dlrun.classic import extras
from dlrun.contract.dataset import Task

Builder = Callable[[int], Any]
"""The number of training rows → an estimator with dlrun's defaults."""

MEDIUM_ROWS: Final = 10_000
LARGE_ROWS: Final = 100_000
NAMED: Final = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
BOOST_PACKAGES: Final = ("xgboost", "lightgbm")
ALPHAS: Final = np.logspace(-3, 3, 10)  # of the ridge on convolutions, as its authors try them
QUIET: Final[Mapping[str, Mapping[str, object]]] = {
    "catboost": {"verbose": False, "allow_writing_files": False},
    "lightgbm": {"verbosity": -1},
    "xgboost": {"verbosity": 0},
}


def _leaf(n_rows: int) -> int:
    """Let a leaf grow with the rows: at most some 20,000 leaves, so that a forest can be kept."""
    return max(1, round(n_rows / 20_000))


def _rounds(n_rows: int) -> int:
    return 100 if n_rows <= MEDIUM_ROWS else 300


def _leaves(n_rows: int) -> int:
    return 31 if n_rows <= LARGE_ROWS else 127


def _forest(kind: Callable[..., Any]) -> Builder:
    return lambda n_rows: kind(n_estimators=200, min_samples_leaf=_leaf(n_rows))


def _hist_boosting(kind: Callable[..., Any]) -> Builder:
    return lambda n_rows: kind(max_iter=_rounds(n_rows), max_leaf_nodes=_leaves(n_rows))


def _xgboost(kind: str) -> Builder:
    def build(n_rows: int) -> Any:
        shape: dict[str, object] = (
            {"max_depth": 6}
            if n_rows <= LARGE_ROWS
            else {"max_depth": 0, "max_leaves": _leaves(n_rows), "grow_policy": "lossguide"}
        )
        return load_class(f"xgboost.{kind}")(
            n_estimators=_rounds(n_rows), learning_rate=0.1, verbosity=0, **shape
        )

    return build


def _lightgbm(kind: str) -> Builder:
    return lambda n_rows: load_class(f"lightgbm.{kind}")(
        n_estimators=_rounds(n_rows), num_leaves=_leaves(n_rows), verbosity=-1
    )


def _logistic_regression(_: int) -> Any:
    return linear_model.LogisticRegression(max_iter=1000)


def _ridge(_: int) -> Any:
    return linear_model.Ridge()


CLASSIFIERS: Final[Mapping[str, Builder]] = {
    "dummy": lambda _: DummyClassifier(strategy="prior"),
    "linear": _logistic_regression,
    "logistic_regression": _logistic_regression,
    "svm": lambda _: svm.SVC(),
    "linear_svm": lambda _: svm.LinearSVC(),
    "knn": lambda n_rows: neighbors.KNeighborsClassifier(min(15, n_rows), weights="distance"),
    # One-hot columns hardly vary within a class, and a single surprise would outvote all else.
    "naive_bayes": lambda _: naive_bayes.GaussianNB(var_smoothing=0.1),
    "decision_tree": lambda _: tree.DecisionTreeClassifier(min_samples_leaf=5),
    "random_forest": _forest(ensemble.RandomForestClassifier),
    "extra_trees": _forest(ensemble.ExtraTreesClassifier),
    "hist_gradient_boosting": _hist_boosting(ensemble.HistGradientBoostingClassifier),
    "xgboost": _xgboost("XGBClassifier"),
    "lightgbm": _lightgbm("LGBMClassifier"),
    "mini_rocket": lambda _: linear_model.RidgeClassifierCV(ALPHAS),
}
REGRESSORS: Final[Mapping[str, Builder]] = {
    "dummy": lambda _: DummyRegressor(),
    "linear": _ridge,
    "ridge": _ridge,
    "svm": lambda _: svm.SVR(),
    "linear_svm": lambda _: svm.LinearSVR(),
    "knn": lambda n_rows: neighbors.KNeighborsRegressor(min(15, n_rows), weights="distance"),
    "decision_tree": lambda _: tree.DecisionTreeRegressor(min_samples_leaf=5),
    "random_forest": _forest(ensemble.RandomForestRegressor),
    "extra_trees": _forest(ensemble.ExtraTreesRegressor),
    "hist_gradient_boosting": _hist_boosting(ensemble.HistGradientBoostingRegressor),
    "xgboost": _xgboost("XGBRegressor"),
    "lightgbm": _lightgbm("LGBMRegressor"),
    "mini_rocket": lambda _: linear_model.RidgeCV(ALPHAS),
}


def registry(task: Task) -> Mapping[str, Builder]:
    """Return the baselines that can do a task."""
    return CLASSIFIERS if task == "classification" else REGRESSORS


def build(kind: str, task: Task, settings: Mapping[str, object], n_rows: int) -> Any:
    """Build an unfitted estimator from a baseline's name or a class path, and its settings."""
    if "." in kind:
        return load_class(kind)(**{**QUIET.get(kind.partition(".")[0], {}), **settings})
    return registry(task)[kind](n_rows).set_params(**settings)


def class_of(kind: str, task: Task) -> Any:
    """Return the class of a baseline's name or a class path.

    Raises:
        ExtraError: the class belongs to a package of the extra `boost` that is not installed.
        ImportError: there is no such module or class.
    """
    return load_class(kind) if "." in kind else type(registry(task)[kind](1))


def load_class(path: str) -> Any:
    """Import `package.module.Class`, raising as `class_of` does."""
    module, _, name = path.rpartition(".")
    found = getattr(extras.load(module), name, None)
    if not inspect.isclass(found):
        message = f"module {module} has no class {name}"
        raise ImportError(message)
    return found


def allowed_settings(kind: Callable[..., Any]) -> tuple[str, ...] | None:
    """List the settings that an estimator class takes; None when it takes any name."""
    parameters = inspect.signature(kind).parameters.values()
    named = {one.name for one in parameters if one.kind in NAMED}
    if all(one.kind is not inspect.Parameter.VAR_KEYWORD for one in parameters):
        return tuple(sorted(named))
    if not hasattr(kind, "get_params"):
        return None
    # XGBoost and LightGBM list the rest of theirs here.
    return tuple(sorted(named | set(kind().get_params(deep=False))))
