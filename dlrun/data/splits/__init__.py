"""Splits: the rows that every candidate trains on, validates on and is tested on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Protocol

from dlrun.catalog.parts import load_part
from dlrun.contract.dataset import Dataset

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from dlrun.data.splits.plan import FoldRows, SplitPlan


class SplitModule(Protocol):
    """The functions of the module of a split method.

    A method needs `read_values` where its row in the catalog says `needs_column`.
    """

    def split(
        self, dataset: Dataset, plan: SplitPlan, rng: np.random.Generator
    ) -> Iterator[FoldRows]:
        """Yield the rows of each fold.

        Raises:
            DataError: the data is too small, or too uniform, for the plan.
        """

    def read_values(self, values: pd.Series[Any], rows: NDArray[np.int64]) -> NDArray[Any]:
        """Return the typed values of the split column in some rows of the source, (rows,).

        Raises:
            DataError: a value cannot be used.
        """


def split_module(method: str) -> SplitModule:
    """Import the module of a split method."""
    module: SplitModule = load_part("dlrun.data.splits", method)
    return module
