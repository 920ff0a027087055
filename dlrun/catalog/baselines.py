"""Baselines: the estimators of classic machine learning that a recipe calls by a name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from math import prod
from typing import Any, Final, Literal

from dlrun.catalog.features import Encoding, Package
from dlrun.catalog.parts import load_part
from dlrun.contract.search import Dimension

Builder = Callable[[int], Any]
"""The number of training rows → an unfitted estimator with dlrun's defaults."""

Space = Mapping[str, Dimension]

SMALL_ROWS: Final = 1_000
MEDIUM_ROWS: Final = 10_000
LARGE_ROWS: Final = 100_000
DUMMY: Final = "dummy"
"""The baseline that ignores the columns; it is a candidate of every study."""
GlassBox = Literal["always", "on tables"]
NAIVE_TYPES: Final = ("dlrun.classic.naive.LastClass", "dlrun.classic.naive.LastValue")


@dataclass(frozen=True)
class InContext:
    """What a pretrained estimator takes that learns from its training rows as they are.

    Attributes:
        weights: the setting with the path of the file of its weights.
        download: the command that fetches such a file.
        max_rows: of training; of more rows a sample is drawn.
        max_columns: of the table.
        max_classes: None: any number.
        settings: that are set where the recipe leaves them open.
    """

    weights: str
    download: str
    max_rows: int
    max_columns: int
    max_classes: int | None = None
    settings: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Baseline:
    """An estimator with the defaults of a good practitioner.

    Attributes:
        title: what it is, in one line.
        classifier: builds its classifier; None where it has none.
        regressor: builds its regressor; None where it has none.
        package: what it needs beside scikit-learn; `{estimator: package.Class}` is then treated
            by the same row.
        encoding: of the columns; None: by its class, as for any estimator.
        features: that it always computes from columns of their types.
        n_lags: how many earlier values of the target it reads in place of the columns.
        is_kernel_machine: above 20,000 rows its kernel is approximated.
        stops_early: its fit takes X_val and y_val, by which it stops after `n_iter_` rounds;
            without `early_stopping` it boosts `max_iter` of them.
        scales_target: its regressor is fitted to a standardised target.
        in_context: of a pretrained estimator, its weights and limits.
        categories: (number of categories, number of features) → settings that name the categories,
            which are the first features.
        fit_arguments: number of categories → arguments of `fit` beside X and y.
        size: an attribute by which such a fitted estimator is recognised, and a function that
            counts its learned values; None: they are counted as those of any estimator.
        trusted: types that a saved model contains, beside those that skops trusts.
        glass_box: whether a person can follow how it gets from the columns to a prediction (Rudin
            2019, "Stop explaining black box machine learning models for high stakes decisions and
            use interpretable models instead"): always, since it adds up its features, or on tables
            alone, since of other columns it splits components without a meaning; None: never.
        space: setting → what a search tries of it, where the estimator has such a setting;
            `dlrun.catalog.spaces` names the sources.
    """

    name: str
    title: str
    classifier: Builder | None = None
    regressor: Builder | None = None
    package: Package | None = None
    encoding: Encoding | None = None
    features: tuple[str, ...] = ()
    n_lags: int = 0
    is_kernel_machine: bool = False
    stops_early: bool = False
    scales_target: bool = False
    in_context: InContext | None = None
    categories: Callable[[int, int], Mapping[str, object]] = lambda *_: {}
    fit_arguments: Callable[[int], Mapping[str, object]] = lambda _: {}
    size: tuple[str, Callable[[Any], int]] | None = None
    trusted: tuple[str, ...] = ()
    glass_box: GlassBox | None = None
    space: Space = field(default_factory=dict)


def _sklearn(module: str) -> Any:
    return import_module(f"sklearn.{module}")


def _naive(name: str, *, seasonal: bool) -> Any:
    return getattr(load_part("dlrun.classic", "naive"), name)(seasonal=seasonal)


def _convolution_penalties() -> Any:
    """Return the penalties that the authors of MiniRocket try (Dempster et al. 2021)."""
    import numpy as np

    return np.logspace(-3, 3, 10)


def _forest(n_rows: int) -> dict[str, Any]:
    # At most some 20,000 leaves, so that a forest can be kept.
    return {"n_estimators": 200, "min_samples_leaf": max(1, round(n_rows / 20_000))}


def _ebm(name: str) -> Any:
    # Pairs of columns, which it draws of two classes alone, take ten times the CPU seconds.
    return getattr(import_module("interpret.glassbox"), name)(interactions=0, outer_bags=8)


def _ebm_types(n_categories: int, n_features: int) -> dict[str, object]:
    types = ["nominal"] * n_categories + ["continuous"] * (n_features - n_categories)
    return {"feature_types": types, "n_jobs": 1}  # the cost of further processes is not measured


def _rounds(n_rows: int) -> int:
    return 100 if n_rows <= MEDIUM_ROWS else 300


def _leaves(n_rows: int) -> int:
    return 31 if n_rows <= LARGE_ROWS else 127


def _hist(n_rows: int) -> dict[str, Any]:
    return {"max_iter": _rounds(n_rows), "max_leaf_nodes": _leaves(n_rows)}


def _slow(n_rows: int) -> dict[str, Any]:
    # Few rows a step and columns a split, for small tables; 30 rounds without gain end it.
    return {
        "learning_rate": 0.05, "max_iter": 1000, "max_leaf_nodes": 15, "max_features": 0.5,
        "min_samples_leaf": 10 if n_rows <= SMALL_ROWS else 20, "early_stopping": True,
        "n_iter_no_change": 30,
    }  # fmt: skip


def _xgboost(n_rows: int) -> dict[str, Any]:
    large = {"max_depth": 0, "max_leaves": _leaves(n_rows), "grow_policy": "lossguide"}
    shape = {"max_depth": 6} if n_rows <= LARGE_ROWS else large
    return {"n_estimators": _rounds(n_rows), "learning_rate": 0.1, **shape}


def _lightgbm(n_rows: int) -> dict[str, Any]:
    # Without subsample_freq, which alone changes nothing, it ignores subsample.
    return {"n_estimators": _rounds(n_rows), "num_leaves": _leaves(n_rows), "subsample_freq": 1}


def _xgboost_categories(n_categories: int, n_features: int) -> dict[str, object]:
    types = ["c"] * n_categories + ["q"] * (n_features - n_categories)
    return {"enable_categorical": True, "feature_types": types}


def _lightgbm_categories(n_categories: int) -> dict[str, object]:
    return {"categorical_feature": list(range(n_categories))} if n_categories else {}


def _hist_nodes(boosting: Any) -> int:
    return sum(len(tree.nodes) for trees in boosting._predictors for tree in trees)


def _xgboost_nodes(boosting: Any) -> int:
    return sum(text.count("\n") for text in boosting.get_booster().get_dump())


def _lightgbm_nodes(boosting: Any) -> int:
    trees = boosting.booster_.dump_model()["tree_info"]
    return sum(2 * tree["num_leaves"] - 1 for tree in trees)


PENALTIES: Final[Space] = {
    "C": Dimension(log=(1e-3, 1e3)),
    "alpha": Dimension(log=(1e-3, 1e3)),
}
FOREST_SPACE: Final[Space] = {
    "max_features": Dimension(choices=("sqrt", 0.2, 0.4, 0.6, 0.8, 1.0)),
    "min_samples_leaf": Dimension(log=(1, 50)),
}
BOOSTING_RATES: Final = Dimension(log=(0.02, 0.2))
TREES: Final = Dimension(log=(100, 1000))
LEAVES: Final = Dimension(log=(7, 255))
LEAF_ROWS: Final = Dimension(log=(2, 100))
SHARES: Final = Dimension(range=(0.5, 1.0))
L2: Final = Dimension(log=(1e-3, 10.0))
HIST_SPACE: Final[Space] = {
    "learning_rate": BOOSTING_RATES, "max_leaf_nodes": LEAVES, "min_samples_leaf": LEAF_ROWS,
    "l2_regularization": L2, "max_features": SHARES,
}  # fmt: skip

BASELINES: Final = {
    row.name: row
    for row in (
        Baseline(
            DUMMY, "the most frequent class, or the mean; ignores the columns",
            lambda _: _sklearn("dummy").DummyClassifier(),
            lambda _: _sklearn("dummy").DummyRegressor(),
            encoding="none", glass_box="always",
        ),
        Baseline(
            "naive", "the last known value, or how often each class follows the last (time splits)",
            lambda _: _naive("LastClass", seasonal=False),
            lambda _: _naive("LastValue", seasonal=False),
            encoding="native", n_lags=1, trusted=NAIVE_TYPES, glass_box="always",
        ),
        Baseline(
            "seasonal_naive", "as naive, a day, a week or a year ago, as fits best (time splits)",
            lambda _: _naive("LastClass", seasonal=True),
            lambda _: _naive("LastValue", seasonal=True),
            encoding="native", n_lags=2, trusted=NAIVE_TYPES, glass_box="always",
        ),
        Baseline(
            "linear", "logistic regression, or ridge regression for a number",
            lambda _: _sklearn("linear_model").LogisticRegression(max_iter=1000),
            lambda _: _sklearn("linear_model").Ridge(),
            glass_box="always", space=PENALTIES,
        ),
        Baseline(
            "logistic_regression", "multinomial logistic regression (classification only)",
            lambda _: _sklearn("linear_model").LogisticRegression(max_iter=1000),
            glass_box="always", space=PENALTIES,
        ),
        Baseline(
            "ridge", "least squares with an L2 penalty (regression only)",
            regressor=lambda _: _sklearn("linear_model").Ridge(),
            glass_box="always", space=PENALTIES,
        ),
        Baseline(
            "svm",
            "support vectors with an RBF kernel; Nystroem features above 20,000 training rows",
            lambda _: _sklearn("svm").SVC(),
            lambda _: _sklearn("svm").SVR(),
            is_kernel_machine=True,
            scales_target=True,
            size=("support_vectors_", lambda svm: prod(svm.support_vectors_.shape)),
            space={
                "C": Dimension(log=(1e-2, 1e2)), "gamma": Dimension(log=(1e-4, 1.0)),
                "epsilon": Dimension(log=(1e-3, 1.0)),
            },
        ),
        Baseline(
            "linear_svm",
            "support vectors without a kernel, for many features such as those of texts",
            lambda _: _sklearn("svm").LinearSVC(),
            lambda _: _sklearn("svm").LinearSVR(),
            scales_target=True, glass_box="always",
            space={"C": Dimension(log=(1e-3, 1e2))},
        ),
        Baseline(
            "knn", "the nearest 15 training rows, weighted by distance",
            lambda n: _sklearn("neighbors").KNeighborsClassifier(min(15, n), weights="distance"),
            lambda n: _sklearn("neighbors").KNeighborsRegressor(min(15, n), weights="distance"),
            size=("_fit_X", lambda knn: prod(knn._fit_X.shape)),
            trusted=(
                "sklearn.metrics._dist_metrics.EuclideanDistance64",
                "sklearn.metrics._dist_metrics.ManhattanDistance64",
                "sklearn.neighbors._ball_tree.BallTree", "sklearn.neighbors._kd_tree.KDTree",
            ),
            space={
                "n_neighbors": Dimension(log=(1, 50)), "p": Dimension(choices=(1, 2)),
                "weights": Dimension(choices=("uniform", "distance")),
            },
        ),
        Baseline(
            "naive_bayes", "Gaussian naive Bayes (classification only)",
            # One-hot columns hardly vary within a class: with the default smoothing one surprising
            # value would outweigh all other columns.
            lambda _: _sklearn("naive_bayes").GaussianNB(var_smoothing=0.1),
            glass_box="on tables", space={"var_smoothing": Dimension(log=(1e-9, 1.0))},
        ),
        Baseline(
            "decision_tree", "one tree, at least 5 rows in a leaf",
            lambda _: _sklearn("tree").DecisionTreeClassifier(min_samples_leaf=5),
            lambda _: _sklearn("tree").DecisionTreeRegressor(min_samples_leaf=5),
            size=("tree_", lambda tree: tree.tree_.node_count),
            trusted=("sklearn.tree._tree.Tree",),
            space={"max_depth": Dimension(range=(2, 20)), "min_samples_leaf": LEAF_ROWS},
        ),
        Baseline(
            "shallow_tree", "one tree of at most 3 questions, at least 1 % of the rows in a leaf",
            lambda _: _sklearn("tree").DecisionTreeClassifier(max_depth=3, min_samples_leaf=0.01),
            lambda _: _sklearn("tree").DecisionTreeRegressor(max_depth=3, min_samples_leaf=0.01),
            glass_box="on tables",
            space={"max_depth": Dimension(range=(1, 4))},
        ),
        Baseline(
            "ebm", "one curve for each column, added up: explainable boosting (extra: interpret)",
            lambda _: _ebm("ExplainableBoostingClassifier"),
            lambda _: _ebm("ExplainableBoostingRegressor"),
            package=Package("interpret", "interpret", "interpret-core"),
            encoding="native",
            categories=_ebm_types,
            size=("term_scores_", lambda ebm: sum(scores.size for scores in ebm.term_scores_)),
            trusted=(
                "interpret.glassbox._ebm._ebm.ExplainableBoostingClassifier",
                "interpret.glassbox._ebm._ebm.ExplainableBoostingRegressor",
            ),
            glass_box="on tables",
            space={
                "learning_rate": Dimension(log=(0.005, 0.1)), "max_leaves": Dimension(range=(2, 4)),
                "min_samples_leaf": LEAF_ROWS, "smoothing_rounds": Dimension(range=(0, 500)),
            },
        ),
        Baseline(
            "random_forest", "200 trees on bootstrap samples",
            lambda n: _sklearn("ensemble").RandomForestClassifier(**_forest(n)),
            lambda n: _sklearn("ensemble").RandomForestRegressor(**_forest(n)),
            space={**FOREST_SPACE, "max_samples": Dimension(range=(0.5, 1.0))},
        ),
        Baseline(
            "extra_trees", "200 trees with random thresholds",
            lambda n: _sklearn("ensemble").ExtraTreesClassifier(**_forest(n)),
            lambda n: _sklearn("ensemble").ExtraTreesRegressor(**_forest(n)),
            space=FOREST_SPACE,
        ),
        Baseline(
            "adaboost", "100 boosted stumps, or trees of depth 3 for a number",
            lambda _: _sklearn("ensemble").AdaBoostClassifier(n_estimators=100),
            lambda _: _sklearn("ensemble").AdaBoostRegressor(n_estimators=100),
            space={
                "learning_rate": Dimension(log=(0.01, 2.0)),
                "n_estimators": Dimension(log=(50, 500)),
            },
        ),
        Baseline(
            "hist_gradient_boosting", "histogram gradient boosting, scikit-learn's",
            lambda n: _sklearn("ensemble").HistGradientBoostingClassifier(**_hist(n)),
            lambda n: _sklearn("ensemble").HistGradientBoostingRegressor(**_hist(n)),
            size=("_predictors", _hist_nodes),
            trusted=("sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",),
            space={**HIST_SPACE, "max_iter": TREES},
        ),
        Baseline(
            "slow_gradient_boosting",
            "histogram gradient boosting in small steps, stopped by the validation rows",
            lambda n: _sklearn("ensemble").HistGradientBoostingClassifier(**_slow(n)),
            lambda n: _sklearn("ensemble").HistGradientBoostingRegressor(**_slow(n)),
            stops_early=True,
            space=HIST_SPACE,
        ),
        Baseline(
            "xgboost", "gradient boosting, XGBoost's (extra: boost)",
            lambda n: import_module("xgboost").XGBClassifier(**_xgboost(n)),
            lambda n: import_module("xgboost").XGBRegressor(**_xgboost(n)),
            package=Package("xgboost", "boost", "xgboost"),
            encoding="native",
            categories=_xgboost_categories,
            size=("get_booster", _xgboost_nodes),
            trusted=(
                "xgboost.core.Booster",
                "xgboost.sklearn.XGBClassifier", "xgboost.sklearn.XGBRegressor",
            ),
            space={
                "learning_rate": BOOSTING_RATES, "n_estimators": TREES,
                "max_depth": Dimension(range=(3, 10)), "reg_lambda": L2,
                "min_child_weight": Dimension(log=(0.1, 30.0)),
                "subsample": SHARES, "colsample_bytree": SHARES,
            },
        ),
        Baseline(
            "lightgbm", "gradient boosting, LightGBM's (extra: boost)",
            lambda n: import_module("lightgbm").LGBMClassifier(**_lightgbm(n)),
            lambda n: import_module("lightgbm").LGBMRegressor(**_lightgbm(n)),
            package=Package("lightgbm", "boost", "lightgbm"),
            encoding="native",
            fit_arguments=_lightgbm_categories,
            size=("booster_", _lightgbm_nodes),
            trusted=(
                "lightgbm.basic.Booster",
                "lightgbm.sklearn.LGBMClassifier", "lightgbm.sklearn.LGBMRegressor",
            ),
            space={
                "learning_rate": BOOSTING_RATES, "n_estimators": TREES, "num_leaves": LEAVES,
                "min_child_samples": LEAF_ROWS, "reg_lambda": L2,
                "subsample": SHARES, "colsample_bytree": SHARES,
            },
        ),
        Baseline(
            "mini_rocket",
            "ridge regression on 10,000 random convolutions of series (extra: series)",
            lambda _: _sklearn("linear_model").RidgeClassifierCV(_convolution_penalties()),
            lambda _: _sklearn("linear_model").RidgeCV(_convolution_penalties()),
            features=("mini_rocket",),
        ),
    )
}  # fmt: skip
