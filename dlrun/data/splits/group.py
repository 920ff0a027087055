"""Splits of whole groups, such as persons, that keep the share of every class where they can."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dlrun.contract.dataset import Dataset
from dlrun.data.splits.plan import FoldRows, SplitPlan, split_values, too_few
from dlrun.data.splits.stratify import strata_of
from dlrun.data.types.category import to_category
from dlrun.errors import DataError

MIN_GROUPS: Final = 3  # one for each of training, validation and test


def read_values(values: pd.Series[Any], rows: NDArray[np.int64]) -> NDArray[Any]:
    """Return the name of each row's group, (rows,) str."""
    return np.asarray(to_category(values))[rows]


def split(dataset: Dataset, plan: SplitPlan, rng: np.random.Generator) -> Iterator[FoldRows]:
    """Split whole groups; every class goes to the same share as far as the groups allow.

    Raises:
        DataError: there are too few groups.
    """
    groups, found = pd.factorize(split_values(dataset))
    strata = strata_of(dataset.y, dataset.target)
    message = too_few("groups", len(found), plan)
    if len(found) < max(MIN_GROUPS, plan.folds):
        raise DataError(message)
    if plan.folds == 1:
        shares = [1 - plan.test - plan.validation, plan.validation, plan.test]
        subset_of = assign_groups(groups, strata, shares, rng)
        train, validation, test = (np.flatnonzero(subset_of == subset) for subset in range(3))
        yield FoldRows(train, validation, test)
        return
    fold_of = assign_groups(groups, strata, [plan.test_share] * plan.folds, rng)
    for fold in range(plan.folds):
        rest = np.flatnonzero(fold_of != fold)
        in_rest, others = pd.factorize(groups[rest])
        if len(others) < MIN_GROUPS - 1:
            raise DataError(message)
        share = plan.validation * len(groups) / len(rest)
        is_train = assign_groups(in_rest, strata[rest], [share, 1 - share], rng).astype(bool)
        yield FoldRows(rest[is_train], rest[~is_train], np.flatnonzero(fold_of == fold))


def assign_groups(
    groups: NDArray[np.int64],
    strata: NDArray[Any],
    shares: Sequence[float],
    rng: np.random.Generator,
) -> NDArray[np.int64]:
    """Assign rows to bins without dividing a group.

    Greedy, as scikit-learn's StratifiedGroupKFold: the larger groups first, each to the bin that
    lies furthest behind its share of the rows and of each stratum. In numpy it takes no pass over
    the rows in Python, and no bin stays empty while there are as many groups as bins. Sizes are
    scaled at random by up to two before they are sorted: otherwise repeats would be alike.

    Args:
        groups: (rows,) group codes from 0, without gaps.
        strata: (rows,) class codes.
        shares: of all rows, one for each bin.
        rng: breaks ties and scales the sizes.

    Returns:
        (rows,) the bin of each row.
    """
    counts = np.zeros((groups.max() + 1, strata.max() + 2))
    np.add.at(counts, (groups, strata), 1)
    sizes = counts.sum(axis=1)
    counts[:, -1] = sizes  # the rows as such weigh as much as a class does
    totals = np.maximum(counts.sum(axis=0), 1)
    filled = np.zeros((len(shares), counts.shape[1]))
    bin_of = np.empty(len(counts), dtype=np.int64)
    order = np.argsort(-sizes * (1 + rng.random(len(sizes))))
    for n_left, group in zip(range(len(order), 0, -1), order, strict=True):
        # The growth of the sum of squares of (filled / totals) / share.
        cost = (2 * filled + counts[group]) @ (counts[group] / totals**2) / shares
        is_empty = filled[:, -1] == 0
        if is_empty.sum() >= n_left:
            cost[~is_empty] = np.inf
        chosen = cost.argmin()
        filled[chosen] += counts[group]
        bin_of[group] = chosen
    return bin_of[groups]
