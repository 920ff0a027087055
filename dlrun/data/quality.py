"""What looks wrong with a dataset: one sentence each, none of them an error."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from dlrun.contract.dataset import Column, Dataset
from dlrun.data.targets import target_kind
from dlrun.data.types.cast import is_array
from dlrun.system.text import quoted

LOOK = 1000  # rows that decide whether a column is worth a look at all of them


def data_warnings(dataset: Dataset) -> Iterator[str]:
    """Name the columns that are constant, that count or name the rows, or that leak the target."""
    constant = [column.name for column in dataset.columns if _is_constant(dataset, column)]
    if constant:
        yield f"Constant, so of no help: {quoted(constant)}."
    others = [column for column in dataset.columns if column.name not in constant]
    names = [column.name for column in others if _is_identifier(dataset, column)]
    if names:
        yield (
            f"Different in every row, as a name or a counter is: {quoted(names)}. "
            "If they identify rows, set them in data.exclude."
        )
    is_copy = target_kind(dataset.target.task).is_copy
    for column in others:
        if not is_array(column) and is_copy(dataset.frame[column.name], dataset.y):
            yield (
                f"Column {column.name!r} says the same as the target {dataset.target.name!r}: "
                "a leak, unless it is known before the target is. See data.exclude."
            )


def _is_constant(dataset: Dataset, column: Column) -> bool:
    values = dataset.frame[column.name]
    if is_array(column):
        first = values.iloc[0]
        return all(np.array_equal(cell, first, equal_nan=cell.dtype.kind == "f") for cell in values)
    present = values[:LOOK].dropna()
    if present.nunique() > 1:
        return False
    return bool(values.nunique() == 1)


def _is_identifier(dataset: Dataset, column: Column) -> bool:
    values = dataset.frame[column.name]
    if column.type == "category":
        return len(values.cat.categories) >= len(values) == values.nunique()
    if column.type == "number":
        head = values.to_numpy()[:LOOK]
        return _counts(head) and _counts(values.to_numpy())
    return False


def _counts(values: Any) -> bool:
    return len(values) > 1 and bool((np.diff(values) == 1).all())
