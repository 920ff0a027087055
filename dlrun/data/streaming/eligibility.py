"""Whether a table is streamed: on request, or because it does not fit in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from pandas.api import types

from dlrun.catalog.columns import COLUMN_KINDS
from dlrun.catalog.notes import NOT_STREAMED, STREAMED
from dlrun.catalog.perturbations import PERTURBATIONS
from dlrun.catalog.tasks import TASKS
from dlrun.contract.dataset import Column, Target
from dlrun.contract.note import Note
from dlrun.data.selection import (
    choose_columns,
    declared_types,
    missing_values,
    name_target,
    unused_columns,
    verbatim_columns,
)
from dlrun.data.sources.paths import find_matches
from dlrun.data.sources.raw import RawData
from dlrun.data.streaming.blocks import Block, Blocks
from dlrun.data.streaming.hash_split import with_own_split
from dlrun.data.streaming.reader import RowReader, decoded_bytes
from dlrun.data.streaming.stored import ADVICE, StoredRows, find_stored, located
from dlrun.data.targets.read import declare_target
from dlrun.data.types.cast import find_shapes, is_array
from dlrun.data.types.decode import free_memory
from dlrun.data.types.infer import infer_type
from dlrun.data.types.scalars import hide_texts
from dlrun.data.types.text import mark_inline
from dlrun.data.types.written import find_formats
from dlrun.errors import DataError, DlrunError, RecipeError
from dlrun.recipe.schema import Recipe
from dlrun.system.text import listed

MEMORY_SHARE: Final = 0.5  # of the free memory; larger tables are streamed
N_SAMPLES: Final = 8  # blocks from which the column types are inferred
SAMPLE_CELLS: Final = 2**20  # of each such block
SAMPLE_BYTES: Final = 2**23  # likewise, as they are stored
SAMPLE_SHAPES: Final = 2**10  # rows by whose images and sounds their size is chosen
N_HEAD_ROWS: Final = 100  # that show whether there are images or sounds
LARGE: Final = "The table would take more than half of the free memory, so it is streamed."


def find_stream(recipe: Recipe) -> tuple[RowReader | None, tuple[Note, ...]]:
    """Return the reader of rows to stream, None where they are read into memory, and notes.

    Raises:
        RecipeError: the recipe requests a stream that is not possible.
        DataError: the files cannot be read, or lack columns of the recipe.
    """
    wanted = recipe.data.stream
    if wanted is False:
        return None, ()
    stored, notes = find_stored(recipe)
    if wanted == "auto" and not (stored and _is_large(recipe, stored)):
        return None, ()
    if not stored and _is_missing(recipe):  # which is said where the rows are read
        return None, ()
    faults = list(_faults(recipe, stored))
    if stored and not faults:
        faults = list(stored.faults())
    if stored and not faults:
        blocks, found = stored.open()
        reader, inferred = _infer_columns(recipe, blocks)
        faults = list(_unstreamed(reader))
        notes += [*found, *inferred]
    if not faults:
        return reader, (*([STREAMED.note(LARGE)] if wanted == "auto" else ()), *notes)
    if wanted is True:
        raise RecipeError("\n".join(f"{recipe.at(key)}: {reason}" for key, reason in faults))
    reasons = " ".join(reason for _, reason in faults)
    text = f"The table may be too large for this memory, but is not streamed: {reasons}"
    return None, (NOT_STREAMED.note(text),)


def _is_missing(recipe: Recipe) -> bool:
    """Return whether the source is a path or a glob of nothing."""
    source = recipe.data.source
    return ":" not in source and not find_matches(recipe.folder / Path(source).expanduser())


def _is_large(recipe: Recipe, stored: StoredRows) -> bool:
    """Return whether the rows take too much memory, as they are stored or decoded."""
    most = MEMORY_SHARE * free_memory()
    if stored.n_bytes() > most:
        return True
    try:
        if any(stored.faults()):
            return False
        blocks, _ = stored.open()
        if not _has_arrays(recipe, blocks):
            return False
        reader, _ = _infer_columns(recipe, blocks)
    except DlrunError:  # what is wrong is said where the rows are read
        return False
    return blocks.n_rows * sum(map(decoded_bytes, reader.columns)) > most


def _has_arrays(recipe: Recipe, blocks: Blocks) -> bool:
    """Return whether the first rows have images or sounds, which decoding makes larger."""
    types = {**blocks.kinds, **declared_types(recipe)}
    head = _sample_block(recipe, blocks, blocks.blocks[0], N_HEAD_ROWS)
    kinds = (types.get(name) or infer_type(head[name]) for name in blocks.names)
    return any(COLUMN_KINDS[kind].is_array for kind in kinds)


def _faults(recipe: Recipe, stored: StoredRows | None) -> Iterator[tuple[str, str]]:
    """Yield the key and the reason where the recipe's rows cannot be streamed."""
    data, evaluation = recipe.data, recipe.evaluation
    if not stored:
        reason = (
            f"{data.source} cannot be streamed: that takes .csv, .tsv, .parquet or .tar files of "
            "one kind, a glob or a folder of them; or a folder, or a zip, of one folder for each "
            "class."
        )
        yield "data.source", f"{reason} {ADVICE}."
    if data.max_rows is not None:
        yield "data.max_rows", f"a sample of rows is held in memory. {ADVICE}."
    if isinstance(data.target, list):
        yield "data.target", f"a target in several columns is joined in memory. {ADVICE}."
    if data.lags:
        yield "data.lags", f"earlier rows are found among rows held in memory. {ADVICE}."
    if evaluation.folds not in ("auto", 1):
        reason = f"streamed rows have one test part, and {evaluation.folds} folds are asked for."
        yield "evaluation.folds", f"{reason} Set folds: auto. {ADVICE}."
    retrained = [aspect for aspect in evaluation.stress if PERTURBATIONS[aspect].is_retrained]
    for key, what in (
        ("evaluation.learning_curve", "parts of the rows" if evaluation.learning_curve else ""),
        ("evaluation.stress", f"rows with {listed(retrained)}" if retrained else ""),
    ):
        if what:
            reason = f"training again on {what} takes rows that are held in memory."
            yield key, f"{reason} {ADVICE}, with data.max_rows."


def _infer_columns(recipe: Recipe, files: Blocks) -> tuple[RowReader, tuple[Note, ...]]:
    """Infer the types of the columns from rows of some blocks; return the reader and notes."""
    recipe = with_own_split(recipe, files)
    n_most = max(1000, SAMPLE_CELLS // len(files.names))
    numbers = np.unique(np.linspace(0, len(files.blocks) - 1, N_SAMPLES).astype(int))
    samples = [_sample_block(recipe, files, files.blocks[number], n_most) for number in numbers]
    rows = pd.concat(samples, ignore_index=True)
    missing, split = missing_values(recipe), recipe.data.split.column
    hidden = {name: hide_texts(values, missing) for name, values in rows.items()}
    unread = {files.split_column} - {split}
    frame = pd.DataFrame({name: hidden[name] for name in files.names if name not in unread})
    raw = RawData(files.name, frame, files.target, types=files.kinds)
    name = name_target(recipe, raw)
    columns, written = find_formats(
        choose_columns(recipe, raw, name),
        raw.frame,
        declared=declared_types(recipe),
        decimal=files.format.decimal if files.format else "auto",
    )
    folders = (*files.folders, recipe.folder)
    columns, shaped = _find_shapes(recipe, mark_inline(columns, raw.frame), raw.frame, folders)
    target, notes = declare_target(recipe, raw.frame[name])
    reader = RowReader(
        files,
        columns,
        target,
        text=_text(raw.frame, columns, target, verbatim_columns(recipe), split),
        others=() if split is None else (split,),
        where=recipe.at("data.source"),
        missing=missing,
        folders=folders,
    )
    return reader, (*notes, *unused_columns(recipe, raw.frame, name), *written, *shaped)


def _sample_block(recipe: Recipe, files: Blocks, block: Block, n_most: int) -> pd.DataFrame:
    """Return the first raw rows of a block; categories as strings, since each block has its own."""
    with located(recipe):
        tables = files.read(block, files.names, list(verbatim_columns(recipe)))
        table = next(tables).slice(0, n_most)
    table = table.slice(0, max(1, SAMPLE_BYTES * len(table) // max(1, table.nbytes)))
    frame: pd.DataFrame = table.to_pandas(date_as_object=False, ignore_metadata=True)
    names = frame.columns[frame.dtypes == "category"]
    return frame.astype(dict.fromkeys(names, object))


def _find_shapes(
    recipe: Recipe, columns: Sequence[Column], frame: pd.DataFrame, folders: Sequence[Path]
) -> tuple[tuple[Column, ...], list[Note]]:
    """Find the shapes of images and sounds from some rows, evenly spaced."""
    if not any(map(is_array, columns)):
        return tuple(columns), []
    rows = np.unique(np.linspace(0, len(frame) - 1, SAMPLE_SHAPES).astype(int))
    sample = frame.iloc[rows]

    def found(sample: pd.DataFrame) -> tuple[tuple[Column, ...], list[Note]]:
        return find_shapes(columns, sample, folders, recipe.preprocessing)

    try:
        shaped, notes = found(sample)
    except DataError as error:
        # The scan names a damaged row by its file; here its number there is unknown.
        sound = [row for row in range(len(sample)) if _succeeds(found, sample.iloc[[row]])]
        if not sound:
            message = f"{recipe.at('data.features')}: {error}"
            raise DataError(message) from error
        shaped, notes = found(sample.iloc[sound])
    text = f"This was seen in a sample of {len(rows):,} rows."
    return shaped, [replace(note, text=f"{note.text} {text}") for note in notes]


def _succeeds(found: Callable[[pd.DataFrame], object], rows: pd.DataFrame) -> bool:
    try:
        found(rows)
    except DataError:
        return False
    return True


def _text(
    frame: pd.DataFrame,
    columns: tuple[Column, ...],
    target: Target,
    declared: Sequence[str],
    split: str | None,
) -> tuple[str, ...]:
    """Return the columns that are read as they are written, even where all values are numbers."""
    words = [column.name for column in columns if COLUMN_KINDS[column.type].is_verbatim]
    if TASKS[target.task].estimator == "classifier":
        words.append(target.name)
    if split is not None:
        words.append(split)
    return tuple(
        name
        for name in dict.fromkeys(words)
        if name in declared or types.infer_dtype(frame[name], skipna=True) == "string"
    )


def _unstreamed(reader: RowReader) -> Iterator[tuple[str, str]]:
    """Yield the key and the reason where the target cannot be streamed."""
    if not TASKS[reader.target.task].is_streamed:
        yield "data.target", f"{reader.target.name!r} is read into memory as a whole. {ADVICE}."
