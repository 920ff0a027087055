"""What a recipe asks for beside scores: perturbed test rows, and conditions to retrain under."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

import numpy as np

from dlrun.catalog.columns import COLUMN_KINDS
from dlrun.catalog.perturbations import PERTURBATIONS
from dlrun.contract.dataset import Dataset, Split, Splits
from dlrun.contract.trial import Aspect, RetrainingCondition, TestPerturbation
from dlrun.data.perturb import (
    add_junk_columns,
    add_label_noise,
    add_noise,
    drop_values,
    permute_cells,
    permute_segment,
    shuffle_structure,
)
from dlrun.data.splits.stratify import nested
from dlrun.data.types import column_module
from dlrun.recipe.schema import Evaluation, LabelCounts
from dlrun.study.label_counts import label_subsets, measured_counts

SMALLEST_FRACTION: Final = 1 / 16  # of a learning curve
N_FRACTIONS: Final = 5  # evenly spaced on a log scale; the last is the whole, which is the trial
MIN_TRAINING_ROWS: Final = 20  # of a learning curve
N_REPEATS: Final = 3  # permutations of each column
N_STRESSED_SPLITS: Final = 3  # on which candidates are retrained under stress

Change = Callable[[Dataset], Dataset]
PERTURBED: Final[Mapping[str, Callable[..., Any]]] = {"noise": add_noise, "missing": drop_values}


def make_perturbations(evaluation: Evaluation, dataset: Dataset) -> tuple[TestPerturbation, ...]:
    """Make the perturbations of test rows that the recipe asks for."""
    stress = [
        TestPerturbation(name, level, partial(change, columns=dataset.columns, level=level))
        for name, change in PERTURBED.items()
        if name in evaluation.stress
        for level in PERTURBATIONS[name].levels
    ]
    return (*stress, *(_importance(dataset) if evaluation.importance else ()))


def _importance(dataset: Dataset) -> Iterator[TestPerturbation]:
    """Permute each column (Breiman 2001), and each segment of an image, sound or series."""
    for column in dataset.columns:
        change = partial(permute_cells, column=column.name)
        yield from _repeated(column.name, change)
        if COLUMN_KINDS[column.type].has_segments:
            for name, segment in column_module(column.type).segments(column):
                permute = partial(permute_segment, column=column.name, segment=segment)
                yield from _repeated(name, permute)


def _repeated(name: str, change: Callable[..., Any]) -> Iterator[TestPerturbation]:
    for _ in range(N_REPEATS):
        yield TestPerturbation("importance", 1.0, change, name)


def make_conditions(
    evaluation: Evaluation, dataset: Dataset, splits: Splits, seed: int
) -> tuple[RetrainingCondition, ...]:
    """Make the conditions under which the recipe asks every candidate to be retrained."""
    curve = [
        RetrainingCondition(aspect, level, part, _unchanged)
        for split in splits.splits
        for aspect, level, part in _curve(evaluation, dataset, splits, split)
    ]
    has_structure = any(COLUMN_KINDS[column.type].has_structure for column in dataset.columns)
    stress = [
        RetrainingCondition(name, PERTURBATIONS[name].levels[0], split, make_change(split, seed))
        for name, make_change in RETRAINED.items()
        if name in evaluation.stress and (name != "shuffle_structure" or has_structure)
        for split in splits.splits[:N_STRESSED_SPLITS]
    ]
    return (*curve, *stress, *(_shift(dataset, splits.splits[0]) if evaluation.stress else ()))


# ----------------------------------------------------------------------------- learning curve


def _fractions(asked: bool | list[float], splits: Splits) -> Sequence[float]:
    """Return the fractions of the training rows to train on, without the whole."""
    if isinstance(asked, list):
        return sorted(set(asked))
    n_train = min(len(split.train) for split in splits.splits)
    start = max(SMALLEST_FRACTION, MIN_TRAINING_ROWS / n_train)
    if not asked or start >= 1:
        return []
    return [round(float(each), 4) for each in np.geomspace(start, 1, N_FRACTIONS)[:-1]]


def _curve(
    evaluation: Evaluation, dataset: Dataset, splits: Splits, split: Split
) -> Iterator[tuple[Aspect, float, Split]]:
    asked = evaluation.learning_curve
    if isinstance(asked, LabelCounts):
        counts = measured_counts(asked, splits)
        yield from (("labels", n, part) for n, part in label_subsets(counts, dataset, split))
    else:
        parts = _subsets(_fractions(asked, splits), dataset, split)
        yield from (("learning_curve", fraction, part) for fraction, part in parts)


def _subsets(
    fractions: Sequence[float], dataset: Dataset, split: Split
) -> Iterator[tuple[float, Split]]:
    """Yield nested, stratified subsets of the training and validation rows."""
    train, validation = (
        nested(dataset, rows, split.seed) for rows in (split.train, split.validation)
    )
    for fraction in fractions:
        n_train = round(fraction * len(train))
        if n_train >= MIN_TRAINING_ROWS:
            n_validation = max(1, round(fraction * len(validation)))
            rows = np.sort(train[:n_train]), np.sort(validation[:n_validation])
            yield fraction, replace(split, train=rows[0], validation=rows[1])


# ------------------------------------------------------------------------------------- stress


def _unchanged(dataset: Dataset) -> Dataset:
    return dataset


def _shift(dataset: Dataset, split: Split) -> Iterator[RetrainingCondition]:
    """Train on the earliest rows and test on the latest, by the first date column.

    Where the study's own split respects groups or time, its scores already are those of a shift.
    """
    dates = [column.name for column in dataset.columns if column.type == "datetime"]
    if dates and dataset.split_values is None:
        known = np.flatnonzero(dataset.frame[dates[0]].notna())
        order = known[np.argsort(dataset.frame[dates[0]].to_numpy()[known], kind="stable")]
        cuts = np.cumsum([len(split.train), len(split.validation)]) * len(known) // len(dataset)
        train, validation, test = np.split(order, cuts)
        shifted = replace(split, train=train, validation=validation, test=test)
        yield RetrainingCondition("shift", 1.0, shifted, _unchanged)


def _seeded(dataset: Dataset, change: Callable[..., Dataset], seed: int | list[int]) -> Dataset:
    return change(dataset, rng=np.random.default_rng(seed))


def _junk(split: Split, seed: int) -> Change:
    return partial(_seeded, change=add_junk_columns, seed=[seed, split.index])


def _labels(split: Split, seed: int) -> Change:
    rows = np.concatenate([split.train, split.validation])
    (share,) = PERTURBATIONS["label_noise"].levels
    change = partial(add_label_noise, rows=rows, share=share)
    return partial(_seeded, change=change, seed=[seed, split.index])


def _structure(_: Split, seed: int) -> Change:
    return partial(_seeded, change=shuffle_structure, seed=seed)  # in one order on all splits


RETRAINED: Final[Mapping[str, Callable[[Split, int], Change]]] = {
    "junk_columns": _junk,
    "label_noise": _labels,
    "shuffle_structure": _structure,
}
