"""The recipe's target column: its task, given or inferred, and its values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd
from pandas.api import types

from dlrun.catalog.columns import COLUMN_KINDS
from dlrun.catalog.tasks import TASKS
from dlrun.contract.dataset import Column, Target
from dlrun.contract.note import Note
from dlrun.data.selection import check_target
from dlrun.data.sources.raw import RawData
from dlrun.data.targets import TypedTarget, target_kind
from dlrun.data.types.cast import cast_columns
from dlrun.data.types.infer import infer_type
from dlrun.data.types.written import find_formats
from dlrun.errors import DataError
from dlrun.recipe.schema import Recipe


def read_target(recipe: Recipe, values: pd.Series[Any], decimal: str = ".") -> TypedTarget:
    """Type the target column of a raw table.

    Args:
        recipe: whose target it is.
        values: raw.
        decimal: the mark where its texts do not decide it.

    Raises:
        DataError: nothing can be learned from such a target.
    """
    values, written = _plain(recipe, values, decimal)
    task, notes = choose_task(recipe, values)
    try:
        found = target_kind(task).read(values)
    except DataError as error:
        message = f"{recipe.at('data.target')}: {error}"
        raise DataError(message) from error
    check_varied(recipe, found.target.name, target_kind(task).distinct(found.y, found.target))
    return TypedTarget(found.target, found.y, (*notes, *written))


def _plain(
    recipe: Recipe, values: pd.Series[Any], decimal: str = "."
) -> tuple[pd.Series[Any], Sequence[Note]]:
    """Return numbers in texts, such as "1,234", as numbers, with notes; any other target as is."""
    has_classes = recipe.task is not None and TASKS[recipe.task].estimator == "classifier"
    is_text = not types.is_numeric_dtype(values.dtype) and values.dtype.kind not in "mM"
    if has_classes or not is_text or infer_type(values) != "number":
        return values, ()
    columns, notes = find_formats(
        [Column(str(values.name), "number")], values.to_frame(), decimal=decimal
    )
    numbers = cast_columns(values.to_frame(), columns)[values.name].set_axis(values.index)
    is_whole = bool((numbers % 1 == 0).all())
    return numbers.astype("int64") if is_whole else numbers, notes


def join_target(recipe: Recipe, raw: RawData) -> RawData:
    """Join the columns of a target that stands in several.

    Raises:
        DataError: a column is missing, used otherwise too, or holds what the task cannot join.
    """
    columns = recipe.data.target
    if not isinstance(columns, list):
        return raw
    check_target(recipe, columns, raw.frame)
    task = next(row.name for row in TASKS.values() if row.joins_columns)
    try:
        values = target_kind(task).combine(raw.frame, columns)
    except DataError as error:
        message = f"{recipe.at('data.target')}: {error}"
        raise DataError(message) from error
    frame = raw.frame.drop(columns=columns).assign(**{str(values.name): values})
    return replace(raw, frame=frame, target=str(values.name))


def declare_target(recipe: Recipe, values: pd.Series[Any]) -> tuple[Target, tuple[Note, ...]]:
    """Return the target as some rows of a table show it, without its labels, and notes.

    Raises:
        DataError: nothing can be learned from such a target.
    """
    plain, _ = _plain(recipe, values)
    if plain is not values:
        message = (
            f"{recipe.at('data.target')}: the numbers of column {values.name!r} have separators, "
            "signs or markers of missing values, which is read in memory only. Set data.na, "
            "data.decimal, or data.stream: false"
        )
        raise DataError(message)
    task, notes = choose_task(recipe, values)
    return target_kind(task).declare(values), notes


def choose_task(recipe: Recipe, values: pd.Series[Any]) -> tuple[str, tuple[Note, ...]]:
    """Return the recipe's task, else the first whose values these look like, and notes.

    Raises:
        DataError: the column is empty, or holds what no task predicts.
    """
    if values.isna().all():
        message = f"{recipe.at('data.target')}: column {values.name!r} is empty in every row."
        raise DataError(message)
    task, notes = (recipe.task, ()) if recipe.task else _infer_task(values)
    kind = infer_type(values)
    if kind not in TASKS[task].column_types:
        message = (
            f"{recipe.at('data.target')}: column {values.name!r} holds "
            f"{COLUMN_KINDS[kind].title}, which cannot be predicted. "
            "A target holds classes or numbers."
        )
        raise DataError(message)
    return task, notes


def _infer_task(values: pd.Series[Any]) -> tuple[str, tuple[Note, ...]]:
    """Ask the first task last: it takes whatever the others do not."""
    found = ((task, target_kind(task).recognise(values)) for task in reversed(TASKS))
    return next((task, notes) for task, notes in found if notes is not None)


def check_varied(recipe: Recipe, name: str, distinct: Sequence[object]) -> None:
    """Check that the target has two different values.

    Raises:
        DataError: it has fewer.
    """
    if len(distinct) == 0:
        message = f"{recipe.at('data.target')}: column {name!r} has no finite value."
        raise DataError(message)
    if len(distinct) == 1:
        message = (
            f"{recipe.at('data.target')}: column {name!r} is {str(distinct[0])!r} in every row: "
            "there is nothing to learn. It needs two different values at least."
        )
        raise DataError(message)
