"""The splits of a study: the same rows for every candidate."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np

from dlrun.catalog.columns import COLUMN_KINDS
from dlrun.catalog.notes import DUPLICATES
from dlrun.catalog.splits import SPLIT_METHODS
from dlrun.catalog.tasks import TASKS
from dlrun.contract.dataset import Dataset, Split, Splits
from dlrun.contract.note import Note
from dlrun.data.fingerprint import digest_splits, hash_rows
from dlrun.data.splits import split_module
from dlrun.data.splits.plan import SUBSETS, SplitPlan
from dlrun.data.targets import target_kind
from dlrun.errors import DataError
from dlrun.recipe.schema import Recipe
from dlrun.system.text import listed

MANY_ROWS: Final = 100_000
FEW_ROWS: Final = 3_000
MANY_REPEATS: Final = 5


def make_splits(recipe: Recipe, dataset: Dataset) -> Splits:
    """Make the splits of all folds and repeats, the same for the same seed and data.

    Raises:
        DataError: there are too few rows, groups or times, or a class is too rare.
    """
    method = split_method(recipe, dataset)
    plan = SplitPlan(n_folds(recipe, dataset), recipe.data.split.test, recipe.data.split.validation)
    _check_plan(recipe, dataset, method, plan)
    splits: list[Split] = []
    for repeat in range(n_repeats(recipe, dataset)):
        is_random = SPLIT_METHODS[method].is_random  # else repeats differ in their seeds alone
        rng = np.random.default_rng(_seeds(recipe, repeat if is_random else 0))
        try:
            folds = list(split_module(method).split(dataset, plan, rng))
        except DataError as error:
            message = f"{recipe.at('data.split')}: {error}"
            raise DataError(message) from error
        for fold, rows in enumerate(folds):
            seed = int(_seeds(recipe, repeat, fold).generate_state(1)[0])
            splits.append(Split(repeat, fold, len(splits), seed, *rows))
    for split in splits:
        _check_split(recipe, dataset, split)
    return Splits(tuple(splits), digest_splits(splits, dataset))


def n_folds(recipe: Recipe, dataset: Dataset) -> int:
    """Return the number of folds: 5, or 3 above 100,000 rows, unless the recipe says otherwise.

    Raises:
        DataError: the recipe wants folds, but the data brings its own test rows.
    """
    folds = recipe.evaluation.folds
    if not SPLIT_METHODS[split_method(recipe, dataset)].has_folds:
        if folds not in ("auto", 1):
            message = (
                f"{recipe.at('evaluation.folds')}: {folds} folds are asked for, but the data "
                "brings its own test rows. Set folds: auto, or data.split.method: random or "
                "stratified to split all rows anew"
            )
            raise DataError(message)
        return 1
    if folds == "auto":
        return auto_folds(len(dataset))
    return folds


def auto_folds(n_rows: int) -> int:
    """Return the number of folds that `auto` stands for where rows are split into folds."""
    return 3 if n_rows > MANY_ROWS else 5


def n_repeats(recipe: Recipe, dataset: Dataset) -> int:
    """Return the number of repeats: 5 on small tables, else 1, unless the recipe says otherwise.

    Five folds of few rows seldom decide anything. Repeats average out the variation by training;
    they are cheap where rows are few and cells are plain, and in vain where a split is fixed.
    """
    evaluation = recipe.evaluation
    if evaluation.repeats != "auto":
        return evaluation.repeats
    method = SPLIT_METHODS[split_method(recipe, dataset)]
    is_small = len(dataset) <= FEW_ROWS and not any(
        COLUMN_KINDS[column.type].has_structure for column in dataset.columns
    )
    is_plain = evaluation.folds == "auto" and not (
        evaluation.learning_curve or evaluation.stress or recipe.search
    )
    return MANY_REPEATS if is_small and is_plain and method.is_random and method.has_folds else 1


def sizes(dataset: Dataset, split: Split) -> tuple[int, int, int]:
    """Count the training, validation and test rows; of a stream, all its training rows."""
    n_train = dataset.stream.sizes[0] if dataset.stream else len(split.train)
    return n_train, len(split.validation), len(split.test)


def count_leaked_duplicates(dataset: Dataset, split: Split) -> int:
    """Count the test rows that equal a training or validation row, the target included."""
    rows = hash_rows(dataset)
    seen = np.concatenate([split.train, split.validation])
    return int(np.isin(rows[split.test], rows[seen]).sum())


def duplicate_warnings(dataset: Dataset, split: Split) -> Iterator[Note]:
    """Yield a warning where test rows equal training rows."""
    n_leaked = count_leaked_duplicates(dataset, split)
    if n_leaked:
        yield DUPLICATES.note(
            f"{n_leaked:,} of {len(split.test):,} test rows also stand among the training rows "
            "(duplicates)."
        )


def _seeds(recipe: Recipe, *key: int) -> np.random.SeedSequence:
    return np.random.SeedSequence(recipe.seed, spawn_key=key)


def split_method(recipe: Recipe, dataset: Dataset) -> str:
    """Return the method by which the rows are split."""
    if dataset.stream:
        return "predefined"  # by the hashes of the rows
    if recipe.data.split.method is not None:
        return recipe.data.split.method
    if dataset.split_values is not None:
        return "predefined"
    return TASKS[dataset.target.task].split


def _check_plan(recipe: Recipe, dataset: Dataset, method: str, plan: SplitPlan) -> None:
    if method == "stratified" and not dataset.target.labels:
        message = (
            f"{recipe.at('data.split.method')}: a stratified split needs classes, but "
            f"{dataset.target.name!r} is a number. Use random"
        )
        raise DataError(message)
    if SPLIT_METHODS[method].has_folds and plan.test_share + plan.validation >= 1:
        message = (
            f"{recipe.at('data.split.validation')}: a validation part of {plan.validation:g} "
            f"beside a test part of {plan.test_share:g} leaves no training rows."
        )
        raise DataError(message)
    _check_classes(recipe, dataset, plan)


def _check_classes(recipe: Recipe, dataset: Dataset, plan: SplitPlan) -> None:
    if dataset.stream:  # classes are counted over all rows, and those held here are a sample
        return
    needed = max(2, plan.folds)
    rare = target_kind(dataset.target.task).rare_classes(dataset.y, dataset.target, needed)
    if rare:
        ways = ["Leave these classes out", "lower evaluation.folds"]
        ways += ["take more rows than data.max_rows"] if recipe.data.max_rows else []
        message = (
            f"{recipe.at('data.target')}: every class needs {needed} rows, one for each fold, but "
            f"fewer stand in: {listed(rare)}. {', '.join(ways[:-1])} or {ways[-1]}."
        )
        raise DataError(message)


def _check_split(recipe: Recipe, dataset: Dataset, split: Split) -> None:
    where = f"{recipe.at('data.split')}: fold {split.fold + 1}"
    for subset in SUBSETS:
        if len(getattr(split, subset)) == 0:
            message = f"{where} has no {subset} rows: {len(dataset)} rows are too few."
            raise DataError(message)
    target = dataset.target
    label = target_kind(target.task).only_class(dataset.y[split.train], target)
    if label is not None:
        message = f"{where} has the class {label!r} alone among its training rows."
        raise DataError(message)
