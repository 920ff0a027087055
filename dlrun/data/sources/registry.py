"""The source of a recipe, read as a raw table: a path, a glob, a named data set or a function."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from dlrun.catalog.sources import SOURCES
from dlrun.contract.dataset import AUTO, TextFormat
from dlrun.data.sources import source_module
from dlrun.data.sources.arrays import NO_TYPES, read_arrays
from dlrun.data.sources.folders import holds_files, read_folder
from dlrun.data.sources.hugging_face import only_class_column
from dlrun.data.sources.paths import find_matches, is_pattern, subsets_of
from dlrun.data.sources.raw import RawData
from dlrun.data.sources.schemas import check_same_types, read_schema
from dlrun.data.sources.shards import find_shards, read_shards
from dlrun.data.sources.tables import check_same_columns, checked, name_of, read_table
from dlrun.data.sources.tar_samples import is_shard
from dlrun.data.sources.url import fetch, is_url
from dlrun.data.sources.user_functions import find_function, located_errors
from dlrun.data.streaming.partitions import find_tables
from dlrun.errors import DataError
from dlrun.system.text import did_you_mean, listed

FUNCTION: Final = re.compile(r"[^\W\d][\w.]*:[^\W\d]\w*")


def read_source(
    source: str,
    folder: Path,
    *,
    target: str | None = None,
    types: Mapping[str, str] = NO_TYPES,
    verbatim: Collection[str] = (),
    wanted: TextFormat = AUTO,
    trusted: Collection[str] = (),
) -> RawData:
    """Read the source of a recipe as a raw table.

    Args:
        source: a path, a glob, an address, `sklearn:NAME`, `keras:NAME`, `openml:NAME`,
            `formula:NAME` or `package.module:function`.
        folder: where relative paths and the user's modules start.
        target: a name for the target of a source that has none.
        types: column → kind, as set in the recipe.
        verbatim: columns that are read from a text file as they are written: 007 is not 7.
        wanted: what is set of the format of text files.
        trusted: modules that functions may come from, beside those in `folder`.

    Raises:
        DataError: the source does not exist, or cannot be read.
    """
    scheme, _, name = source.partition(":")
    if scheme in SOURCES:
        return source_module(scheme).read(name, target)
    if FUNCTION.fullmatch(source):
        return _call(source, folder, trusted)
    if is_url(source):
        path, note = fetch(source)
        raw = _read_path(path, target, types, verbatim, wanted)
        return replace(raw, notes=(note, *raw.notes))
    path = folder / Path(source).expanduser()
    if is_pattern(source) and not path.exists():
        return _read_pattern(path, source, verbatim, wanted)
    if not path.exists():
        raise DataError(_not_found(path, source))
    return _read_path(path, target, types, verbatim, wanted)


def _read_path(
    path: Path,
    target: str | None,
    types: Mapping[str, str],
    verbatim: Collection[str],
    wanted: TextFormat,
) -> RawData:
    if path.is_dir() or holds_files(path):
        tables = find_tables(path)
        if tables:
            return _read_files(tables, str(path), verbatim, wanted)
        shards = find_shards(str(path), Path())
        return read_shards(path.name, shards) if shards else read_folder(path, target)
    if is_shard(path):
        return read_shards(path.name, [path])
    if path.suffix.lower() == ".npz":
        return read_arrays(path, target, types)
    table = read_table(path, text=verbatim, wanted=wanted)
    name = path.name.partition(".")[0]
    return RawData(
        name,
        table.frame,
        only_class_column(read_schema(path)),
        folder=path.parent,
        format=table.format,
        notes=table.notes,
    )


def _not_found(path: Path, source: str) -> str:
    if not path.parent.is_dir():
        return f"{source} does not exist: there is no folder {path.parent}."
    names = sorted(entry.name for entry in path.parent.iterdir() if not entry.name.startswith("."))
    hint = did_you_mean(path.name, names)
    found = f" It holds: {listed(names, 10)}" if names else " It is empty."
    return f"{source} does not exist in the folder {path.parent}.{hint}{found}"


def _read_pattern(
    pattern: Path, source: str, verbatim: Collection[str], wanted: TextFormat
) -> RawData:
    paths = find_matches(pattern)
    if not paths:
        message = f"no file matches {source} in the folder {_fixed_folder(pattern)}."
        raise DataError(message)
    if all(map(is_shard, paths)):
        return read_shards(source, paths)
    return _read_files(paths, source, verbatim, wanted)


def _read_files(
    paths: Sequence[Path], source: str, verbatim: Collection[str], wanted: TextFormat
) -> RawData:
    """Read the files of a table, all in the format of the first; encodings may differ."""
    first = read_table(paths[0], text=verbatim, wanted=wanted)
    form = replace(first.format, encoding=wanted.encoding)
    others = [read_table(path, text=verbatim, wanted=form) for path in paths[1:]]
    for path, table in zip(paths[1:], others, strict=True):
        check_same_columns(path, table.frame.columns, paths[0], first.frame.columns)
    schemas = {path: read_schema(path) for path in paths}
    check_same_types(schemas)
    frame = pd.concat([first.frame, *(table.frame for table in others)], ignore_index=True)
    name, folder = name_of(source, paths[0]), paths[0].parent
    notes = tuple(dict.fromkeys(note for table in (first, *others) for note in table.notes))
    subsets = subsets_of(paths) if paths[0].suffix.lower() == ".parquet" else None
    n_rows = [len(table.frame) for table in (first, *others)]
    return RawData(
        name,
        frame,
        only_class_column(schemas[paths[0]]),
        pd.Series(np.repeat(subsets, n_rows)) if subsets else None,
        folder=folder,
        format=first.format,
        notes=notes,
    )


def _fixed_folder(pattern: Path) -> Path:
    """Return the deepest folder of a glob that has no wildcard."""
    while is_pattern(pattern.name) or is_pattern(str(pattern.parent)):
        pattern = pattern.parent
    return pattern


def _call(source: str, folder: Path, trusted: Collection[str]) -> RawData:
    loader = find_function(source, folder, trusted)
    with located_errors(source):
        frame = loader()
    if not isinstance(frame, pd.DataFrame):
        message = f"{source} must return a pandas DataFrame, but returned {type(frame).__name__}."
        raise DataError(message)
    return RawData(source.partition(":")[2], checked(frame, source))
