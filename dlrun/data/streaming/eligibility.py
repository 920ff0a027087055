"""Whether a table is streamed: on request, or because it does not fit in memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
from pandas.api import types

from dlrun.catalog.columns import COLUMN_KINDS
from dlrun.catalog.notes import NOT_STREAMED, STREAMED
from dlrun.catalog.perturbations import PERTURBATIONS
from dlrun.catalog.tasks import TASKS
from dlrun.contract.dataset import AUTO, Column, Target, TextFormat
from dlrun.contract.note import Note
from dlrun.data.selection import (
    check_text_settings,
    choose_columns,
    chosen_format,
    declared_types,
    missing_values,
    name_target,
    unused_columns,
    verbatim_columns,
)
from dlrun.data.sources.raw import RawData
from dlrun.data.sources.text_format import BLANKS
from dlrun.data.sources.url import fetch, is_url
from dlrun.data.streaming.partitions import (
    TableFiles,
    cut_files,
    estimate_bytes,
    find_paths,
    text_format,
)
from dlrun.data.streaming.reader import RowReader
from dlrun.data.targets.read import declare_target
from dlrun.data.types.decode import free_memory
from dlrun.data.types.scalars import hide_texts
from dlrun.data.types.written import find_formats
from dlrun.errors import DataError, RecipeError
from dlrun.recipe.schema import Recipe
from dlrun.system.text import listed

MEMORY_SHARE: Final = 0.5  # of the free memory; larger tables are streamed
MAX_EXPANSION: Final = 20  # bytes in memory for each byte on disk, at most
N_SAMPLES: Final = 8  # blocks from which the column types are inferred
SAMPLE_CELLS: Final = 2**20  # of each such block
ADVICE: Final = "Set data.stream: false to hold the rows in memory"
LARGE: Final = "The table would take more than half of the free memory, so it is streamed."


def find_stream(recipe: Recipe) -> tuple[RowReader | None, tuple[Note, ...]]:
    """Return the reader of a table to stream, None where its rows are read into memory, and notes.

    Raises:
        RecipeError: the recipe requests a stream that is not possible.
        DataError: the files cannot be read, or lack columns of the recipe.
    """
    wanted = recipe.data.stream
    if wanted is False:
        return None, ()
    paths, notes = _find_files(recipe)
    is_large = bool(paths) and _is_large(paths)
    if wanted == "auto" and not is_large:
        return None, ()
    faults = list(_faults(recipe, n_paths=len(paths)))
    if not faults:
        form, found = text_format(paths[0], chosen_format(recipe))
        check_text_settings(recipe, form or AUTO)
        faults = list(_unsuited(form))
        notes += found
    if not faults:
        reader, inferred = _infer_columns(recipe, cut_files(recipe.data.source, paths, form))
        faults = list(_unstreamed(reader))
        notes += inferred
    if not faults:
        return reader, (*([STREAMED.note(LARGE)] if wanted == "auto" else ()), *notes)
    if wanted is True:
        raise RecipeError("\n".join(f"{recipe.at(key)}: {reason}" for key, reason in faults))
    reasons = " ".join(reason for _, reason in faults)
    text = f"The table may be too large for this memory, but is not streamed: {reasons}"
    return None, (NOT_STREAMED.note(text),)


def _find_files(recipe: Recipe) -> tuple[tuple[Path, ...], list[Note]]:
    """Return the files of the source, downloaded if need be; nothing where it is no table."""
    source = recipe.data.source
    if not is_url(source):
        return find_paths(source, recipe.folder), []
    try:
        path, note = fetch(source)
    except DataError as error:
        message = f"{recipe.at('data.source')}: {error}"
        raise DataError(message) from error
    return find_paths(str(path), Path()), [note]


def _unsuited(form: TextFormat | None) -> Iterator[tuple[str, str]]:
    """Yield the key and the reason where text files of a format cannot be cut into blocks."""
    if form and form.encoding.startswith("utf-16"):
        reason = "a file in UTF-16 cannot be cut where a row ends. Save it in UTF-8"
        yield "data.encoding", f"{reason}. {ADVICE}."
    if form and form.separator == BLANKS:
        reason = "rows whose fields are separated by blanks cannot be streamed"
        yield "data.separator", f"{reason}. {ADVICE}."


def _is_large(paths: Sequence[Path]) -> bool:
    """Return whether the table takes too much memory; files are read only if this is possible."""
    most = MEMORY_SHARE * free_memory()
    on_disk = sum(path.stat().st_size for path in paths)
    return on_disk * MAX_EXPANSION > most and estimate_bytes(paths) > most


def _faults(recipe: Recipe, n_paths: int) -> Iterator[tuple[str, str]]:
    """Yield the key and the reason where the recipe's rows cannot be streamed."""
    data, evaluation = recipe.data, recipe.evaluation
    if not n_paths:
        reason = (
            f"{data.source} cannot be streamed: that takes .csv, .tsv or .parquet files of one "
            "kind, a glob or a folder of them."
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


def _infer_columns(recipe: Recipe, files: TableFiles) -> tuple[RowReader, tuple[Note, ...]]:
    """Infer the types of the columns from rows of some blocks; return the reader and notes."""
    as_text = list(verbatim_columns(recipe))
    n_most = max(1000, SAMPLE_CELLS // len(files.names))
    numbers = np.unique(np.linspace(0, len(files.blocks) - 1, N_SAMPLES).astype(int))
    samples = [
        next(files.read(files.blocks[number], files.names, as_text)).slice(0, n_most)
        for number in numbers
    ]
    frames = [each.to_pandas(date_as_object=False, ignore_metadata=True) for each in samples]
    rows = pd.concat([_plain(frame) for frame in frames], ignore_index=True)
    missing = missing_values(recipe)
    hidden = {name: hide_texts(values, missing) for name, values in rows.items()}
    raw = RawData(files.name, pd.DataFrame(hidden))
    name = name_target(recipe, raw)
    columns, written = find_formats(
        choose_columns(recipe, raw, name),
        raw.frame,
        declared=declared_types(recipe),
        decimal=files.format.decimal if files.format else "auto",
    )
    target, notes = declare_target(recipe, raw.frame[name])
    split = recipe.data.split.column
    reader = RowReader(
        files,
        columns,
        target,
        text=_text(raw.frame, columns, target, as_text, split),
        others=() if split is None else (split,),
        where=recipe.at("data.source"),
        missing=missing,
    )
    return reader, (*notes, *unused_columns(recipe, raw.frame, name), *written)


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Return categories as strings: those of other blocks differ."""
    names = frame.columns[frame.dtypes == "category"]
    return frame.astype(dict.fromkeys(names, object))


def _text(
    frame: pd.DataFrame,
    columns: tuple[Column, ...],
    target: Target,
    declared: list[str],
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
    """Yield the key and the reason where columns cannot be streamed."""
    kinds = [kind.name for kind in COLUMN_KINDS.values() if kind.is_streamed]
    others = [f"{each.name!r} ({each.type})" for each in reader.columns if each.type not in kinds]
    if others:
        yield (
            "data.features",
            f"streamed columns are of the types {', '.join(kinds)}, but there are "
            f"{listed(others)}. Leave them out (data.exclude). {ADVICE}.",
        )
    if not TASKS[reader.target.task].is_streamed:
        yield "data.target", f"{reader.target.name!r} is read into memory as a whole. {ADVICE}."
