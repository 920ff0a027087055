"""Learning curves over numbers of labelled rows: nested subsets of every split, and their limits.

A label is a row whose target a candidate may see. Training and validation rows are cut in the
split's own proportion, and both count: who has 50 labels has to take the validation rows out of
these, too. All candidates see the same rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from dlrun.catalog.notes import FEWER_LABELS
from dlrun.contract.note import Note
from dlrun.data.splits.stratify import nested, strata_of
from dlrun.data.targets import target_kind
from dlrun.errors import RecipeError
from dlrun.recipe.schema import LabelCounts
from dlrun.system.text import listed

if TYPE_CHECKING:
    from dlrun.contract.dataset import Dataset, Split, Splits
    from dlrun.recipe.schema import Recipe


def n_labels(split: Split) -> int:
    """Return the labelled rows that a candidate sees."""
    return len(split.train) + len(split.validation)


def measured_counts(asked: LabelCounts, splits: Splits) -> list[int]:
    """Return the numbers of labels to train on, ascending, without those that no split exceeds."""
    return [n for n in sorted(set(asked.labels)) if n < _fewest(splits)]


def label_subsets(
    counts: Sequence[int], dataset: Dataset, split: Split
) -> Iterator[tuple[int, Split]]:
    """Yield nested, stratified subsets of the training and validation rows.

    Where the numbers allow, every class is among the rows of every subset.
    """
    if not counts:
        return
    n_train = counts[0] - _n_validation(counts[0], split)
    n_strata = len(np.unique(strata_of(dataset.y[split.train], dataset.target)))
    train, validation = (
        nested(dataset, rows, split.seed, each_first=n_strata <= n_train)
        for rows in (split.train, split.validation)
    )
    for n in counts:
        n_validation = _n_validation(n, split)
        rows = np.sort(train[: n - n_validation]), np.sort(validation[:n_validation])
        yield n, replace(split, train=rows[0], validation=rows[1])


def check_label_counts(recipe: Recipe, dataset: Dataset, splits: Splits) -> Iterator[Note]:
    """Yield a note on numbers of labels that are left out.

    Raises:
        RecipeError: the smallest number is too small for the classes.
    """
    asked = recipe.evaluation.learning_curve
    if not isinstance(asked, LabelCounts):
        return
    counts, key = measured_counts(asked, splits), "evaluation.learning_curve.labels"
    for split in splits.splits:
        needed = _fewest_labels(dataset, split)
        if counts and counts[0] < needed:
            message = (
                f"{recipe.at(key)}: {counts[0]} labels are too few: every class needs a training "
                f"row, and there are validation rows beside them. Take at least {needed}"
            )
            raise RecipeError(message)
    if above := sorted(set(asked.labels) - set(counts)):
        text = (
            f"The learning curve leaves out {listed([f'{n:,}' for n in above])} labels: a split "
            f"has {_fewest(splits):,} training and validation rows, which are its last point."
        )
        yield FEWER_LABELS.note(text)


def _fewest(splits: Splits) -> int:
    return min(map(n_labels, splits.splits))


def _n_validation(n: int, split: Split) -> int:
    return max(1, round(n * len(split.validation) / n_labels(split)))


def _fewest_labels(dataset: Dataset, split: Split) -> int:
    """Return the fewest labels whose training rows have every class that the split's have."""
    kind, target = target_kind(dataset.target.task), dataset.target
    y = dataset.y[split.train]
    n_absent = len(kind.rare_classes(y, target, 1))
    n_classes = len(kind.rare_classes(y, target, len(y) + 1)) - n_absent
    return next(
        n for n in range(3, n_labels(split) + 1) if n - _n_validation(n, split) >= n_classes
    )
