"""A profile of a dataset: a few numbers for each column and the target."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dlrun.contract.dataset import Column, Dataset
from dlrun.data.fingerprint import hash_cells
from dlrun.data.targets import target_kind
from dlrun.data.types import column_module
from dlrun.data.types.cast import is_array, is_known


@dataclass(frozen=True)
class ColumnFacts:
    """The profile of a feature column; `values` is a summary in a few words."""

    name: str
    type: str
    n_missing: int
    n_unique: int
    values: str


@dataclass(frozen=True)
class DataFacts:
    """The profile of a dataset; `target` maps a label to its rows, or a quantile to its value.

    Attributes:
        n_rows: in memory; columns and target are described from these.
        streamed: training, validation and test rows of the whole table, where it is streamed.
    """

    n_rows: int
    columns: tuple[ColumnFacts, ...]
    target: dict[str, float]
    streamed: tuple[int, int, int] | None = None


def describe(dataset: Dataset) -> DataFacts:
    """Count and summarise the columns and the target."""
    columns = tuple(_describe_column(dataset, column) for column in dataset.columns)
    streamed = dataset.stream.sizes if dataset.stream else None
    return DataFacts(
        len(dataset),
        columns,
        target_kind(dataset.target.task).describe(dataset.y, dataset.target),
        streamed,
    )


def _describe_column(dataset: Dataset, column: Column) -> ColumnFacts:
    values = dataset.frame[column.name]
    present = values[is_known(column, values)]
    n_unique = len(np.unique(hash_cells(present))) if is_array(column) else present.nunique()
    n_missing = len(values) - len(present)
    shown = column_module(column.type).describe(column, values)
    return ColumnFacts(column.name, column.type, n_missing, n_unique, shown)
