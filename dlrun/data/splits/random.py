"""Splits at random."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlrun.contract.dataset import Dataset
from dlrun.data.splits.plan import FoldRows, SplitPlan, n_rows_of, others
from dlrun.data.splits.stratify import draw_spare, ordered


def split(dataset: Dataset, plan: SplitPlan, rng: np.random.Generator) -> Iterator[FoldRows]:
    """Split at random, whatever the values."""
    yield from draw_folds(np.zeros(len(dataset), dtype=np.int64), plan, rng)


def draw_folds(
    strata: NDArray[Any], plan: SplitPlan, rng: np.random.Generator
) -> Iterator[FoldRows]:
    """Draw folds at random, every stratum to the same share; `strata` is (rows,)."""
    n = len(strata)
    if plan.folds == 1:
        tests = [draw_spare(strata, n_rows_of(plan.test, n), rng)]
    else:  # in turn, stratum after stratum
        order = ordered(strata, rng)
        tests = [order[fold :: plan.folds] for fold in range(plan.folds)]
    for test in tests:
        rest = others(n, test)
        validation = rest[draw_spare(strata[rest], n_rows_of(plan.validation, n), rng)]
        train = others(n, np.append(validation, test))
        yield FoldRows(train, np.sort(validation), np.sort(test))
