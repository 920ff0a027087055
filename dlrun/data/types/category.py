"""Categories: a pandas Categorical of str, its categories sorted, NaN where missing."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from pandas.api import types

from dlrun.contract.dataset import Column
from dlrun.data.types.raw_column import RawColumn
from dlrun.data.types.scalars import drop_values, is_known, measures, occlude, refuse_unread, show

__all__ = ["add_noise", "canonical", "cast", "category_name", "describe", "drop_values",
           "is_known", "measures", "occlude", "recognises", "show", "to_category",
           "typical"]  # fmt: skip

INTEGER: Final = re.compile(r"(-?\d+)\.0+")
BOOLEANS: Final = {"true": "True", "false": "False"}
N_SHOWN: Final = 3


def recognises(raw: RawColumn) -> bool:
    """Return whether the values are booleans, or a pandas Categorical."""
    return raw.inferred in ("boolean", "categorical")


def cast(frame: pd.DataFrame, column: Column, _folders: Sequence[Path]) -> pd.Categorical:
    """Return the column as categories, (rows,) (see `to_category`)."""
    return to_category(frame[column.name])


def to_category(values: pd.Series[Any]) -> pd.Categorical:
    """Return the values as a Categorical of str, its categories sorted (see `category_name`).

    Raises:
        DataError: a value is a list or the like.
    """
    try:
        codes, found = pd.factorize(values)
    except TypeError:  # a list has no hash
        lists = values.map(types.is_list_like)
        refuse_unread(values, lists, "category", "Write one value in each cell.")
        raise
    names, codes_of_found = np.unique(
        np.array([category_name(value) for value in found.tolist()], dtype=object),
        return_inverse=True,
    )
    merged = np.append(codes_of_found, -1)[codes]  # code -1, missing, takes the last place
    return pd.Categorical.from_codes(merged, categories=pd.Index(names, dtype="str"))


def category_name(value: object) -> str:
    """Write a category the same way whatever file it came from.

    True and "true" are "True"; 3, 3.0 and "3.0" are "3"; 2.5 is "2.5"; "007" stays "007".
    """
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    text = str(value)
    integer = INTEGER.fullmatch(text)
    return integer[1] if integer else BOOLEANS.get(text.lower(), text)


def canonical(values: pd.Series[Any]) -> list[Any]:
    """Return the sorted categories that occur and int32 codes into them, -1 for missing."""
    codes = values.cat.codes.to_numpy().astype(np.int64)
    names = values.cat.categories.to_numpy(dtype=object)
    used = np.bincount(codes + 1, minlength=len(names) + 1)[1:] > 0
    order = np.flatnonzero(used)
    order = order[np.argsort(names[order])]
    new_codes = np.full(len(names) + 1, -1, dtype="<i4")
    new_codes[order] = np.arange(len(order))
    return [names[order].tolist(), new_codes[codes]]


def describe(_column: Column, values: pd.Series[Any]) -> str:
    """Return the most frequent categories."""
    counts = values.value_counts()
    return ", ".join(counts.index[counts > 0][:N_SHOWN])


def typical(_column: Column, values: pd.Series[Any]) -> Any:
    """Return the most frequent category, of several the first; NaN where all are missing."""
    return next(iter(values.mode()), np.nan)


def add_noise(values: pd.Series[Any], rng: np.random.Generator, level: float) -> Any:
    """Replace about a share of the values by that of another row, which may be the same one."""
    is_kept = rng.random(len(values)) >= level
    permuted = values.iloc[rng.permutation(len(values))].set_axis(values.index)
    return values.where(is_kept, permuted)
