"""The kinds of columns in code: each module named after a row of the catalog reads one kind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from dlrun.catalog.parts import load_part
from dlrun.contract.dataset import Column
from dlrun.contract.excerpt import ShownCell

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from dlrun.contract.note import Note
    from dlrun.data.types.occluded import Occluded
    from dlrun.data.types.raw_column import RawColumn
    from dlrun.data.types.writing import Written


class ColumnModule(Protocol):
    """The functions of the module of a column kind.

    Cells are typed as `dlrun.contract.dataset.Column` documents. A kind needs `find_format` where
    its row says `has_format`, `find_shape` where it says `is_array`, `shuffle_structure` where it
    says `has_structure`, and `segments` where it says `has_segments`.
    """

    def recognises(self, raw: RawColumn) -> bool:
        """Return whether a raw column is of this kind for certain."""

    def find_format(
        self, raw: RawColumn, column: Column, *, is_declared: bool
    ) -> tuple[Column, Written | None]:
        """Return the column with the way its texts are written, None where they are not texts.

        Args:
            raw: its values.
            column: of this kind.
            is_declared: the recipe sets the kind; then every text must be of it.
        """

    def find_shape(
        self, frame: pd.DataFrame, column: Column, folders: Sequence[Path], settings: Any
    ) -> tuple[Column, list[Note]]:
        """Return the column with the shape of its cells, and notes for the user.

        Args:
            frame: raw rows.
            column: a column of this kind.
            folders: where relative paths may start.
            settings: the kind's section of `preprocessing`.

        Raises:
            DataError: a cell cannot be read.
        """

    def cast(self, frame: pd.DataFrame, column: Column, folders: Sequence[Path]) -> Any:
        """Return the typed cells, (rows,), of raw rows.

        Raises:
            DataError: a value cannot be cast.
        """

    def is_known(self, values: pd.Series[Any]) -> NDArray[np.bool_]:
        """Return whether each typed cell has a value, (rows,)."""

    def canonical(self, values: pd.Series[Any]) -> list[Any]:
        """Return arrays and lists that are equal for equal typed cells (not of arrays)."""

    def describe(self, column: Column, values: pd.Series[Any]) -> str:
        """Summarise typed cells in a few words."""

    def measures(self, column: Column, values: pd.Series[Any]) -> Iterator[tuple[str, Any]]:
        """Yield what a distribution is drawn of: a name, and numbers, dates or a Categorical.

        The name is empty for the values themselves; NaN or NaT are missing.
        """

    def show(self, column: Column, cell: Any) -> ShownCell:
        """Return a typed cell as people see or hear it."""

    def typical(self, column: Column, values: pd.Series[Any]) -> Any:
        """Return the cell with which others are compared (see `make_reference`)."""

    def occlude(self, column: Column, cell: Any, reference: Any) -> Occluded:
        """Return a typed cell with one part after the other replaced by the reference's."""

    def add_noise(self, values: pd.Series[Any], rng: np.random.Generator, level: float) -> Any:
        """Return typed cells with noise; `level` is in standard deviations, or a share of words."""

    def drop_values(self, values: pd.Series[Any], rng: np.random.Generator, level: float) -> Any:
        """Return typed cells with the share `level` of the values, or of each cell, missing."""

    def shuffle_structure(
        self, values: pd.Series[Any], column: Column, rng: np.random.Generator
    ) -> Any:
        """Return typed cells whose parts are rearranged, in the same way in every row."""

    def segments(self, column: Column) -> Iterator[tuple[str, tuple[slice, ...]]]:
        """Yield the name and the position of each segment of a cell, in order."""


def column_module(kind: str) -> ColumnModule:
    """Import the module of a column kind."""
    module: ColumnModule = load_part("dlrun.data.types", kind)
    return module
