"""The feature columns and the target of a recipe, found in a raw table."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from typing import Final

import pandas as pd

from dlrun.catalog.columns import COLUMN_KINDS
from dlrun.catalog.notes import EMPTY_COLUMNS, UNLISTED_COLUMNS
from dlrun.contract.dataset import AUTO, Column, Dataset, TextFormat
from dlrun.contract.note import Note
from dlrun.data.lags import lag_columns
from dlrun.data.quality import N_HEAD_ROWS
from dlrun.data.sources.raw import RawData
from dlrun.data.types.cast import is_known
from dlrun.data.types.infer import infer_type
from dlrun.errors import DataError
from dlrun.recipe.data import DateColumn, WideSeries
from dlrun.recipe.schema import Recipe
from dlrun.system.text import did_you_mean, listed, quoted

TEXT_KEYS: Final = ("header", "names", "encoding", "separator", "decimal")  # of the section data


def name_target(recipe: Recipe, raw: RawData) -> str:
    """Return the name of the column to predict; several columns are joined before.

    Raises:
        DataError: neither recipe nor source name one, or the recipe uses it for something else.
    """
    chosen = recipe.data.target
    name = raw.target if chosen is None or isinstance(chosen, list) else chosen
    if name is None:
        message = (
            f"{recipe.at('data.target')}: the source brings no target: name the column to "
            f"predict (dlrun init: --target). Columns: {listed(raw.frame.columns)}"
        )
        raise DataError(message)
    check_target(recipe, [name], raw.frame)
    return name


def check_target(recipe: Recipe, columns: Sequence[str], frame: pd.DataFrame) -> None:
    """Check that the columns are in the table, and that the recipe uses them for nothing else.

    Raises:
        DataError: they are not, or it does.
    """
    _require(recipe, "data.target", columns, frame)
    features = {*(recipe.data.features or ()), *chain(*_wide(recipe).values())}
    for key, names in (("exclude", {*recipe.data.exclude}), ("features", features)):
        for name in names.intersection(columns):
            message = f"{recipe.at(f'data.{key}')}: {name!r} is the target. Take it off this list."
            raise DataError(message)
    if recipe.data.split.column in columns:
        message = f"{recipe.at('data.split.column')}: {recipe.data.split.column!r} is the target."
        raise DataError(message)


def _require(recipe: Recipe, key: str, names: Sequence[str], frame: pd.DataFrame) -> None:
    absent = [name for name in names if name not in frame]
    if absent:
        known = list(frame.columns)
        hint = did_you_mean(absent[0], known) if len(absent) == 1 else ""
        message = (
            f"{recipe.at(key)}: there is no column {quoted(absent)}.{hint} Columns: {listed(known)}"
        )
        raise DataError(message)


def choose_columns(recipe: Recipe, raw: RawData, target: str) -> tuple[Column, ...]:
    """Return the feature columns with their types.

    Raises:
        DataError: a column of the recipe does not exist, or no column is left.
    """
    data, frame, wide = recipe.data, raw.frame, _wide(recipe)
    plain = [name for name in data.features or () if name not in wide]
    _require(recipe, "data.features", plain, frame)
    for name, parts in wide.items():
        _require(recipe, f"data.features.{name}", parts, frame)
    _require(recipe, "data.exclude", data.exclude, frame)
    _require(recipe, "data.split.column", [data.split.column or target], frame)
    unused = {target, data.split.column, *data.exclude}
    if data.features is not None:
        unused = set(data.exclude)
    _require(recipe, "data.lags.columns", data.lags.columns if data.lags else (), frame)
    names = [name for name in (data.features or frame.columns) if name not in unused]
    types = {**raw.types, **declared_types(recipe)}
    lagged = lag_columns(recipe, frame, types)
    if not names and not lagged:
        raise DataError(no_columns(recipe))
    formats, missing = declared_formats(recipe), missing_values(recipe)
    plain_columns = (
        Column(name, "series", parts=wide[name], missing=missing)
        if name in wide
        else Column(
            name,
            types.get(name) or infer_type(frame[name]),
            format=formats.get(name, ""),
            missing=missing,
        )
        for name in names
    )
    return (*plain_columns, *lagged)


def no_columns(recipe: Recipe) -> str:
    """Return the message that no column is left."""
    split = recipe.data.split.column
    hint = f" The split column {split!r} is one only if data.features lists it." if split else ""
    return f"{recipe.at('data.features')}: no column is left to learn from.{hint}"


def unused_columns(recipe: Recipe, frame: pd.DataFrame, target: str) -> Iterator[Note]:
    """Yield a note on the columns that a mapping of types, which lists all features, lacks."""
    data, wide = recipe.data, _wide(recipe)
    named = {*(data.features or ()), *data.exclude, target, data.split.column}
    named = named.union(*wide.values())
    others = [name for name in frame.columns if name not in named]
    if isinstance(data.features, dict) and others:
        text = f"Not listed in data.features, so not used: {quoted(others)}."
        yield UNLISTED_COLUMNS.note(text)


def declared_types(recipe: Recipe) -> dict[str, str]:
    """Return column → kind, as set in the recipe."""
    declared = _declared(recipe)
    kinds = {name: "datetime" if isinstance(kind, DateColumn) else kind for name, kind in declared}
    return {name: kind for name, kind in kinds.items() if isinstance(kind, str)}


def verbatim_columns(recipe: Recipe) -> tuple[str, ...]:
    """Return the columns that are read from a text file as they are written: 007 is not 7."""
    kinds = declared_types(recipe).items()
    words = [name for name, kind in kinds if COLUMN_KINDS[kind].is_verbatim]
    return (*words, *declared_formats(recipe))


def missing_values(recipe: Recipe) -> tuple[str, ...]:
    """Return what stands for a missing value in every column, as set in the recipe."""
    return () if recipe.data.na == "auto" else tuple(recipe.data.na)


def chosen_format(recipe: Recipe) -> TextFormat:
    """Return what the recipe sets of the format of text files."""
    data = recipe.data
    return TextFormat(
        data.encoding,
        data.separator,
        data.decimal,
        data.header,
        tuple(data.names),
        None if data.na == "auto" else tuple(data.na),
    )


def check_text_settings(recipe: Recipe, form: TextFormat) -> None:
    """Check that the recipe sets the format of text tables only where the source is one.

    Args:
        recipe: whose settings they are.
        form: in which the source was read; AUTO where it is no text table.

    Raises:
        DataError: it is none.
    """
    own = chosen_format(recipe)
    keys = [key for key in TEXT_KEYS if getattr(own, key) != getattr(AUTO, key)]
    if form == AUTO and keys:
        message = (
            f"{recipe.at(f'data.{keys[0]}')}: {listed(keys)} is for text tables, such as .csv, and "
            f"{recipe.data.source} is none. Remove it."
        )
        raise DataError(message)


def declared_formats(recipe: Recipe) -> dict[str, str]:
    """Return column → format of its dates, as set in the recipe."""
    declared = _declared(recipe)
    return {name: kind.datetime for name, kind in declared if isinstance(kind, DateColumn)}


def _declared(recipe: Recipe) -> Iterable[tuple[str, str | WideSeries | DateColumn]]:
    features = recipe.data.features
    return features.items() if isinstance(features, dict) else ()


def _wide(recipe: Recipe) -> dict[str, tuple[str, ...]]:
    """Return the wide series of the recipe, each with its columns."""
    declared = _declared(recipe)
    return {name: kind.columns for name, kind in declared if isinstance(kind, WideSeries)}


def drop_empty_columns(recipe: Recipe, dataset: Dataset) -> Dataset:
    """Drop the columns without any value, with a note.

    Raises:
        DataError: no column is left.
    """
    kept = tuple(column for column in dataset.columns if _has_values(dataset, column))
    names = dict.fromkeys(column.name for column in (*kept, *dataset.history))
    empty = [column.name for column in dataset.columns if column.name not in names]
    if not empty:
        return dataset
    if not kept:
        raise DataError(no_columns(recipe))
    note = EMPTY_COLUMNS.note(f"Dropped columns without any value: {quoted(empty)}.")
    return replace(
        dataset,
        columns=kept,
        frame=dataset.frame[list(names)],
        notes=(*dataset.notes, note),
    )


def _has_values(dataset: Dataset, column: Column) -> bool:
    values = dataset.frame[column.name]
    return any(is_known(column, rows).any() for rows in (values[:N_HEAD_ROWS], values))
