from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from numpy.typing import NDArray

from dlrun.contract.dataset import Column, Dataset, Split, Target
from dlrun.data.dataset import read_dataset
from dlrun.data.splits.make import count_leaked_duplicates, make_splits, n_folds, n_repeats
from dlrun.errors import DataError
from dlrun.recipe.schema import Recipe

few = examples(max_examples=50, deadline=None)  # a loaded machine is no failure


def dataset_of(
    y: Any, *, split_values: Any = None, task: str = "classification", x: Any = None
) -> Dataset:
    y = np.asarray(y)
    is_class = task == "classification"
    labels = tuple(f"c{code}" for code in range(y.max() + 1)) if is_class else ()
    return Dataset(
        name="made",
        source="made",
        columns=(Column("x", "number"),),
        target=Target("y", "classification" if is_class else "regression", labels),
        frame=pd.DataFrame({"x": np.arange(len(y), dtype=float) if x is None else x}),
        y=y.astype(np.int64 if is_class else np.float64),
        row_ids=np.arange(len(y)),
        split_values=None if split_values is None else np.asarray(split_values),
        digest="made",
    )


def recipe_of(
    method: str | None = None,
    *,
    folds: int | str = "auto",
    repeats: int = 1,
    seed: int = 0,
    **split: Any,
) -> Recipe:
    column = "by" if method in ("group", "time", "predefined") else None
    return Recipe.model_validate(
        {
            "seed": seed,
            "data": {"source": "made", "split": {"method": method, "column": column, **split}},
            "evaluation": {"folds": folds, "repeats": repeats},
        }
    )


def splits_of(dataset: Dataset, method: str | None = None, **settings: Any) -> tuple[Split, ...]:
    return make_splits(recipe_of(method, **settings), dataset).splits


def failure(dataset: Dataset, method: str | None = None, **settings: Any) -> str:
    with pytest.raises(DataError) as caught:
        splits_of(dataset, method, **settings)
    return str(caught.value)


def parts(split: Split) -> tuple[NDArray[np.int64], ...]:
    return split.train, split.validation, split.test


# ------------------------------------------------------------------ what holds for every method


@st.composite
def cases(draw: Callable[..., Any]) -> tuple[Dataset, dict[str, Any]]:
    """Draw a dataset with groups and times, and a way to split it."""
    n = draw(st.integers(60, 150))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    task = draw(st.sampled_from(["classification", "regression"]))
    y = rng.normal(size=n) if task == "regression" else rng.permutation(np.arange(n) % 11 // 5)
    methods = ["random", "group", "time"] + ["stratified"] * (task == "classification")
    settings = {
        "method": draw(st.sampled_from(methods)),
        "folds": draw(st.integers(1, 5)),
        "repeats": draw(st.integers(1, 2)),
        "seed": draw(st.integers(0, 2**32 - 1)),
    }
    values = rng.integers(0, draw(st.integers(12, 40)), n)
    split_values = values if settings["method"] in ("group", "time") else None
    return dataset_of(y, split_values=split_values, task=task), settings


def enough(dataset: Dataset, settings: dict[str, Any]) -> tuple[Split, ...] | None:
    try:
        return splits_of(dataset, **settings)
    except DataError as error:  # two folds on few groups, or a training part of one class
        assert "too small" in str(error) or "alone" in str(error) or "every class" in str(error)
        return None


@few
@given(cases())
def test_parts_are_disjoint_sorted_and_never_empty(case: tuple[Dataset, dict[str, Any]]) -> None:
    dataset, settings = case
    for split in enough(dataset, settings) or ():
        together = np.concatenate(parts(split))
        assert len(np.unique(together)) == len(together)
        assert all(len(rows) and (np.diff(rows) > 0).all() for rows in parts(split))
        assert together.min() >= 0
        assert together.max() < len(dataset)
        if settings["method"] != "time":
            assert len(together) == len(dataset)


@few
@given(cases())
def test_every_row_is_tested_once_per_repeat(case: tuple[Dataset, dict[str, Any]]) -> None:
    dataset, settings = case
    splits = enough(dataset, settings) or ()
    if settings["folds"] == 1 or settings["method"] == "time":
        return
    for repeat in {split.repeat for split in splits}:
        tested = np.concatenate([split.test for split in splits if split.repeat == repeat])
        assert np.sort(tested).tolist() == list(range(len(dataset)))


@few
@given(cases())
def test_the_same_seed_gives_the_same_splits_and_another_one_others(
    case: tuple[Dataset, dict[str, Any]],
) -> None:
    dataset, settings = case
    if enough(dataset, settings) is None:
        return
    recipe = recipe_of(**settings)
    one, again = make_splits(recipe, dataset), make_splits(recipe, dataset)
    assert one.digest == again.digest
    assert [split.seed for split in one.splits] == [split.seed for split in again.splits]
    if settings["method"] in ("random", "stratified"):
        other = make_splits(recipe_of(**{**settings, "seed": settings["seed"] ^ 1}), dataset)
        assert other.digest != one.digest


@few
@given(cases())
def test_splits_are_numbered_and_each_has_its_own_seed(
    case: tuple[Dataset, dict[str, Any]],
) -> None:
    dataset, settings = case
    splits = enough(dataset, settings)
    if splits is None:
        return
    places = [(split.repeat, split.fold) for split in splits]
    folds, repeats = settings["folds"], settings["repeats"]
    assert places == [(repeat, fold) for repeat in range(repeats) for fold in range(folds)]
    assert [split.index for split in splits] == list(range(len(splits)))
    assert len({split.seed for split in splits}) == len(splits)
    assert all(0 <= split.seed < 2**32 for split in splits)


# ------------------------------------------------------------------------------- stratified


@few
@given(
    counts=st.lists(st.integers(5, 60), min_size=2, max_size=6),
    folds=st.integers(1, 5),
    seed=st.integers(0, 2**32 - 1),
)
def test_every_class_has_its_share_in_every_part(counts: list[int], folds: int, seed: int) -> None:
    dataset = dataset_of(np.repeat(np.arange(len(counts)), counts))
    share = 0.2 if folds == 1 else 1 / folds
    for split in splits_of(dataset, folds=folds, seed=seed):
        found = np.bincount(dataset.y[split.test], minlength=len(counts))
        assert (np.abs(found - np.array(counts) * share) <= 1 + (folds == 1)).all()
        assert (np.bincount(dataset.y[split.train], minlength=len(counts)) > 0).all()


def test_the_rarest_class_that_is_allowed_stays_in_training() -> None:
    dataset = dataset_of(np.repeat([0, 1], [40, 2]))
    for seed in range(30):
        for split in splits_of(dataset, folds=2, seed=seed, validation=0.4):
            assert 1 in dataset.y[split.train]


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_shares_are_of_all_rows(task: str) -> None:
    dataset = dataset_of(np.arange(1000) % 2, task=task)
    (split,) = splits_of(dataset, folds=1, test=0.3, validation=0.15)
    assert [len(rows) for rows in parts(split)] == [550, 150, 300]
    for split in splits_of(dataset, folds=4, test=0.9, validation=0.05):
        assert [len(rows) for rows in parts(split)] == [700, 50, 250]


def test_repeats_part_anew() -> None:
    dataset = dataset_of(np.arange(100) % 2)
    one, two = splits_of(dataset, folds=1, repeats=2)
    assert one.test.tolist() != two.test.tolist()


# ------------------------------------------------------------------------------------ groups


@few
@given(cases())
def test_groups_never_straddle(case: tuple[Dataset, dict[str, Any]]) -> None:
    dataset, settings = case
    if settings["method"] != "group" or dataset.split_values is None:
        return
    for split in enough(dataset, settings) or ():
        groups = [set(dataset.split_values[rows]) for rows in parts(split)]
        assert sum(map(len, groups)) == len(set.union(*groups))


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_groups_keep_shares_of_rows_and_classes(task: str) -> None:
    rng = np.random.default_rng(0)
    groups = rng.integers(0, 200, 5000)
    y = (rng.random(5000) < 0.1 + 0.4 * (groups % 2)).astype(int)
    dataset = dataset_of(y, split_values=[f"g{group}" for group in groups], task=task)
    splits = splits_of(dataset, "group", folds=5) + splits_of(dataset, "group", folds=1)
    for split in splits:
        assert len(split.test) == pytest.approx(1000, rel=0.05)
        assert len(split.validation) == pytest.approx(500, rel=0.05)
        if task == "classification":
            assert y[split.test].mean() == pytest.approx(y.mean(), rel=0.05)
            assert y[split.validation].mean() == pytest.approx(y.mean(), rel=0.1)


def test_repeats_deal_the_groups_anew_even_when_all_sizes_differ() -> None:
    groups = np.repeat(np.arange(20), np.arange(20, 40))
    dataset = dataset_of(np.arange(len(groups)) % 2, split_values=groups)
    one, two = splits_of(dataset, "group", folds=1, repeats=2)
    assert one.test.tolist() != two.test.tolist()


def test_three_groups_are_enough_for_one_split_or_three_folds() -> None:
    dataset = dataset_of([0, 1] * 30, split_values=np.repeat([0, 1, 2], [50, 5, 5]))
    for seed in range(10):
        assert len(splits_of(dataset, "group", folds=1, seed=seed)) == 1
        assert len(splits_of(dataset, "group", folds=3, seed=seed)) == 3


def test_too_few_groups() -> None:
    dataset = dataset_of([0, 1] * 30, split_values=np.arange(60) % 4)
    assert failure(dataset, "group", folds=5) == (
        "recipe.yaml: data.split: the number of groups, 4, is too small for 5 folds, each with a "
        "training, a validation and a test part."
    )
    dataset = dataset_of([0, 1] * 30, split_values=np.arange(60) // 30)
    assert failure(dataset, "group", folds=1) == (
        "recipe.yaml: data.split: the number of groups, 2, is too small for one split with a "
        "training, a validation and a test part."
    )


def test_a_training_part_of_one_class_is_refused() -> None:
    dataset = dataset_of(np.repeat([0, 1], [30, 10]), split_values=np.repeat([0, 1, 2, 3], 10))
    assert failure(dataset, "group", folds=4).endswith(
        "has the class 'c0' alone among its training rows."
    )


# -------------------------------------------------------------------------------------- time


@few
@given(cases())
def test_training_comes_before_validation_and_validation_before_test(
    case: tuple[Dataset, dict[str, Any]],
) -> None:
    dataset, settings = case
    if settings["method"] != "time" or dataset.split_values is None:
        return
    times = dataset.split_values
    splits = enough(dataset, settings) or ()
    for split in splits:
        assert times[split.train].max() < times[split.validation].min()
        assert times[split.validation].max() < times[split.test].min()
    for before, after in pairwise(splits):
        if after.repeat == before.repeat:
            assert set(before.train) < set(after.train)
            assert times[before.test].max() < times[after.test].min()


def test_times_share_out_the_rows_in_blocks_and_the_last_is_always_tested() -> None:
    order = np.random.default_rng(0).permutation(600)
    dataset = dataset_of(np.arange(600.0), split_values=order, task="regression")
    splits = splits_of(dataset, "time", folds=5)
    assert [[len(rows) for rows in parts(split)] for split in splits] == [
        [88, 12, 100], [176, 24, 100], [264, 36, 100], [352, 48, 100], [440, 60, 100],
    ]  # fmt: skip
    assert set(order[splits[-1].test]) == set(range(500, 600))
    (one,) = splits_of(dataset, "time", folds=1)
    assert [len(rows) for rows in parts(one)] == [420, 60, 120]


def test_repeats_of_a_time_split_change_the_seed_only() -> None:
    dataset = dataset_of(np.arange(100) % 2, split_values=np.arange(100))
    one, two = splits_of(dataset, "time", folds=1, repeats=2)
    assert all((a == b).all() for a, b in zip(parts(one), parts(two), strict=True))
    assert one.seed != two.seed


def test_too_few_times() -> None:
    dataset = dataset_of(np.arange(60.0), split_values=np.arange(60) // 20, task="regression")
    assert failure(dataset, "time", folds=2) == (
        "recipe.yaml: data.split: the number of different times, 3, is too small for 2 folds, each "
        "with a training, a validation and a test part."
    )


# --------------------------------------------------------------------------------- predefined


def test_the_parts_that_the_data_brings_are_kept() -> None:
    values = np.array(["test", "train", "validation"] * 20, dtype=object)
    dataset = dataset_of(np.arange(60) // 30, split_values=values)
    for method in ("predefined", None):
        one, two = splits_of(dataset, method, repeats=2)
        for split in (one, two):
            assert set(values[split.train]) == {"train"}
            assert set(values[split.validation]) == {"validation"}
            assert set(values[split.test]) == {"test"}
        assert one.seed != two.seed


def test_a_validation_part_is_cut_from_training_with_the_share_of_every_class() -> None:
    values = np.repeat(["train", "test"], [150, 50]).astype(object)
    dataset = dataset_of(np.tile([0, 0, 0, 0, 1], 40), split_values=values)
    one, two = splits_of(dataset, "predefined", repeats=2)
    assert [len(rows) for rows in parts(one)] == [135, 15, 50]
    assert dataset.y[one.validation].sum() == pytest.approx(3, abs=1)
    assert one.validation.tolist() == two.validation.tolist()


def test_the_validation_part_is_a_share_of_the_training_part() -> None:
    values = np.repeat(["train", "test"], [20, 980]).astype(object)
    dataset = dataset_of(np.arange(1000) % 2, split_values=values)
    (split,) = splits_of(dataset, "predefined")
    assert [len(rows) for rows in parts(split)] == [18, 2, 980]
    assert split.is_refit


def test_rows_are_refitted_only_where_validation_is_cut_from_the_datas_own_training() -> None:
    values = np.array(["test", "train", "validation"] * 20, dtype=object)
    dataset = dataset_of(np.arange(60) // 30, split_values=values)
    assert not any(split.is_refit for split in splits_of(dataset, "predefined"))
    assert not any(split.is_refit for split in splits_of(dataset, "random"))


def test_predefined_parts_need_training_and_test_rows_and_take_no_folds() -> None:
    dataset = dataset_of([0, 1] * 10, split_values=np.repeat(["train"], 20).astype(object))
    assert failure(dataset, "predefined") == (
        "recipe.yaml: data.split: no row belongs to the part 'test'."
    )
    assert failure(dataset, "predefined", folds=5) == (
        "recipe.yaml: evaluation.folds: 5 folds are asked for, but the data brings its own test "
        "rows. Set folds: auto, or data.split.method: random or stratified to split all rows anew"
    )


# ---------------------------------------------------------------------------- folds and checks


def test_the_number_of_folds() -> None:
    small, large = dataset_of([0, 1] * 50), dataset_of([0, 1] * 50_001)
    edge = dataset_of([0, 1] * 50_000)
    own = dataset_of([0, 1] * 50, split_values=["train", "test"] * 50)
    assert [n_folds(recipe_of(), made) for made in (small, edge, large, own)] == [5, 5, 3, 1]
    assert n_folds(recipe_of(folds=10), small) == 10


def test_a_class_with_fewer_rows_than_folds() -> None:
    dataset = dataset_of(np.repeat([0, 1, 2], [50, 4, 3]))
    assert failure(dataset) == (
        "recipe.yaml: data.target: every class needs 5 rows, one for each fold, but fewer stand "
        "in: 'c1' (4), 'c2' (3). Leave these classes out or lower evaluation.folds."
    )


def test_a_stratified_split_needs_classes() -> None:
    dataset = dataset_of(np.arange(50.0), task="regression")
    assert failure(dataset, "stratified") == (
        "recipe.yaml: data.split.method: a stratified split needs classes, but 'y' is a number. "
        "Use random"
    )


def test_parts_that_leave_no_training_rows() -> None:
    dataset = dataset_of([0, 1] * 50)
    assert failure(dataset, folds=2, validation=0.5) == (
        "recipe.yaml: data.split.validation: a validation part of 0.5 beside a test part of 0.5 "
        "leaves no training rows."
    )


def test_too_few_rows() -> None:
    dataset = dataset_of(np.arange(4.0), task="regression")
    assert failure(dataset, folds=5) == (
        "recipe.yaml: data.split: fold 5 has no test rows: 4 rows are too few."
    )


def test_the_digest_speaks_of_rows_and_data() -> None:
    dataset = dataset_of([0, 1] * 50)
    digests = {
        make_splits(recipe_of(seed=seed), made).digest
        for seed in (0, 1)
        for made in (dataset, Dataset(**{**vars(dataset), "digest": "other"}))
    }
    assert len(digests) == 4
    assert all(len(digest) == 36 for digest in digests)


# --------------------------------------------------------------------------------- duplicates


def test_test_rows_that_stand_in_training_are_counted(make_recipe: Any) -> None:
    table = pd.DataFrame(
        {
            "n": [1.5, None, 1.5, None, 1.5, 2.5],
            "c": ["a", "b", "a", "b", "a", None],
            "y": [0, 1, 0, 1, 1, 0],
        }
    )
    dataset = read_dataset(make_recipe({"target": "y"}, table=table))
    split = Split(0, 0, 0, 0, np.array([0]), np.array([1]), np.array([2, 3, 4, 5]))
    assert count_leaked_duplicates(dataset, split) == 2  # row 4 has another target


@pytest.mark.parametrize(
    ("n_rows", "evaluation", "split", "repeats"),
    [
        (300, {}, {}, 5),
        (300, {"folds": 5}, {}, 1),
        (300, {"repeats": 2}, {}, 2),
        (300, {"learning_curve": True}, {}, 1),
        (300, {"stress": ["noise"]}, {}, 1),
        (300, {}, {"method": "time", "column": "t"}, 1),
        (3001, {}, {}, 1),
    ],
)
def test_small_tables_are_repeated(n_rows, evaluation, split, repeats) -> None:
    recipe = Recipe.model_validate(
        {"data": {"source": "x.csv", "split": split}, "evaluation": evaluation}
    )
    dataset = dataset_of(np.arange(n_rows) % 2)
    assert n_repeats(recipe, dataset) == repeats


def test_pictures_are_not_repeated() -> None:
    recipe = Recipe.model_validate({"data": {"source": "x.csv"}})
    table = dataset_of(np.arange(300) % 2)
    dataset = replace(table, columns=(Column("x", "image"),))
    assert n_repeats(recipe, dataset) == 1


def test_a_search_is_not_repeated() -> None:
    """It takes many fits on each split."""
    recipe = Recipe.model_validate({"data": {"source": "x.csv"}, "search": {"trials": 3}})
    assert n_repeats(recipe, dataset_of(np.arange(300) % 2)) == 1
