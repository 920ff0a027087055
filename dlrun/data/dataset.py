"""From a recipe to a typed dataset: read, check the names, type, drop, sample, fingerprint."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow

from dlrun.contract import Column, ColumnType, Dataset
from dlrun.data.columns import conform, infer_columns
from dlrun.data.digest import digest_dataset
from dlrun.data.notes import suspicions
from dlrun.data.raw import RawData
from dlrun.data.sources import read_source
from dlrun.data.split_column import read_split_values
from dlrun.data.strata import draw, strata_of
from dlrun.data.target import read_truth
from dlrun.data.wording import did_you_mean, listed, quoted
from dlrun.errors import DataError
from dlrun.recipe.model import Recipe


def read_dataset(recipe: Recipe) -> Dataset:
    """Read the recipe's source into typed columns and the truth.

    Rows without a target are dropped, as are columns without any value; infinite numbers become
    missing; with `data.max_rows` a sample is taken. The dataset's notes tell of all this.

    Raises:
        DataError: the data is not there, or cannot be used as the recipe says.
    """
    dataset = _read_typed(recipe)  # the raw table is let go here
    pyarrow.default_memory_pool().release_unused()  # 100 MB after 327,346 flights
    dataset = _sample(recipe, dataset)
    dataset = _drop_empty_columns(recipe, dataset)
    return replace(
        dataset,
        digest=digest_dataset(dataset),
        notes=(*dataset.notes, *suspicions(dataset)),
    )


def _read_typed(recipe: Recipe) -> Dataset:
    raw = _read_raw(recipe)
    target = _target_name(recipe, raw)
    columns = _typed(recipe, raw.frame, _feature_names(recipe, raw.frame, target))
    truth = read_truth(recipe, raw.frame[target])
    frame = _conformed(recipe, raw.frame, columns)
    dataset = Dataset(
        name=raw.name,
        source=recipe.data.source,
        columns=columns,
        target=truth.target,
        frame=frame,
        truth=truth.values,
        row_ids=np.arange(len(frame)),
    )
    notes = (*truth.notes, *_left_out(recipe, raw.frame, target), *_infinite(raw.frame, frame))
    kept = np.flatnonzero(truth.present)
    if len(kept) < len(frame):
        dataset = dataset.take(kept)
        n_dropped = len(frame) - len(kept)
        notes = (*notes, f"Dropped {n_dropped:,} of {len(frame):,} rows that have no {target!r}.")
    return _with_split_values(recipe, raw, replace(dataset, notes=notes))


def _read_raw(recipe: Recipe) -> RawData:
    data = recipe.data
    text = [name for name, kind in _declared(recipe).items() if kind in ("category", "text")]
    try:
        return read_source(data.source, recipe.folder, target=data.target, text=text)
    except DataError as error:
        message = f"{recipe.at('data.source')}: {error}"
        raise DataError(message) from error


# ------------------------------------------------------------------------- names of columns


def _target_name(recipe: Recipe, raw: RawData) -> str:
    name = recipe.data.target or raw.target
    if name is None:
        message = (
            f"{recipe.at('data.target')}: the source brings no target: name the column to "
            f"predict. Columns: {listed(raw.frame.columns)}"
        )
        raise DataError(message)
    _require(recipe, "data.target", [name], raw.frame)
    for key, names in (("exclude", recipe.data.exclude), ("features", recipe.data.features or ())):
        if name in names:
            message = f"{recipe.at(f'data.{key}')}: {name!r} is the target. Take it off this list."
            raise DataError(message)
    if name == recipe.data.split.column:
        message = f"{recipe.at('data.split.column')}: {name!r} is the target."
        raise DataError(message)
    return name


def _require(recipe: Recipe, key: str, names: Sequence[str], frame: pd.DataFrame) -> None:
    absent = [name for name in names if name not in frame]
    if absent:
        known = list(frame.columns)
        hint = did_you_mean(absent[0], known) if len(absent) == 1 else ""
        message = (
            f"{recipe.at(key)}: there is no column {quoted(absent)}.{hint} Columns: {listed(known)}"
        )
        raise DataError(message)


def _feature_names(recipe: Recipe, frame: pd.DataFrame, target: str) -> list[str]:
    data = recipe.data
    _require(recipe, "data.features", list(data.features or ()), frame)
    _require(recipe, "data.exclude", data.exclude, frame)
    _require(recipe, "data.split.column", [data.split.column or target], frame)
    unused = {target, data.split.column, *data.exclude}
    if data.features is not None:
        unused = set(data.exclude)
    names = [name for name in (data.features or frame.columns) if name not in unused]
    if not names:
        raise DataError(_nothing_left(recipe))
    return names


def _nothing_left(recipe: Recipe) -> str:
    split = recipe.data.split.column
    hint = f" The split column {split!r} is one only if data.features lists it." if split else ""
    return f"{recipe.at('data.features')}: no column is left to learn from.{hint}"


def _left_out(recipe: Recipe, frame: pd.DataFrame, target: str) -> Iterator[str]:
    """Say what a mapping of types leaves out: it is a list of all features, too."""
    data = recipe.data
    named = {*_declared(recipe), *data.exclude, target, data.split.column}
    others = [name for name in frame.columns if name not in named]
    if isinstance(data.features, dict) and others:
        yield f"Not listed in data.features, so not used: {quoted(others)}."


# -------------------------------------------------------------------------------- the values


def _typed(recipe: Recipe, frame: pd.DataFrame, names: list[str]) -> tuple[Column, ...]:
    return infer_columns(frame[names], _declared(recipe))


def _declared(recipe: Recipe) -> dict[str, ColumnType]:
    features = recipe.data.features
    return features if isinstance(features, dict) else {}


def _conformed(recipe: Recipe, frame: pd.DataFrame, columns: tuple[Column, ...]) -> pd.DataFrame:
    try:
        return conform(frame, columns)
    except DataError as error:
        message = f"{recipe.at('data.features')}: {error}"
        raise DataError(message) from error


def _infinite(raw: pd.DataFrame, frame: pd.DataFrame) -> Iterator[str]:
    for name in frame.select_dtypes("float64"):
        n_infinite = int(frame[name].isna().sum() - raw[name].isna().sum())
        if n_infinite:
            yield f"Column {name!r}: {n_infinite:,} infinite values are taken as missing."


def _with_split_values(recipe: Recipe, raw: RawData, dataset: Dataset) -> Dataset:
    split = recipe.data.split
    if split.column is not None:
        values = read_split_values(recipe, raw.frame[split.column], dataset.row_ids)
    elif split.method is None and raw.parts is not None:
        values = raw.parts.to_numpy(dtype=object)[dataset.row_ids]
    else:
        return dataset
    return replace(dataset, split_values=values)


def _sample(recipe: Recipe, dataset: Dataset) -> Dataset:
    wanted = recipe.data.max_rows
    if wanted is None or wanted >= len(dataset):
        return dataset
    rng = np.random.default_rng(recipe.seed)
    rows = np.sort(draw(strata_of(dataset), wanted, rng))
    note = f"A sample of {wanted:,} of {len(dataset):,} rows (data.max_rows)."
    return replace(dataset.take(rows), notes=(*dataset.notes, note))


def _drop_empty_columns(recipe: Recipe, dataset: Dataset) -> Dataset:
    kept = tuple(column for column in dataset.columns if dataset.frame[column.name].notna().any())
    empty = [column.name for column in dataset.columns if column not in kept]
    if not empty:
        return dataset
    if not kept:
        raise DataError(_nothing_left(recipe))
    return replace(
        dataset,
        columns=kept,
        frame=dataset.frame[[column.name for column in kept]],
        notes=(*dataset.notes, f"Dropped columns without any value: {quoted(empty)}."),
    )
