"""Baselines by their names, and the defaults that depend on the number of rows."""

from __future__ import annotations

import re

import pytest

from dlrun.catalog.baselines import BASELINES
from dlrun.catalog.features import FEATURES
from dlrun.classic.estimators import build, builders


def test_a_title_names_the_only_task_of_a_baseline() -> None:
    one_task = {
        row.name: row.title.rpartition("(")[2].removesuffix(" only)")
        for row in BASELINES.values()
        if row.title.endswith("only)")
    }
    classifiers, regressors = builders("classification").keys(), builders("regression").keys()
    found = dict.fromkeys(classifiers - regressors, "classification")
    found |= dict.fromkeys(regressors - classifiers, "regression")
    assert found == one_task
    assert classifiers | regressors == BASELINES.keys()


@pytest.mark.parametrize("row", [*BASELINES.values(), *FEATURES.values()], ids=lambda row: row.name)
def test_a_title_names_the_extra(row) -> None:
    packages = [row.package, *(FEATURES[name].package for name in getattr(row, "features", ()))]
    extras = {package.extra for package in packages if package}
    assert extras == set(re.findall(r"\(extra: (\w+)\)", row.title))


@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.parametrize(
    ("name", "rows", "settings"),
    [
        ("random_forest", 5_000, {"n_estimators": 200, "min_samples_leaf": 1}),
        ("extra_trees", 200_000, {"n_estimators": 200, "min_samples_leaf": 10}),
        ("decision_tree", 5_000, {"min_samples_leaf": 5}),
        ("adaboost", 5_000, {"n_estimators": 100}),
        ("knn", 9, {"n_neighbors": 9, "weights": "distance"}),
        ("knn", 5_000, {"n_neighbors": 15, "weights": "distance"}),
        ("hist_gradient_boosting", 5_000, {"max_iter": 100, "max_leaf_nodes": 31}),
        ("hist_gradient_boosting", 50_000, {"max_iter": 300, "max_leaf_nodes": 31}),
        ("hist_gradient_boosting", 500_000, {"max_iter": 300, "max_leaf_nodes": 127}),
        ("lightgbm", 500_000, {"n_estimators": 300, "num_leaves": 127}),
        ("xgboost", 5_000, {"n_estimators": 100, "max_depth": 6}),
        ("xgboost", 500_000, {"n_estimators": 300, "max_leaves": 127, "max_depth": 0}),
    ],
)
def test_defaults(task: str, name: str, rows: int, settings: dict[str, object]) -> None:
    found = build(name, task, {}, rows).get_params()
    assert {key: found[key] for key in settings} == settings


@pytest.mark.parametrize("rows", [100, 1_000_000])
def test_the_recipe_wins_over_a_default(rows: int) -> None:
    forest = build("random_forest", "classification", {"min_samples_leaf": 2}, rows)
    assert (forest.min_samples_leaf, forest.n_estimators) == (2, 200)
