"""Splits of a stream in the order of time: a pass over the times finds where the parts begin."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dlrun.contract.dataset import Column
from dlrun.data.selection import declared_formats, missing_values
from dlrun.data.splits.column import check_present
from dlrun.data.splits.plan import SUBSETS, SplitPlan
from dlrun.data.splits.time import cast_times, infer_times, past_shares
from dlrun.data.streaming.prefetch import prefetch
from dlrun.data.streaming.ranks import Numbers, find_shares
from dlrun.data.streaming.reader import Batch, RowReader
from dlrun.data.types.scalars import hide_texts
from dlrun.errors import DataError
from dlrun.recipe.schema import Recipe

N_SAMPLES: Final = 8  # blocks whose times show how all are written
LAST: Final = np.iinfo(np.int64).max  # of a row with a marker of missing values, as in memory


@dataclass(frozen=True)
class TimeColumn:
    """The times of rows, as numbers that sort alike.

    Attributes:
        column: with the format of its texts.
    """

    recipe: Recipe
    column: Column

    def read(self, batch: Batch, rows: NDArray[np.int64]) -> Numbers:
        """Return the times of these rows of a batch, (rows,) int64 or float64.

        Raises:
            DataError: a time is missing, or is none.
        """
        values = _plain(self.recipe, batch.raw[self.column.name])
        check_present(self.recipe, values, rows)
        try:
            times = cast_times(values, self.column)[rows]
        except DataError as error:
            message = f"{self.recipe.at('data.split.column')}: {error}"
            raise DataError(message) from error
        is_date = times.dtype.kind == "M"
        numbers: Numbers
        numbers = times.view(np.int64) if is_date else times
        return np.where(pd.isna(times), LAST if is_date else np.inf, numbers)


@dataclass(frozen=True)
class TimeSplit:
    """Assigns rows to subsets by their times.

    Attributes:
        starts: the first time of the validation part, and of the test part.
    """

    times: TimeColumn
    starts: NDArray[Any]

    def names(self, batch: Batch, rows: NDArray[np.int64]) -> NDArray[Any]:
        """Return the subsets of these rows of a batch, (rows,) str.

        Raises:
            DataError: a time is missing, or is none.
        """
        times = self.times.read(batch, rows)
        return np.array(SUBSETS, object)[np.searchsorted(self.starts, times, side="right")]


def find_time_split(recipe: Recipe, reader: RowReader) -> TimeSplit | None:
    """Read the times of all rows, and find where the parts begin; None for other methods.

    The parts are those of one split in memory: shares of the rows with a target, and rows of the
    same time are in one part.

    Raises:
        DataError: a time is missing or is none, or there are too few different times.
    """
    split = recipe.data.split
    if split.method != "time" or split.column is None:
        return None
    times = TimeColumn(recipe, _infer_column(recipe, reader, split.column))
    shares = past_shares(SplitPlan(1, split.test, split.validation))
    n_rows, found = find_shares(lambda: _read(times, reader), shares)
    starts = [each for each in found if each is not None]
    edges = [0, *(each.n_before for each in starts), n_rows]
    if len(starts) < len(shares) or (np.diff(edges) <= 0).any():
        message = (
            f"{recipe.at('data.split')}: the times of {n_rows:,} rows leave a part without any: "
            "rows of the same time are in one part. Give the parts other shares"
        )
        raise DataError(message)
    return TimeSplit(times, np.array([each.value for each in starts]))


def _read(times: TimeColumn, reader: RowReader) -> Iterator[Numbers]:
    """Yield the times of the rows that have a target; no other columns are read."""
    narrow, n_rows = replace(reader, columns=()), Counter[Path]()
    for block in reader.files.blocks:
        for batch in prefetch(narrow.read(block, n_rows[block.path])):
            n_rows[block.path] += len(batch)
            try:
                yield times.read(batch, np.flatnonzero(batch.present))
            except DataError as error:
                message = f"{block.path.name}: {error}"
                raise DataError(message) from error


def _infer_column(recipe: Recipe, reader: RowReader, name: str) -> Column:
    """Find how the times are written, from the first rows of some blocks."""
    if form := declared_formats(recipe).get(name):
        return Column(name, "datetime", format=form)
    blocks = reader.files.blocks
    numbers = np.unique(np.linspace(0, len(blocks) - 1, N_SAMPLES).astype(int))
    tables = (next(reader.files.read(blocks[n], [name], reader.text)) for n in numbers)
    frames = [table.to_pandas(date_as_object=False, ignore_metadata=True) for table in tables]
    return infer_times(pd.concat([_plain(recipe, each[name]) for each in frames]))


def _plain(recipe: Recipe, values: pd.Series[Any]) -> pd.Series[Any]:
    """Return raw times, texts as such."""
    is_dictionary = isinstance(values.dtype, pd.CategoricalDtype)
    return hide_texts(values.astype(object) if is_dictionary else values, missing_values(recipe))
