"""The target column: its task, its labels, and the truth as codes or numbers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api import types

from dlrun.contract.dataset import Target, Task
from dlrun.data.types.category import to_category
from dlrun.data.types.infer import infer_type
from dlrun.data.types.number import to_number
from dlrun.errors import DataError
from dlrun.recipe.schema import Recipe

CLASSES: Final = 20  # whole numbers with at most so many values are classes …
CLASS_SHARE: Final = 0.05  # … if the values are few beside the rows, too
UNPREDICTABLE: Final[dict[str, str]] = {
    "datetime": "dates", "series": "lists", "image": "images", "audio": "sounds",
}  # fmt: skip
NUMBER: Final = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?")


@dataclass(frozen=True)
class TypedTarget:
    """The target, and what is true of each row of the source.

    Attributes:
        values: (rows,) int64 class codes, -1 is missing; or float64 values, NaN is missing.
        notes: how the task was inferred, where that could surprise.
    """

    target: Target
    values: NDArray[Any]
    notes: tuple[str, ...] = ()

    @property
    def present(self) -> NDArray[np.bool_]:
        """Say of each row whether its target is there."""
        is_class = self.target.task == "classification"
        present: NDArray[np.bool_] = self.values >= 0 if is_class else ~np.isnan(self.values)
        return present


def read_target(recipe: Recipe, values: pd.Series[Any]) -> TypedTarget:
    """Type the target column of a raw table.

    Raises:
        DataError: nothing can be learned from such a target.
    """
    _check_predictable(recipe, values)
    task, notes = (recipe.task, ()) if recipe.task else _infer_task(values)
    y = _numbers(recipe, values) if task == "regression" else _classes(values)
    known = pd.unique(y.values[y.present])
    check_varied(recipe, y.target.name, y.target.labels or known.tolist())
    return TypedTarget(y.target, y.values, notes)


def infer_target(recipe: Recipe, values: pd.Series[Any]) -> tuple[Target, tuple[str, ...]]:
    """Find out from some of a table's rows what is predicted; the labels are left out.

    Raises:
        DataError: nothing can be learned from such a target.
    """
    _check_predictable(recipe, values)
    task, notes = (recipe.task, ()) if recipe.task else _infer_task(values)
    if task == "classification":
        return Target(str(values.name), task, dtype=_label_dtype(values)), notes
    return Target(str(values.name), task, dtype="int" if _is_whole(values) else "float"), notes


def check_varied(recipe: Recipe, name: str, known: Sequence[object]) -> None:
    """Insist on two different values of the target.

    Raises:
        DataError: there are fewer.
    """
    if len(known) == 0:
        message = f"{recipe.at('data.target')}: column {name!r} has no finite value."
        raise DataError(message)
    if len(known) == 1:
        message = (
            f"{recipe.at('data.target')}: column {name!r} is {str(known[0])!r} in every row: there "
            "is nothing to learn. It needs two different values at least."
        )
        raise DataError(message)


def _check_predictable(recipe: Recipe, values: pd.Series[Any]) -> None:
    if values.isna().all():
        message = f"{recipe.at('data.target')}: column {values.name!r} is empty in every row."
        raise DataError(message)
    kind = infer_type(values)
    if kind in UNPREDICTABLE:
        message = (
            f"{recipe.at('data.target')}: column {values.name!r} holds {UNPREDICTABLE[kind]}, "
            "which cannot be "
            "predicted. A target holds classes or numbers."
        )
        raise DataError(message)


def _infer_task(values: pd.Series[Any]) -> tuple[Task, tuple[str, ...]]:
    """Take words and booleans for classes, and whole numbers too when they are few."""
    if infer_type(values) != "number":
        return "classification", ()
    present = values.dropna()
    n_values = present.nunique()
    few = min(CLASSES, max(2, CLASS_SHARE * len(present)))
    if not _is_whole(values) or n_values > few:
        return "regression", ()
    if n_values <= 2:  # noqa: PLR2004 - two numbers are a yes and a no
        return "classification", ()
    note = (
        f"{values.name!r} has {n_values} different whole numbers, which are taken for classes; "
        "if they are amounts, set task: regression."
    )
    return "classification", (note,)


def _is_whole(values: pd.Series[Any]) -> bool:
    """Say whether these are integers; a CSV shows integers with gaps as floats."""
    if types.is_integer_dtype(values.dtype):
        return True
    present = values.dropna()
    if len(present) == len(values) or not types.is_numeric_dtype(values.dtype):
        return False
    return bool((present % 1 == 0).all())


def _numbers(recipe: Recipe, values: pd.Series[Any]) -> TypedTarget:
    dtype: Literal["int", "float"] = "int" if _is_whole(values) else "float"
    try:
        numbers = to_number(values)
    except DataError as error:
        message = f"{recipe.at('data.target')}: {error} Or set task: classification."
        raise DataError(message) from error
    return TypedTarget(Target(str(values.name), "regression", dtype=dtype), numbers)


def _classes(values: pd.Series[Any]) -> TypedTarget:
    found = to_category(values)
    names = list(found.categories)
    labels = sort_labels(names)
    place = {label: code for code, label in enumerate(labels)}
    codes = np.array([*(place[name] for name in names), -1], dtype=np.int64)[found.codes]
    target = Target(str(values.name), "classification", tuple(labels), _label_dtype(values))
    return TypedTarget(target, codes)


def _label_dtype(values: pd.Series[Any]) -> Literal["str", "int", "float", "bool"]:
    kind = types.infer_dtype(values)
    if kind == "categorical":
        kind = types.infer_dtype(values.cat.categories)
    if kind == "floating" and (values.dropna() % 1 == 0).all():
        kind = "integer"
    known: dict[str, Literal["int", "float", "bool"]]
    known = {"boolean": "bool", "integer": "int", "floating": "float"}
    return known.get(kind, "str")


def sort_labels(labels: Iterable[str]) -> list[str]:
    """Put labels into the order of their codes."""
    return sorted(labels, key=_natural)


def _natural(label: str) -> tuple[bool, float, list[str | int]]:
    """Order numbers by value before words, and `class10` after `class9`."""
    if NUMBER.fullmatch(label):
        return False, float(label), []
    pieces = re.split(r"([0-9]+)", label)  # words at even places, digits at odd ones
    return True, 0.0, [int(piece) if place % 2 else piece for place, piece in enumerate(pieces)]
