"""What a dataset holds, in a few numbers per column, for people to check."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

import numpy as np
import pandas as pd

from dlrun.contract.dataset import Column, ColumnType, Dataset
from dlrun.data.fingerprint import hash_cells
from dlrun.data.types.infer import is_array, is_known

QUANTILES = {"min": 0.0, "25 %": 0.25, "median": 0.5, "75 %": 0.75, "max": 1.0}


@dataclass(frozen=True)
class ColumnFacts:
    """One feature column; `values` shows in a few words what it holds."""

    name: str
    type: ColumnType
    n_missing: int
    n_unique: int
    values: str


@dataclass(frozen=True)
class DataFacts:
    """A dataset; `target` maps each label to its rows, or each quantile to its value.

    Attributes:
        n_rows: that are held in memory; columns and target are about these.
        streamed: the training, validation and test rows of the whole table, where it is streamed.
    """

    n_rows: int
    columns: tuple[ColumnFacts, ...]
    target: dict[str, float]
    streamed: tuple[int, int, int] | None = None


def describe(dataset: Dataset) -> DataFacts:
    """Count and summarise the columns and the target."""
    columns = tuple(_describe_column(dataset, column) for column in dataset.columns)
    streamed = dataset.stream.sizes if dataset.stream else None
    return DataFacts(len(dataset), columns, _describe_target(dataset), streamed)


def _describe_column(dataset: Dataset, column: Column) -> ColumnFacts:
    values = dataset.frame[column.name]
    present = values[is_known(column, values)]
    n_unique = len(np.unique(hash_cells(present))) if is_array(column) else present.nunique()
    n_missing = len(values) - len(present)
    shown = SHOW[column.type](column, values)
    return ColumnFacts(column.name, column.type, n_missing, n_unique, shown)


def _categories(_: Column, values: pd.Series[Any]) -> str:
    counts = values.value_counts()
    return ", ".join(counts.index[counts > 0][:3])


def _words(_: Column, values: pd.Series[Any]) -> str:
    return f"median {np.median([len(text.split()) for text in values if text]):g} words"


def _pixels(column: Column, _: pd.Series[Any]) -> str:
    height, width, channels = column.shape
    return f"{height} × {width} {'grayscale' if channels == 1 else 'colour'}"


def _seconds(column: Column, values: pd.Series[Any]) -> str:
    seconds = (f"{samples / column.rate:.2g}" for samples in _lengths(values))
    return f"{_range(*seconds)} s at {column.rate:,} Hz"


def _steps(column: Column, values: pd.Series[Any]) -> str:
    n_channels = column.shape[1]
    steps = (f"{steps:,}" for steps in _lengths(values))
    return f"{_range(*steps)} steps, {n_channels:,} channel{'s' * (n_channels > 1)}"


def _lengths(cells: pd.Series[Any]) -> tuple[int, int]:
    lengths = [len(cell) for cell in cells if len(cell)]
    return min(lengths), max(lengths)


def _range(low: str, high: str) -> str:
    return low if low == high else f"{low}–{high}"


def _describe_target(dataset: Dataset) -> dict[str, float]:
    labels = dataset.target.labels
    if labels:
        counts = np.bincount(dataset.y, minlength=len(labels))
        return dict(zip(labels, counts.tolist(), strict=True))
    values = np.quantile(dataset.y, list(QUANTILES.values()))
    return dict(zip(QUANTILES, values.tolist(), strict=True))


SHOW: Final[Mapping[ColumnType, Callable[[Column, pd.Series[Any]], str]]] = MappingProxyType(
    {
        "number": lambda _, values: f"{values.min():g} … {values.max():g}",
        "category": _categories,
        "datetime": lambda _, values: f"{values.min()} … {values.max()}",
        "text": _words,
        "image": _pixels,
        "audio": _seconds,
        "series": _steps,
    }
)
