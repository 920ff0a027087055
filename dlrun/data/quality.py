"""Warnings about the columns of a dataset."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import pandas as pd

from dlrun.catalog.notes import CONSTANT_COLUMNS, IDENTIFIERS, LEAK, MANY_CATEGORIES
from dlrun.contract.dataset import Column, Dataset
from dlrun.contract.note import Note
from dlrun.data.targets import target_kind
from dlrun.data.types.cast import is_array
from dlrun.system.text import quoted

N_HEAD_ROWS = 1000  # are checked first: all rows only if these show nothing
MANY_VALUES = 1000  # of a category
FEW_VALUES = 50
SINGLE_SHARE = 0.5  # of the rows, whose category is in no other row


def data_warnings(dataset: Dataset) -> Iterator[Note]:
    """Yield warnings about columns that are constant, identify the rows or give the target."""
    constant = [column.name for column in dataset.columns if is_constant(dataset, column)]
    if constant:
        yield CONSTANT_COLUMNS.note(f"Constant, so of no help: {quoted(constant)}.")
    others = [column for column in dataset.columns if column.name not in constant]
    identifiers = [column.name for column in others if is_identifier(dataset, column)]
    if identifiers:
        yield IDENTIFIERS.note(
            f"Different in every row, as a name or a counter is: {quoted(identifiers)}. "
            "If they identify rows, set them in data.exclude."
        )
    for column in others:
        if column.type == "category" and column.name not in identifiers:
            yield from _many_categories(column, dataset.frame[column.name])
    for name in leaks(dataset, others):
        yield LEAK.note(
            f"Column {name!r} alone gives the target {dataset.target.name!r}: "
            "a leak, unless it is known before the target is. See data.exclude."
        )


def _many_categories(column: Column, values: pd.Series[Any]) -> Iterator[Note]:
    counts = values.value_counts()
    counts = counts[counts > 0]
    n_values, n_single = len(counts), int((counts == 1).sum())
    if n_values > MANY_VALUES or (n_single > SINGLE_SHARE * counts.sum() and n_values > FEW_VALUES):
        megabytes = n_values * len(values) * 8 / 2**20
        yield MANY_CATEGORIES.note(
            f"Column {column.name!r} has {n_values:,} different categories, {n_single:,} of them "
            f"in one row only, of which nothing is learned. One-hot they take {megabytes:,.0f} MB "
            "where an estimator needs them dense, and networks learn up to 50 numbers for each. "
            "Merge rare ones (preprocessing.category.min_count), read them as text "
            "(data.features), or leave the column out (data.exclude)."
        )


def leaks(dataset: Dataset, columns: Iterable[Column]) -> Iterator[str]:
    """Yield the names of the columns that alone give the target."""
    is_given_by = target_kind(dataset.target.task).is_given_by
    for column in columns:
        if not is_array(column) and is_given_by(dataset.frame[column.name], dataset.y):
            yield column.name


def is_constant(dataset: Dataset, column: Column) -> bool:
    """Return whether all values that there are are equal."""
    values = dataset.frame[column.name]
    if is_array(column):
        first = values.iloc[0]
        return all(np.array_equal(cell, first, equal_nan=cell.dtype.kind == "f") for cell in values)
    present = values[:N_HEAD_ROWS].dropna()
    return present.nunique() <= 1 and bool(values.nunique() == 1)


def is_identifier(dataset: Dataset, column: Column) -> bool:
    """Return whether a category is different in every row, or a number counts the rows."""
    values = dataset.frame[column.name]
    if column.type == "category":
        return len(values.cat.categories) >= len(values) == values.nunique()
    if column.type == "number":
        head = values.to_numpy()[:N_HEAD_ROWS]
        return _is_counter(head) and _is_counter(values.to_numpy())
    return False


def _is_counter(values: Any) -> bool:
    return len(values) > 1 and bool((np.diff(values) == 1).all())
