"""Whether a table is streamed: because the recipe says so, or because memory could not hold it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
import pandas as pd
from pandas.api import types

from dlrun.catalog.columns import COLUMN_KINDS
from dlrun.catalog.perturbations import PERTURBATIONS
from dlrun.catalog.splits import SPLIT_METHODS
from dlrun.catalog.tasks import TASKS
from dlrun.contract.dataset import Column, Target
from dlrun.data.selection import choose_columns, declared_types, left_out, name_target
from dlrun.data.sources.raw import RawData
from dlrun.data.streaming.partitions import TableFiles, cut_files, estimate_bytes, find_paths
from dlrun.data.streaming.reader import RowReader
from dlrun.data.targets.read import declare_target
from dlrun.data.types.decode import free_memory
from dlrun.errors import RecipeError
from dlrun.recipe.schema import Recipe
from dlrun.system.text import listed

SHARE: Final = 0.5  # of the free memory that a table may take before it is streamed by itself
UNPACKED: Final = 20  # times its bytes on disk that a table may take in memory
LOOKS: Final = 8  # places in the files where rows are looked at to type the columns
LOOK_CELLS: Final = 2**20  # at each place
ADVICE: Final = "Set data.stream: false to hold the rows in memory"
LARGE: Final = ("The table would take more than half of the free memory, so it is streamed.",)


class StreamableTable(NamedTuple):
    """A table that can be streamed, and what was found out on the way."""

    reader: RowReader
    notes: tuple[str, ...]


def find_stream(recipe: Recipe) -> tuple[StreamableTable | None, tuple[str, ...]]:
    """Find the table to stream; none where its rows are read into memory.

    Returns:
        The table, and a note where it is too large for memory and yet cannot be streamed.

    Raises:
        RecipeError: the recipe wants rows streamed that cannot be.
        DataError: the files cannot be read, or have other columns than the recipe names.
    """
    wanted = recipe.data.stream
    if wanted is False:
        return None, ()
    paths = find_paths(recipe.data.source, recipe.folder)
    is_large = bool(paths) and _is_large(paths)
    if wanted == "auto" and not is_large:
        return None, ()
    faults = list(_faults(recipe, n_paths=len(paths)))
    if not faults:
        streamable = _look(recipe, cut_files(recipe.data.source, paths))
        faults = list(_unstreamed(streamable.reader))
        if not faults:
            said = LARGE if wanted == "auto" else ()
            return StreamableTable(streamable.reader, (*said, *streamable.notes)), ()
    if wanted is True:
        raise RecipeError("\n".join(f"{recipe.at(key)}: {said}" for key, said in faults))
    reasons = " ".join(said for _, said in faults)
    return None, (f"The table may be too large for this memory, but is not streamed: {reasons}",)


def _is_large(paths: Sequence[Path]) -> bool:
    """Estimate the memory, and look into the files only where it could matter."""
    most = SHARE * free_memory()
    on_disk = sum(path.stat().st_size for path in paths)
    return on_disk * UNPACKED > most and estimate_bytes(paths) > most


def _faults(recipe: Recipe, n_paths: int) -> Iterator[tuple[str, str]]:
    """Say why the recipe's rows cannot be streamed: the keys, and a sentence for each."""
    data, evaluation = recipe.data, recipe.evaluation
    if not n_paths:
        said = (
            f"{data.source} cannot be streamed: that takes .csv, .tsv or .parquet files of one "
            "kind, a glob or a folder of them."
        )
        yield "data.source", f"{said} {ADVICE}."
    if data.max_rows is not None:
        yield "data.max_rows", f"a sample of rows is held in memory. {ADVICE}."
    if isinstance(data.target, list):
        yield "data.target", f"a target in several columns is joined in memory. {ADVICE}."
    method = SPLIT_METHODS.get(data.split.method or "")
    if method and not method.is_streamed:
        *most, last = (row.name for row in SPLIT_METHODS.values() if row.is_streamed)
        reason = f"streamed rows are split by a hash, not by {method.name}."
        yield "data.split.method", f"{reason} Use {', '.join(most)} or {last}. {ADVICE}."
    if evaluation.folds not in ("auto", 1):
        said = f"streamed rows have one test part, and {evaluation.folds} folds are asked for."
        yield "evaluation.folds", f"{said} Set folds: auto. {ADVICE}."
    retrained = [aspect for aspect in evaluation.stress if PERTURBATIONS[aspect].is_retrained]
    for key, what in (
        ("evaluation.learning_curve", "parts of the rows" if evaluation.learning_curve else ""),
        ("evaluation.stress", f"rows with {listed(retrained)}" if retrained else ""),
    ):
        if what:
            said = f"training again on {what} takes rows that are held in memory."
            yield key, f"{said} {ADVICE}, with data.max_rows."


def _look(recipe: Recipe, files: TableFiles) -> StreamableTable:
    """Type the columns by rows from some places of the files."""
    declared = declared_types(recipe)
    as_text = [name for name, kind in declared.items() if COLUMN_KINDS[kind].is_verbatim]
    n_most = max(1000, LOOK_CELLS // len(files.names))
    places = np.unique(np.linspace(0, len(files.blocks) - 1, LOOKS).astype(int))
    looks = [
        next(files.read(files.blocks[place], files.names, as_text)).slice(0, n_most)
        for place in places
    ]
    frames = [look.to_pandas(date_as_object=False, ignore_metadata=True) for look in looks]
    raw = RawData(files.name, pd.concat([_plain(frame) for frame in frames], ignore_index=True))
    name = name_target(recipe, raw)
    columns = choose_columns(recipe, raw, name)
    target, notes = declare_target(recipe, raw.frame[name])
    split = recipe.data.split.column
    reader = RowReader(
        files,
        columns,
        target,
        text=_text(raw.frame, columns, target, as_text, split),
        others=() if split is None else (split,),
        where=recipe.at("data.source"),
    )
    return StreamableTable(reader, (*notes, *left_out(recipe, raw.frame, name)))


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Return categories as the strings that they are: the pieces differ in theirs."""
    names = frame.columns[frame.dtypes == "category"]
    return frame.astype(dict.fromkeys(names, object))


def _text(
    frame: pd.DataFrame,
    columns: tuple[Column, ...],
    target: Target,
    declared: list[str],
    split: str | None,
) -> tuple[str, ...]:
    """Name the columns whose words are read as they are written, wherever they look otherwise."""
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
