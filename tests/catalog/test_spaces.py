"""The search spaces that every architecture and baseline comes with."""

from __future__ import annotations

import itertools
import json

import numpy as np
import pandas as pd
import pytest

from dlrun.catalog.architectures import ARCHITECTURES
from dlrun.catalog.baselines import BASELINES
from dlrun.classic.candidates import make_candidates as make_classic
from dlrun.classic.estimators import build, builders
from dlrun.contract.candidate import FitContext
from dlrun.contract.dataset import Column, Dataset, Target
from dlrun.deep.candidate import DeepCandidate
from dlrun.deep.spec import NetworkSpec
from dlrun.recipe.schema import Recipe
from dlrun.study.feature_networks import FeatureNetworkCandidate

TASKS = ("classification", "regression")
UNTUNED = {"dummy", "naive", "seasonal_naive", "mini_rocket"}
OPTIONAL = {"xgboost": "xgboost", "lightgbm": "lightgbm", "ebm": "interpret"}
LAYERS = [{"Dense": 4}]


def make_dataset(task="classification", n_rows=80):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(rng.normal(size=(n_rows, 3)), columns=["a", "b", "c"])
    y = frame.a + rng.normal(size=n_rows)
    labels = ("no", "yes") if task == "classification" else ()
    codes = (y > 0).astype(np.int64) if labels else y
    columns = tuple(Column(name, "number") for name in frame)
    return Dataset(
        "small", "made", columns, Target("y", task, labels), frame, np.asarray(codes),
        np.arange(n_rows),
    )  # fmt: skip


def make_recipe(**sections):
    return Recipe.model_validate({"data": {"source": "made"}, **sections})


def network(training=None, **model):
    settings = {"layers": LAYERS} if model["architecture"] == "layers" else {}
    recipe = make_recipe(model={**settings, **model}, training=training or {}, baselines="none")
    (section,) = recipe.models
    spec = NetworkSpec(section, recipe.training, recipe.preprocessing, "accuracy", recipe.folder)
    return DeepCandidate(spec, "model")


def baseline(task="classification", **settings):
    recipe = make_recipe(model="none", baselines=[settings])
    return make_classic(recipe, make_dataset(task))[-1]


def values_of(dimension):
    return dimension.choices or dimension.bounds


def contains(dimension, value):
    if dimension.choices:
        return value in dimension.choices
    low, high = dimension.bounds
    return low <= value <= high


@pytest.mark.parametrize("name", [row.name for row in ARCHITECTURES.values() if row.is_trained])
def test_every_architecture_is_searched_within_what_it_takes(name):
    candidate = network(architecture=name)
    space = candidate.space(make_dataset())
    own = {f"model.{key}": values for key, values in ARCHITECTURES[name].space.items()}
    assert own.items() <= space.items()  # no choice is left out
    assert bool(own) != (name == "layers")
    for key, values in space.items():
        for value in values_of(values):
            changed = candidate.with_settings({key: value}).settings
            assert changed[f"{key}.peak" if key == "training.learning_rate" else key] == value
    extremes = [{key: values_of(each)[i] for key, each in space.items()} for i in (0, -1)]
    assert [candidate.with_settings(each).name for each in extremes] == [name, name]


def test_the_defaults_of_networks_lie_inside_their_spaces():
    for row in ARCHITECTURES.values():
        defaults = {name: field.default for name, field in row.settings.model_fields.items()}
        outside = {
            name for name, values in row.space.items() if not contains(values, defaults[name])
        }
        assert outside <= {"encode"}, row.name  # null: as preprocessing says
        assert contains(row.rates, 1e-3)


@pytest.mark.parametrize("task", TASKS)
def test_every_baseline_but_a_few_is_searched(task):
    for name in set(builders(task)) - set(OPTIONAL):
        space = baseline(task, name=name).space(make_dataset(task)) if name not in UNTUNED else {}
        assert bool(space) != (name in UNTUNED), name
        assert all(key.startswith(f"baselines.{name}.") for key in space)
    assert {row.name for row in BASELINES.values() if not row.space} == UNTUNED


@pytest.mark.parametrize(
    ("task", "name"),
    [(t, n) for t, n in itertools.product(TASKS, BASELINES) if n in builders(t)],
)
def test_baselines_take_the_ends_of_their_spaces_and_have_defaults_inside(task, name):
    if name in OPTIONAL:
        pytest.importorskip(OPTIONAL[name])
    if name in UNTUNED:
        return
    dataset = make_dataset(task)
    candidate = baseline(task, name=name)
    space = {k.rpartition(".")[2]: v for k, v in candidate.space(dataset).items()}
    defaults = build(name, task, {}, len(dataset)).get_params()
    # None, scale and no penalty at all are defaults that no range contains.
    numbers = {key: value for key, value in defaults.items() if value and value != "scale"}
    assert all(contains(space[key], numbers[key]) for key in space.keys() & numbers)
    for key, values in space.items():
        for value in values_of(values):
            estimator = build(name, task, {key: value}, len(dataset))
            if hasattr(estimator, "_parameter_constraints"):
                estimator._validate_params()
    for end in (0, -1):
        settings = {key: values_of(values)[end] for key, values in space.items()}
        few = {key: 50 for key in ("n_estimators", "max_iter") if key in space}
        few |= {"max_rounds": 20, "outer_bags": 2} if name == "ebm" else {}
        few |= {"max_iter": 50} if name == "slow_gradient_boosting" else {}
        few |= {"n_estimators": 5} if name in ("random_forest", "extra_trees") else {}
        changed = {f"baselines.{name}.{key}": each for key, each in {**settings, **few}.items()}
        fitted = candidate.with_settings(changed).fit(dataset, dataset, FitContext(0))
        assert np.isfinite(fitted.predict(dataset.frame).values).all()


def test_a_linear_model_is_searched_by_the_penalty_that_its_class_has():
    assert [*baseline(name="linear").space(make_dataset())] == ["baselines.linear.C"]
    regression = baseline("regression", name="linear").space(make_dataset("regression"))
    assert [*regression] == ["baselines.linear.alpha"]


def test_a_class_is_searched_as_the_baseline_of_its_class_or_package():
    dataset = make_dataset()
    svm = baseline(estimator="sklearn.svm.SVC", kernel="rbf", name="mine").space(dataset)
    assert [*svm] == ["baselines.mine.C", "baselines.mine.gamma"]
    assert baseline(estimator="sklearn.linear_model.RidgeClassifier").space(dataset) == {}
    pytest.importorskip("xgboost")
    own = baseline(estimator="xgboost.XGBClassifier", max_depth=2).space(dataset)
    named = baseline(name="xgboost").space(dataset)
    assert [*own.values()] == [*named.values()]


def test_boosting_that_stops_early_is_not_searched_for_the_number_of_trees():
    assert not {"max_iter", "n_estimators"} & set(BASELINES["slow_gradient_boosting"].space)
    assert "max_iter" in BASELINES["hist_gradient_boosting"].space


def test_choices_that_the_recipes_own_settings_exclude_are_left_out():
    dataset = make_dataset()
    space = network(architecture="ft_transformer", width=60, heads=6).space(dataset)
    assert "model.width" not in space  # one value is no choice
    four = network(architecture="fcn", filters=[8] * 4, kernel_sizes=[3] * 4).space(dataset)
    assert not {"model.filters", "model.kernel_sizes"} & set(four)
    half = network(architecture="transformer", width=128, heads=64).space(dataset)
    assert half["model.width"].choices == (64, 128)


def test_rates_of_other_optimizers_lie_around_the_recipes_own():
    def searched(**training):
        return network(training, architecture="mlp").space(make_dataset())

    assert searched()["training.learning_rate"].log == (3e-4, 1e-2)
    assert searched(optimizer="nadam")["training.learning_rate"].log == (3e-4, 1e-2)
    own = searched(optimizer="sgd", learning_rate=0.5)
    assert own["training.learning_rate"].log == pytest.approx((0.05, 5.0))
    assert "training.optimizer.weight_decay" in own
    cosine = searched(optimizer="sgd", learning_rate={"schedule": "cosine", "peak": 0.1})
    assert cosine["training.learning_rate"].log == pytest.approx((0.01, 1.0))


def test_embeddings_of_numbers_are_searched_where_there_are_some():
    candidate, dataset = network(architecture="mlp"), make_dataset()
    assert "model.encode" in candidate.space(dataset)
    features = FeatureNetworkCandidate(candidate, ("flat",))
    assert {*candidate.space(dataset)} - {*features.space(dataset)} == {"model.encode"}
    many = Dataset(
        "wide", "made", tuple(Column(f"c{i}", "number") for i in range(101)), dataset.target,
        dataset.frame, dataset.y, dataset.row_ids,
    )  # fmt: skip
    assert "model.encode" not in candidate.space(many)
    assert "model.encode" not in network(architecture="mlp").space(
        Dataset(
            "words", "made", (Column("t", "text"),), dataset.target, dataset.frame, dataset.y,
            dataset.row_ids,
        )
    )  # fmt: skip


def test_a_function_of_the_users_is_searched_in_its_training_alone():
    space = network(architecture="my_nets:build", width=3).space(make_dataset())
    assert [*space] == [
        "training.learning_rate",
        "training.learning_rate.schedule",
        "training.optimizer.weight_decay",
    ]


def test_dimensions_survive_a_recipe_that_writes_them_out():
    for row in (*ARCHITECTURES.values(), *BASELINES.values()):
        for key, values in row.space.items():
            kind = next(k for k in ("range", "log", "choices") if getattr(values, k))
            written = {"search": {"space": {key: {kind: getattr(values, kind)}}}}
            read = make_recipe(**json.loads(json.dumps(written))).search.space[key]
            assert read == values, (row.name, key)
