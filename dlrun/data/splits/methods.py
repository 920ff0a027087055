"""How rows are parted: one function per method, each giving the parts of every fold."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dlrun.contract.dataset import Dataset
from dlrun.data.splits.groups import assign_groups
from dlrun.data.splits.stratify import RowPositions, draw_spare, ordered, strata_of
from dlrun.errors import DataError


class Parts(NamedTuple):
    """Row positions of one fold, ascending."""

    train: RowPositions
    validation: RowPositions
    test: RowPositions


@dataclass(frozen=True)
class SplitPlan:
    """What a method has to make: `folds` folds, or one test part of the share `test`.

    `validation` is a share of all rows.
    """

    folds: int
    test: float
    validation: float

    @property
    def test_share(self) -> float:
        """Return the share of all rows that one fold tests on."""
        return self.test if self.folds == 1 else 1 / self.folds


Method = Callable[[Dataset, SplitPlan, np.random.Generator], Iterator[Parts]]


def by_strata(dataset: Dataset, plan: SplitPlan, rng: np.random.Generator) -> Iterator[Parts]:
    """Part at random; with classes, each class to the same share."""
    yield from _drawn(strata_of(dataset.y, dataset.target), plan, rng)


def at_random(dataset: Dataset, plan: SplitPlan, rng: np.random.Generator) -> Iterator[Parts]:
    """Part at random, whatever the rows hold."""
    yield from _drawn(np.zeros(len(dataset), dtype=np.int64), plan, rng)


def _drawn(strata: NDArray[Any], plan: SplitPlan, rng: np.random.Generator) -> Iterator[Parts]:
    n = len(strata)
    if plan.folds == 1:
        tests = [draw_spare(strata, _count(n, plan.test), rng)]
    else:  # deal the rows out in turn, class after class
        order = ordered(strata, rng)
        tests = [order[fold :: plan.folds] for fold in range(plan.folds)]
    for test in tests:
        rest = _without(n, test)
        validation = rest[draw_spare(strata[rest], _count(n, plan.validation), rng)]
        yield _parts(n, validation, test)


def by_group(dataset: Dataset, plan: SplitPlan, rng: np.random.Generator) -> Iterator[Parts]:
    """Part whole groups; each class goes to the same share as far as the groups allow.

    Raises:
        DataError: there are too few groups.
    """
    groups, found = pd.factorize(_split_values(dataset))
    strata = strata_of(dataset.y, dataset.target)
    too_few = _too_few("groups", len(found), plan)
    if len(found) < max(3, plan.folds):
        raise DataError(too_few)
    if plan.folds == 1:
        shares = [1 - plan.test - plan.validation, plan.validation, plan.test]
        part_of = assign_groups(groups, strata, shares, rng)
        yield Parts(*(np.flatnonzero(part_of == part) for part in range(3)))
        return
    fold_of = assign_groups(groups, strata, [plan.test_share] * plan.folds, rng)
    for fold in range(plan.folds):
        rest = np.flatnonzero(fold_of != fold)
        in_rest, others = pd.factorize(groups[rest])
        if len(others) < 2:  # noqa: PLR2004 - training and validation
            raise DataError(too_few)
        share = plan.validation * len(groups) / len(rest)
        is_train = assign_groups(in_rest, strata[rest], [share, 1 - share], rng).astype(bool)
        yield Parts(rest[is_train], rest[~is_train], np.flatnonzero(fold_of == fold))


def by_time(dataset: Dataset, plan: SplitPlan, _rng: np.random.Generator) -> Iterator[Parts]:
    """Part so that training comes before validation and validation before test.

    Several folds share out the rows, in the order of time, into one block more than there are
    folds: each fold tests on the next block, and trains on all before it (an expanding window).
    The end of what comes before is for validation: its share of all rows in the last fold, and
    proportionally fewer in earlier ones. Rows of the same time stay together.

    Raises:
        DataError: there are too few different times.
    """
    times = _split_values(dataset)
    order = np.argsort(times, kind="stable")
    times = times[order]
    test_share = plan.test if plan.folds == 1 else 1 / (plan.folds + 1)
    for blocks_left in range(plan.folds, 0, -1):
        past = 1 - blocks_left * test_share
        train_end = _cut(times, past * (1 - plan.validation / (1 - test_share)))
        test_start = _cut(times, past)
        test_end = _cut(times, past + test_share)
        if not 0 < train_end < test_start < test_end:
            message = _too_few("different times", len(np.unique(times)), plan)
            raise DataError(message)
        yield Parts(
            np.sort(order[:train_end]),
            np.sort(order[train_end:test_start]),
            np.sort(order[test_start:test_end]),
        )


def _cut(times: NDArray[Any], share: float) -> int:
    """Return the position where this share of the rows ends, moved to where a time begins."""
    place = round(share * len(times))
    return len(times) if place >= len(times) else int(np.searchsorted(times, times[place]))


def by_parts(dataset: Dataset, plan: SplitPlan, rng: np.random.Generator) -> Iterator[Parts]:
    """Keep the parts that the data brings; without a validation part, cut one from training.

    It gets its share of all rows, but never more than half of the training rows.

    Raises:
        DataError: there are no training or no test rows.
    """
    parts = _split_values(dataset)
    rows = {part: np.flatnonzero(parts == part) for part in ("train", "validation", "test")}
    for part in ("train", "test"):
        if len(rows[part]) == 0:
            message = f"no row belongs to the part {part!r}."
            raise DataError(message)
    train, validation = rows["train"], rows["validation"]
    if len(validation) == 0:
        wanted = min(_count(len(parts), plan.validation), len(train) // 2)
        drawn = draw_spare(strata_of(dataset.y, dataset.target)[train], wanted, rng)
        train, validation = np.sort(np.delete(train, drawn)), np.sort(train[drawn])
    yield Parts(train, validation, rows["test"])


METHODS: Final[dict[str, Method]] = {
    "random": at_random,
    "stratified": by_strata,
    "group": by_group,
    "time": by_time,
    "predefined": by_parts,
}


def _split_values(dataset: Dataset) -> NDArray[Any]:
    values = dataset.split_values
    if values is None:
        message = "this split goes by a column, but the dataset was read without one"
        raise ValueError(message)
    return values


def _count(n: int, share: float) -> int:
    return max(1, round(n * share))


def _without(n: int, rows: RowPositions) -> RowPositions:
    return np.delete(np.arange(n), rows)


def _parts(n: int, validation: RowPositions, test: RowPositions) -> Parts:
    return Parts(_without(n, np.append(validation, test)), np.sort(validation), np.sort(test))


def _too_few(what: str, n: int, plan: SplitPlan) -> str:
    folds = f"{plan.folds} folds, each" if plan.folds > 1 else "one split"
    return (
        f"the number of {what}, {n}, is too small for {folds} with a training, a validation and "
        "a test part."
    )
