"""The registry of baselines, and the defaults that depend on the number of rows."""

from __future__ import annotations

import pytest

from dlrun.classic.estimators import CLASSIFIERS, REGRESSORS, build
from dlrun.contract.dataset import Task
from dlrun.recipe import vocabulary as names


def test_the_recipes_names_are_the_registrys() -> None:
    assert {*CLASSIFIERS, *REGRESSORS} == set(names.BASELINES)


def test_the_descriptions_say_what_does_one_task_only() -> None:
    one_task = {
        name: description.rpartition("(")[2].removesuffix(" only)")
        for name, description in names.BASELINES.items()
        if description.endswith("only)")
    }
    found = dict.fromkeys(CLASSIFIERS.keys() - REGRESSORS.keys(), "classification")
    found |= dict.fromkeys(REGRESSORS.keys() - CLASSIFIERS.keys(), "regression")
    assert found == one_task


@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.parametrize(
    ("name", "rows", "settings"),
    [
        ("random_forest", 5_000, {"n_estimators": 200, "min_samples_leaf": 1}),
        ("extra_trees", 200_000, {"n_estimators": 200, "min_samples_leaf": 10}),
        ("decision_tree", 5_000, {"min_samples_leaf": 5}),
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
def test_defaults(task: Task, name: str, rows: int, settings: dict[str, object]) -> None:
    found = build(name, task, {}, rows).get_params()
    assert {key: found[key] for key in settings} == settings


@pytest.mark.parametrize("rows", [100, 1_000_000])
def test_the_recipe_wins_over_a_default(rows: int) -> None:
    forest = build("random_forest", "classification", {"min_samples_leaf": 2}, rows)
    assert (forest.min_samples_leaf, forest.n_estimators) == (2, 200)
