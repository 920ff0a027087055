"""Inner folds: what settings are scored on where one validation part would be mostly noise."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import fmean
from typing import TYPE_CHECKING, Final

import numpy as np

from dlrun.catalog.splits import SPLIT_METHODS
from dlrun.catalog.tasks import TASKS
from dlrun.contract.dataset import Dataset, Split
from dlrun.data.splits import split_module
from dlrun.data.splits.make import split_method
from dlrun.data.splits.plan import FoldRows, SplitPlan
from dlrun.data.targets import target_kind
from dlrun.errors import DataError, RecipeError

if TYPE_CHECKING:
    from dlrun.recipe.schema import Recipe

N_INNER: Final = 3
# For validation: below, a choice by them is mostly noise (Cawley & Talbot 2010). Of 30 simulated
# ridge classifiers, the one chosen by 100, 200 or 400 validation rows is .012, .006 or .002 of ROC
# AUC behind the truly best; chosen by 3 folds of all rows but the test's, .004, .001 or .001.
FEW_ROWS: Final = 300


@dataclass(frozen=True)
class InnerFolds:
    """Folds of the training and validation rows of a split, made as the study's own are.

    Attributes:
        method: a row of the catalog's split methods that has folds.
        n: how many.
    """

    method: str
    n: int = N_INNER

    def of(self, dataset: Dataset, split: Split) -> Iterator[FoldRows]:
        """Yield the rows of each fold: for training, for early stopping, and to be scored.

        Those for early stopping are as large a share of the rows as the split's own.

        Raises:
            DataError: the rows are too few, or too uniform.
        """
        rows = np.sort(np.concatenate([split.train, split.validation]))
        inner = replace(dataset, frame=dataset.frame.iloc[:, :0]).take(rows)
        plan = SplitPlan(self.n, 1 / self.n, len(split.validation) / len(rows))
        rng = np.random.default_rng([split.seed, self.n])
        for fold in split_module(self.method).split(inner, plan, rng):
            yield FoldRows(rows[fold.train], rows[fold.validation], rows[fold.test])


def choose_inner(recipe: Recipe, dataset: Dataset, splits: Sequence[Split]) -> InnerFolds | None:
    """Return the inner folds of a search; None where the validation rows are what is scored.

    Raises:
        RecipeError: the recipe asks for folds, and the rows cannot be divided into them.
    """
    asked = recipe.search.inner if recipe.search else "validation"
    n_validation = fmean(len(split.validation) for split in splits)
    if asked == "validation" or (asked == "auto" and n_validation >= FEW_ROWS):
        return None
    folds = InnerFolds(inner_method(recipe, dataset))
    fault = _fault(folds, dataset, splits)
    if fault and asked == "folds":
        message = f"{recipe.at('search.inner')}: {fault} Set inner: validation"
        raise RecipeError(message)
    return None if fault else folds


def inner_method(recipe: Recipe, dataset: Dataset) -> str:
    """Return the study's own method of splitting, or the task's where the data brings its parts."""
    method = split_method(recipe, dataset)
    return method if SPLIT_METHODS[method].has_folds else TASKS[dataset.target.task].split


def _fault(folds: InnerFolds, dataset: Dataset, splits: Sequence[Split]) -> str | None:
    """Return why there are no inner folds of these splits, if so."""
    if dataset.stream:
        return "the rows of a streamed table are not divided into inner folds."
    target = dataset.target
    for split in splits:
        try:
            made = list(folds.of(dataset, split))
        except DataError as error:
            return f"inner folds: {error}"
        for rows in made:
            only = target_kind(target.task).only_class(dataset.y[rows.train], target)
            if only is not None or not all(map(len, rows[:3])):
                return "the rows are too few, or too uniform, for inner folds."
    return None
