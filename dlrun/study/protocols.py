"""What a recipe asks for beside scores: probes of fitted candidates, variations of the rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dlrun.catalog.columns import COLUMN_KINDS
from dlrun.catalog.perturbations import PERTURBATIONS
from dlrun.contract.dataset import Dataset, Split, Splits
from dlrun.contract.trial import RetrainingCondition, TestPerturbation
from dlrun.data.perturb import (
    add_junk_columns,
    add_label_noise,
    add_noise,
    drop_values,
    permute_cells,
    permute_segment,
    shuffle_structure,
)
from dlrun.data.splits.stratify import strata_of
from dlrun.data.types import column_module
from dlrun.recipe.schema import Evaluation

SMALLEST_FRACTION: Final = 1 / 16  # of a learning curve
N_FRACTIONS: Final = 5  # evenly spaced on a log scale; the last is the whole, which is the trial
FEWEST_ROWS: Final = 20  # that a curve begins with
LABEL_NOISE: Final = PERTURBATIONS["label_noise"].levels[0]
ON_TEST_ROWS: Final[Mapping[str, Callable[..., Any]]] = {
    "noise": add_noise,
    "missing": drop_values,
}
N_REPEATS: Final = 3  # permutations of each column
N_STRESSED: Final = 3  # splits on which candidates are trained again under stress


def make_probes(evaluation: Evaluation, dataset: Dataset) -> tuple[TestPerturbation, ...]:
    """Make the changes of test rows that the recipe asks for."""
    probes: list[TestPerturbation] = []
    for aspect, change in ON_TEST_ROWS.items():
        if aspect in evaluation.stress:
            for level in PERTURBATIONS[aspect].levels:
                perturb = partial(change, columns=dataset.columns, level=level)
                probes.append(TestPerturbation(aspect, level, perturb))
    if evaluation.importance:
        probes += _importance(dataset)
    return tuple(probes)


def _importance(dataset: Dataset) -> Iterator[TestPerturbation]:
    """Permute each column (Breiman 2001), and of a lone image, sound or series each part."""
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


def make_variations(
    evaluation: Evaluation, dataset: Dataset, splits: Splits, seed: int
) -> tuple[RetrainingCondition, ...]:
    """Make the rows that the recipe asks every candidate to be trained on once more."""
    fractions = _fractions(evaluation, splits)
    curve = [
        RetrainingCondition("learning_curve", fraction, part, _unchanged)
        for split in splits.splits
        for fraction, part in _subsets(fractions, dataset, split)
    ]
    stressed = splits.splits[:N_STRESSED]
    has_structure = any(COLUMN_KINDS[column.type].has_structure for column in dataset.columns)
    stress = [
        make(dataset, split, seed)
        for aspect, make in RETRAINED.items()
        if aspect in evaluation.stress and (aspect != "shuffle_structure" or has_structure)
        for split in stressed
    ]
    return (*curve, *stress, *(_shift(dataset, splits.splits[0]) if evaluation.stress else ()))


# ----------------------------------------------------------------------------- learning curve


def _fractions(evaluation: Evaluation, splits: Splits) -> Sequence[float]:
    """Say on which parts of the training rows to train, the whole left out."""
    asked = evaluation.learning_curve
    if isinstance(asked, list):
        return sorted(set(asked))
    n_train = min(len(split.train) for split in splits.splits)
    start = max(SMALLEST_FRACTION, FEWEST_ROWS / n_train)
    if not asked or start >= 1:
        return []
    return [round(float(each), 4) for each in np.geomspace(start, 1, N_FRACTIONS)[:-1]]


def _subsets(
    fractions: Sequence[float], dataset: Dataset, split: Split
) -> Iterator[tuple[float, Split]]:
    """Cut nested parts off the training and validation rows; every class keeps its share."""
    train, validation = (
        _nested(dataset, rows, split.seed) for rows in (split.train, split.validation)
    )
    for fraction in fractions:
        n_train = round(fraction * len(train))
        if n_train >= FEWEST_ROWS:
            n_validation = max(1, round(fraction * len(validation)))
            yield (
                fraction,
                replace(
                    split,
                    train=np.sort(train[:n_train]),
                    validation=np.sort(validation[:n_validation]),
                ),
            )


def _nested(dataset: Dataset, rows: NDArray[np.int64], seed: int) -> NDArray[np.int64]:
    """Order rows so that every beginning of them has about the classes' shares."""
    rng = np.random.default_rng(seed)
    strata = strata_of(dataset.y[rows], dataset.target)
    places = np.empty(len(rows))
    for stratum in np.unique(strata):
        members = np.flatnonzero(strata == stratum)
        places[members] = (rng.permutation(len(members)) + rng.random()) / len(members)
    return rows[np.argsort(places)]


# ------------------------------------------------------------------------------------- stress


def _unchanged(dataset: Dataset) -> Dataset:
    return dataset


def _junk(dataset: Dataset, split: Split, seed: int) -> RetrainingCondition:
    return RetrainingCondition(
        "junk_columns", 1.0, split, partial(_with_junk, seed=[seed, split.index])
    )


def _labels(dataset: Dataset, split: Split, seed: int) -> RetrainingCondition:
    change = partial(
        _with_spoiled,
        seed=[seed, split.index],
        rows=np.concatenate([split.train, split.validation]),
    )
    return RetrainingCondition("label_noise", LABEL_NOISE, split, change)


def _structure(dataset: Dataset, split: Split, seed: int) -> RetrainingCondition:
    return RetrainingCondition(
        "shuffle_structure", 1.0, split, partial(_without_structure, seed=seed)
    )


def _shift(dataset: Dataset, split: Split) -> Iterator[RetrainingCondition]:
    """Train on the earliest rows and test on the latest, by the first date column there is.

    Where the study's own split respects groups or time, its scores are those of a shift already.
    """
    dates = [column.name for column in dataset.columns if column.type == "datetime"]
    if dates and dataset.split_values is None:
        known = np.flatnonzero(dataset.frame[dates[0]].notna())
        order = known[np.argsort(dataset.frame[dates[0]].to_numpy()[known], kind="stable")]
        cuts = np.cumsum([len(split.train), len(split.validation)]) * len(known) // len(dataset)
        train, validation, test = np.split(order, cuts)
        shifted = replace(split, train=train, validation=validation, test=test)
        yield RetrainingCondition("shift", 1.0, shifted, _unchanged)


def _with_junk(dataset: Dataset, seed: Sequence[int]) -> Dataset:
    return add_junk_columns(dataset, np.random.default_rng(seed))


def _with_spoiled(dataset: Dataset, seed: Sequence[int], rows: NDArray[np.int64]) -> Dataset:
    return add_label_noise(dataset, np.random.default_rng(seed), rows, LABEL_NOISE)


def _without_structure(dataset: Dataset, seed: int) -> Dataset:
    return shuffle_structure(dataset, np.random.default_rng(seed))


RETRAINED: Final[Mapping[str, Callable[[Dataset, Split, int], RetrainingCondition]]] = {
    "junk_columns": _junk,
    "label_noise": _labels,
    "shuffle_structure": _structure,
}
