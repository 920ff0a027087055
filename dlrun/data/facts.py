"""What a dataset holds, in a few numbers per column, for people to check."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dlrun.contract import Column, ColumnType, Dataset

QUANTILES = {"min": 0.0, "25 %": 0.25, "median": 0.5, "75 %": 0.75, "max": 1.0}


@dataclass(frozen=True)
class ColumnFacts:
    """One feature column; `values` shows its first categories by count, or its range."""

    name: str
    type: ColumnType
    n_missing: int
    n_unique: int
    values: str


@dataclass(frozen=True)
class DataFacts:
    """A dataset; `target` maps each label to its rows, or each quantile to its value."""

    n_rows: int
    columns: tuple[ColumnFacts, ...]
    target: dict[str, float]


def describe(dataset: Dataset) -> DataFacts:
    """Count and summarise the columns and the target."""
    columns = tuple(_describe_column(dataset, column) for column in dataset.columns)
    return DataFacts(len(dataset), columns, _describe_target(dataset))


def _describe_column(dataset: Dataset, column: Column) -> ColumnFacts:
    values = dataset.frame[column.name]
    if column.type == "category":
        counts = values.value_counts()
        counts = counts[counts > 0]
        n_unique, shown = len(counts), ", ".join(counts.index[:3])
    else:
        n_unique, low, high = values.nunique(), values.min(), values.max()
        shown = f"{low:g} … {high:g}" if column.type == "number" else f"{low} … {high}"
    return ColumnFacts(column.name, column.type, int(values.isna().sum()), n_unique, shown)


def _describe_target(dataset: Dataset) -> dict[str, float]:
    labels = dataset.target.labels
    if labels:
        counts = np.bincount(dataset.truth, minlength=len(labels))
        return dict(zip(labels, counts.tolist(), strict=True))
    values = np.quantile(dataset.truth, list(QUANTILES.values()))
    return dict(zip(QUANTILES, values.tolist(), strict=True))
