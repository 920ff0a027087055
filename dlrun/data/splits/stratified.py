"""Splits at random that keep the share of every class."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from dlrun.contract.dataset import Dataset
from dlrun.data.splits.plan import FoldRows, SplitPlan
from dlrun.data.splits.random import draw_folds
from dlrun.data.splits.stratify import strata_of


def split(dataset: Dataset, plan: SplitPlan, rng: np.random.Generator) -> Iterator[FoldRows]:
    """Split at random, every class to the same share."""
    yield from draw_folds(strata_of(dataset.y, dataset.target), plan, rng)
