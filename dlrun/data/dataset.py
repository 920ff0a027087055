"""From a recipe to a typed dataset: read, check the names, type, drop, sample, fingerprint."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow
from numpy.typing import NDArray

from dlrun.catalog.notes import INFINITE_VALUES, NO_TARGET, SAMPLED_ROWS
from dlrun.contract.dataset import Column, Dataset
from dlrun.contract.note import Note
from dlrun.data.fingerprint import digest_dataset
from dlrun.data.lags import history_columns, with_lags
from dlrun.data.quality import data_warnings
from dlrun.data.selection import (
    check_text_settings,
    choose_columns,
    chosen_format,
    declared_types,
    drop_empty_columns,
    missing_values,
    name_target,
    unused_columns,
    verbatim_columns,
)
from dlrun.data.sources.raw import RawData
from dlrun.data.sources.registry import read_source
from dlrun.data.splits.column import read_split_values
from dlrun.data.splits.stratify import draw, strata_of
from dlrun.data.streaming.eligibility import find_stream
from dlrun.data.streaming.scan import scan_table
from dlrun.data.targets import TypedTarget, target_kind
from dlrun.data.targets.read import join_target, read_target
from dlrun.data.time_order import unordered_split_warnings
from dlrun.data.types.cast import cast_columns, find_shapes
from dlrun.data.types.number import count_infinite
from dlrun.data.types.scalars import hide_texts
from dlrun.data.types.written import find_formats
from dlrun.errors import DataError
from dlrun.recipe.schema import Recipe


def read_dataset(recipe: Recipe) -> Dataset:
    """Read the recipe's source into typed columns and y.

    Rows without a target are dropped, as are columns without any value; infinite numbers become
    missing; with `data.max_rows` a sample is drawn. The dataset's notes list these changes.

    Raises:
        DataError: the data does not exist, or does not fit the recipe.
    """
    dataset = _read_rows(recipe)  # the raw table is freed here
    pyarrow.default_memory_pool().release_unused()  # 100 MB after 327,346 flights
    dataset = drop_empty_columns(recipe, dataset)
    return replace(
        dataset,
        digest=dataset.digest or digest_dataset(dataset),
        notes=(
            *dataset.notes,
            *data_warnings(dataset),
            *unordered_split_warnings(recipe, dataset),
        ),
    )


def _read_rows(recipe: Recipe) -> Dataset:
    """Read all rows into memory, or a sample of them where they are streamed."""
    reader, notes = find_stream(recipe)
    dataset = scan_table(recipe, reader) if reader else _read_typed(recipe)
    return replace(dataset, notes=(*notes, *dataset.notes))


def _read_typed(recipe: Recipe) -> Dataset:
    raw = join_target(recipe, _read_raw(recipe))
    target = name_target(recipe, raw)
    chosen = choose_columns(recipe, raw, target)
    decimal = raw.format.decimal
    columns, written = find_formats(
        chosen, raw.frame, declared=declared_types(recipe), decimal=decimal
    )
    typed_target = read_target(recipe, raw.frame[target], decimal)
    history, _ = find_formats(
        history_columns(recipe, raw.frame, typed_target.target), raw.frame, decimal=decimal
    )
    unused = unused_columns(recipe, raw.frame, target)
    raw = replace(raw, frame=with_lags(raw.frame, (*columns, *history)))
    rows, notes = _rows(recipe, typed_target)
    columns, frame, added = _typed(recipe, raw, columns, history, rows)
    return Dataset(
        name=raw.name,
        source=recipe.data.source,
        columns=columns,
        target=typed_target.target,
        frame=frame,
        y=typed_target.y[rows],
        row_ids=rows,
        split_values=_split_values(recipe, raw, rows),
        history=history,
        format=replace(raw.format, encoding=recipe.data.encoding),
        notes=(*raw.notes, *typed_target.notes, *unused, *written, *notes, *added),
    )


def _read_raw(recipe: Recipe) -> RawData:
    data, missing = recipe.data, missing_values(recipe)
    try:
        raw = read_source(
            data.source,
            recipe.folder,
            target=data.target if isinstance(data.target, str) else None,
            types=declared_types(recipe),
            verbatim=verbatim_columns(recipe),
            wanted=chosen_format(recipe),
            trusted=recipe.trusted,
        )
    except DataError as error:
        message = f"{recipe.at('data.source')}: {error}"
        raise DataError(message) from error
    check_text_settings(recipe, raw.format)
    if not missing:
        return raw
    hidden = {name: hide_texts(values, missing) for name, values in raw.frame.items()}
    return replace(raw, frame=pd.DataFrame(hidden))


def _rows(recipe: Recipe, typed: TypedTarget) -> tuple[NDArray[np.int64], list[Note]]:
    """Choose the rows that have a target, or a sample of them, before anything is decoded."""
    y, target = typed.y, typed.target
    n_rows, wanted, notes = len(y), recipe.data.max_rows, []
    rows = np.flatnonzero(target_kind(target.task).is_present(y))
    if len(rows) < n_rows:
        n_dropped = n_rows - len(rows)
        text = f"Dropped {n_dropped:,} of {n_rows:,} rows that have no {target.name!r}."
        notes.append(NO_TARGET.note(text))
    if wanted is not None and wanted < len(rows):
        text = f"A sample of {wanted:,} of {len(rows):,} rows (data.max_rows)."
        notes.append(SAMPLED_ROWS.note(text))
        strata = strata_of(y[rows], target)
        rows = rows[np.sort(draw(strata, wanted, np.random.default_rng(recipe.seed)))]
    return rows, notes


# -------------------------------------------------------------------------------- the values


def _typed(
    recipe: Recipe,
    raw: RawData,
    columns: tuple[Column, ...],
    history: tuple[Column, ...],
    rows: NDArray[np.int64],
) -> tuple[tuple[Column, ...], pd.DataFrame, list[Note]]:
    """Cast these rows to typed columns; return them with notes on what was changed."""
    frame = raw.frame if len(rows) == len(raw.frame) else raw.frame.iloc[rows]
    folders = (raw.folder, recipe.folder)
    try:
        columns, notes = find_shapes(columns, frame, folders, recipe.preprocessing)
        typed = cast_columns(frame, list(dict.fromkeys((*columns, *history))), folders)
    except DataError as error:
        message = f"{recipe.at('data.features')}: {error}"
        raise DataError(message) from error
    return columns, typed, [*notes, *_infinite(columns, frame)]


def _infinite(columns: Sequence[Column], raw: pd.DataFrame) -> Iterator[Note]:
    for name in (column.name for column in columns if column.type == "number"):
        n_infinite = count_infinite(raw[name])
        if n_infinite:
            text = f"Column {name!r}: {n_infinite:,} infinite values are taken as missing."
            yield INFINITE_VALUES.note(text)


def _split_values(recipe: Recipe, raw: RawData, rows: NDArray[np.int64]) -> NDArray[Any] | None:
    split = recipe.data.split
    if split.column is not None:
        return read_split_values(recipe, raw.frame[split.column], rows)
    if split.method is None and raw.subsets is not None:
        subsets: NDArray[Any] = raw.subsets.to_numpy(dtype=object)[rows]
        return subsets
    return None
