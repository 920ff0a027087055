"""Shards of WebDataset, .tar files, as a table with a row for each sample."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa

from dlrun.catalog.columns import COLUMN_KINDS
from dlrun.catalog.notes import UNREAD_MEMBERS
from dlrun.contract.note import Note
from dlrun.data.sources.hugging_face import FILE
from dlrun.data.sources.paths import find_matches, is_pattern, repository_files, subsets_of
from dlrun.data.sources.raw import RawData
from dlrun.data.sources.tables import name_of
from dlrun.data.sources.tar_samples import (
    SUFFIXES,
    TARGET,
    TarSample,
    is_media,
    is_row,
    is_shard,
    open_shard,
    read_cells,
    read_extension,
    read_fields,
    read_samples,
)
from dlrun.data.types.decode import as_cells
from dlrun.errors import DataError
from dlrun.system.text import listed

NUMBER: Final = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][-+]?\d+)?")
N_SHOWN: Final = 10


def find_shards(source: str, folder: Path) -> tuple[Path, ...]:
    """Return the shards of a source: one file, a glob, a range in braces, or a folder of them.

    Returns:
        Nothing for any other source.

    Raises:
        DataError: files of a range are missing.
    """
    path = folder / Path(source).expanduser()
    if path.is_dir():
        return repository_files(path, SUFFIXES)
    if path.is_file() or not is_pattern(source):
        return (path,) if path.is_file() and is_shard(path) else ()
    found = find_matches(path) if source.lower().endswith(SUFFIXES) else []
    return tuple(found)


class Columns:
    """The columns of samples, in the order in which they are met, and the members not read."""

    def __init__(self) -> None:
        self.contents: dict[str, str] = {}
        self.unread: Counter[str] = Counter()

    def add(self, sample: TarSample, fields: Collection[str]) -> None:
        """Add the columns of a sample, which are its members and the fields of its .json."""
        for extension in sample.members:
            held = read_extension(extension)
            if held is None:
                self.unread[extension] += 1
            elif held.content != "json":
                self.contents[held.column] = held.content
        for name in fields:
            self.contents.setdefault(name, "json")

    @property
    def kinds(self) -> dict[str, str]:
        """Return the types of the columns of images, sounds and texts."""
        return {name: each for name, each in self.contents.items() if each in COLUMN_KINDS}

    @property
    def target(self) -> str | None:
        """Return the column of the classes."""
        return TARGET if TARGET in self.contents else None

    def check(self, source: str) -> None:
        """Check that there are columns, whose names can be written.

        Raises:
            DataError: there are none, or a name is not UTF-8.
        """
        for name in self.contents:
            if _written(name) != name:
                message = f"{source}: the column {name!r} is not UTF-8. Rename its files, or field."
                raise DataError(message)
        if not self.contents:
            held = listed((f".{each}" for each in self.unread), N_SHOWN) or "no files"
            message = (
                f"{source} holds no samples: files such as 0001.jpg and 0001.cls, of which those "
                f"of one name are a row. It holds {held}."
            )
            raise DataError(message)

    def notes(self) -> Iterator[Note]:
        """Yield a note on the members that are not read."""
        if self.unread:
            shown = listed((f".{each} ({n:,})" for each, n in self.unread.most_common()), N_SHOWN)
            yield UNREAD_MEMBERS.note(f"Files in the shards that are not read: {shown}.")


def to_arrow(cells: Sequence[Any], content: str, *, is_verbatim: bool = False) -> pa.Array:
    """Return the cells of a column, (rows,).

    Args:
        cells: as `read_cells` returns them, None where one is missing.
        content: of the column (see `Extension`).
        is_verbatim: texts are kept as they are written, as a dictionary.
    """
    if is_media(content):
        return pa.array(cells, FILE)
    present = [cell for cell in cells if cell is not None]
    if content == "value" and not is_verbatim and all(map(NUMBER.fullmatch, present)):
        cells = [None if cell is None else json.loads(cell) for cell in cells]
    kinds = {bool if isinstance(cell, bool) else type(cell) for cell in cells if cell is not None}
    if kinds and (kinds <= {int, float} or kinds == {bool}):
        try:
            return pa.array(cells, pa.float64() if float in kinds else None)
        except (OverflowError, pa.ArrowInvalid):  # a whole number that takes more than 64 bits
            pass
    texts = pa.array([None if cell is None else _written(cell) for cell in cells], pa.string())
    return texts.dictionary_encode() if is_verbatim else texts


def _written(cell: object) -> str:
    text = cell if isinstance(cell, str) else json.dumps(cell)
    # Half a surrogate pair, as in broken JSON: Arrow does not accept it.
    return text.encode("utf-8", "replace").decode("utf-8")


def read_shards(source: str, paths: Sequence[Path]) -> RawData:
    """Read shards as a table, with a row for each sample.

    Raises:
        DataError: a shard is damaged, or there are no samples.
    """
    columns, rows, counts = Columns(), list[dict[str, Any]](), list[int]()
    for path in paths:
        before = len(rows)
        with open_shard(path) as file:
            for sample in read_samples(file):
                fields = read_fields(file, sample)
                columns.add(sample, fields)
                if is_row(sample):
                    rows.append(fields | read_cells(file, sample))
        counts.append(len(rows) - before)
    columns.check(source)
    found = {name: _series(rows, name, each) for name, each in columns.contents.items()}
    subsets = subsets_of(paths)
    return RawData(
        name_of(source, paths[0]),
        pd.DataFrame(found),
        columns.target,
        pd.Series(np.repeat(subsets, counts)) if subsets else None,
        columns.kinds,
        paths[0].parent,
        notes=tuple(columns.notes()),
    )


def _series(rows: Sequence[Mapping[str, Any]], name: str, content: str) -> pd.Series[Any]:
    cells = [row.get(name) for row in rows]
    if is_media(content):
        return pd.Series(as_cells(cells, len(cells)))
    series: pd.Series[Any] = to_arrow(cells, content).to_pandas()
    return series
