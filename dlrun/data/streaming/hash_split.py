"""Splits of a stream: a row's values, hashed, or its time say whether it trains or tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dlrun.data.splits.column import read_split_values
from dlrun.data.streaming.blocks import Blocks
from dlrun.data.streaming.reader import Batch, RowReader
from dlrun.data.streaming.store import decoded_columns
from dlrun.data.streaming.time_split import TimeSplit
from dlrun.data.types.cast import is_array
from dlrun.data.types.decode import hash_encoded
from dlrun.recipe.schema import Recipe

TRAIN: Final = 0
NO_SUBSET: Final = 3  # of a row without a target
Hashes = NDArray[np.uint64]


def with_own_split(recipe: Recipe, files: Blocks) -> Recipe:
    """Return the recipe with the parts that the source brings, unless it sets a split method."""
    split = recipe.data.split
    if split.method is not None or files.split_column is None:
        return recipe
    own = split.model_copy(update={"method": "predefined", "column": files.split_column})
    return recipe.model_copy(update={"data": recipe.data.model_copy(update={"split": own})})


@dataclass(frozen=True)
class HashSplitter:
    """Assigns each row to a subset by a hash of its values, or as its column says.

    Attributes:
        salt: of the hashes.
        brings_validation: the data has validation rows; else they are drawn from the training
            rows.
        times: where the parts begin; None unless rows are split by time.
    """

    recipe: Recipe
    salt: int
    brings_validation: bool
    times: TimeSplit | None = None

    def assign(self, batch: Batch, hashes: Hashes) -> NDArray[np.uint8]:
        """Return the subset of each row, (rows,): 0 training, 1 validation, 2 test, 3 none.

        Raises:
            DataError: a row has no group or time, or an unknown subset.
        """
        split, present = self.recipe.data.split, batch.present
        names = self._names(batch, present)
        if split.method == "group":
            hashes = pd.util.hash_array(names)
        uniform = mix(hashes, self.salt) / 2.0**64
        is_test, is_validation = uniform < split.test, uniform < split.test + split.validation
        if self.times or split.method == "predefined":
            is_test, is_validation = names == "test", names == "validation"
            if not self.times and not self.brings_validation:
                is_validation |= (names == "train") & (uniform < split.validation)
        subsets = np.select([is_test, is_validation], [2, 1], TRAIN).astype(np.uint8)
        subsets[~present] = NO_SUBSET
        return subsets

    def _names(self, batch: Batch, present: NDArray[np.bool_]) -> NDArray[Any]:
        """Return the group or the subset of each row, (rows,), "" where the split has no column."""
        names = np.full(len(batch), "", dtype=object)
        column = self.recipe.data.split.column
        if column is not None:
            rows = np.flatnonzero(present)
            names[present] = (
                self.times.names(batch, rows)
                if self.times
                else read_split_values(self.recipe, batch.raw[column], rows)
            )
        return names


def mix(hashes: Hashes, salt: int) -> Hashes:
    """Hash hashes with a salt (the finalizer of SplitMix64, Steele et al. 2014)."""
    mixed = hashes + np.uint64((0x9E3779B97F4A7C15 * (salt + 1)) % 2**64)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def hash_arrays(batch: Batch, reader: RowReader) -> dict[str, Hashes]:
    """Return column → (rows,) hashes of the bytes that images and sounds are decoded from."""
    return {
        column.name: hash_encoded(batch.raw[column.name], column, reader.folders)
        for column in decoded_columns(reader.columns)
    }


def hash_batch(batch: Batch, reader: RowReader, arrays: Mapping[str, Hashes]) -> Hashes:
    """Hash each row's columns and y, (rows,); the same in every process.

    Args:
        batch: the rows.
        reader: of them.
        arrays: as `hash_arrays` returns them.
    """
    series = {
        column.name: hash_encoded(batch.frame[column.name], column, ())
        for column in reader.columns
        if is_array(column) and column.name not in arrays
    }
    frame = batch.frame.assign(**arrays, **series)
    columns = pd.util.hash_pandas_object(frame, index=False).to_numpy()
    return mix(columns.astype(np.uint64), 0) + pd.util.hash_array(batch.y)
