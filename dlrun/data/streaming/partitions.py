"""Table files in blocks: row groups of Parquet and ranges of CSV, read in any order."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from glob import glob
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from dlrun.data.sources.tables import MISSING, check_same_columns, check_unique, name_of
from dlrun.errors import DataError

SEPARATORS: Final = {".csv": ",", ".tsv": "\t"}
SUFFIXES: Final = (*SEPARATORS, ".parquet")
BLOCK_BYTES: Final = 2**23  # of a text file
MAX_ROW_BYTES: Final = 2**26  # a longer row is a quote that is never closed
BATCH_ROWS: Final = 2**15
BUFFER_BYTES: Final = 2**18  # of each column that is read of a Parquet file


@dataclass(frozen=True)
class Block:
    """Rows of a file that can be read without the rows before them.

    Attributes:
        first: number of a row group; or the first byte of rows of a text file.
        stop: the byte after the rows; 0 for a row group.
    """

    path: Path
    first: int
    stop: int = 0


@dataclass(frozen=True)
class TableFiles:
    """The files of one table.

    Attributes:
        name: a short name of the data.
        names: of all columns.
        separator: of the fields in a text file; empty for Parquet.
    """

    name: str
    paths: tuple[Path, ...]
    blocks: tuple[Block, ...]
    names: tuple[str, ...]
    separator: str

    def read(
        self, block: Block, columns: Sequence[str], text: Collection[str] = ()
    ) -> Iterator[pa.Table]:
        """Read a block in batches of at most 32,768 rows.

        Args:
            block: of these files.
            columns: to read.
            text: columns that are read as they are written, as dictionaries.

        Raises:
            DataError: the block cannot be read.
        """
        read = self._read_text if self.separator else _read_row_group
        try:
            yield from read(block, columns, text)
        except (OSError, pa.ArrowException) as error:
            message = f"{block.path}: cannot be read: {error}"
            raise DataError(message) from error

    def _read_text(
        self, block: Block, columns: Sequence[str], text: Collection[str]
    ) -> Iterator[pa.Table]:
        with block.path.open("rb") as file:
            file.seek(block.first)
            content = file.read(block.stop - block.first)
        words = pa.dictionary(pa.int32(), pa.string())
        table = pa.csv.read_csv(
            BytesIO(content),
            pa.csv.ReadOptions(
                column_names=self.names, use_threads=False, block_size=len(content) + 1
            ),
            pa.csv.ParseOptions(delimiter=self.separator, newlines_in_values=True),
            pa.csv.ConvertOptions(
                null_values=MISSING,
                strings_can_be_null=True,
                include_columns=list(columns),
                column_types=dict.fromkeys(text, words),
            ),
        )
        for batch in table.to_batches(BATCH_ROWS):
            yield pa.Table.from_batches([batch])


def find_paths(source: str, folder: Path) -> tuple[Path, ...]:
    """Return the files of a source: one file, a glob, or a folder of table files of one kind.

    Returns:
        Nothing for any other source, such as a folder of images or a named data set.
    """
    path = folder / Path(source).expanduser()
    if path.is_dir():
        paths = sorted(file for file in path.iterdir() if not _is_metadata(file))
    elif path.is_file():
        paths = [path]
    else:
        paths = [Path(file) for file in sorted(glob(str(path), recursive=True))]
    suffixes = {path.suffix.lower() if path.is_file() else "" for path in paths}
    return tuple(paths) if len(suffixes) == 1 and suffixes <= {*SUFFIXES} else ()


def find_tables(folder: Path) -> tuple[Path, ...]:
    """Return the files of a folder of table files of one kind; nothing for any other folder."""
    return find_paths(str(folder), Path()) if folder.is_dir() else ()


def estimate_bytes(paths: Sequence[Path]) -> int:
    """Estimate the memory of all rows: twice the bytes of a text file, or Parquet unpacked."""
    if paths[0].suffix.lower() in SEPARATORS:
        return 2 * sum(path.stat().st_size for path in paths)
    metadata = [_opened(path).metadata for path in paths]
    return sum(
        one.row_group(number).total_byte_size
        for one in metadata
        for number in range(one.num_row_groups)
    )


def cut_files(source: str, paths: Sequence[Path]) -> TableFiles:
    """Cut files into blocks.

    Raises:
        DataError: a file cannot be read, has no rows, or has other columns than the first.
    """
    cut = _cut_text if paths[0].suffix.lower() in SEPARATORS else _cut_parquet
    found = [cut(path) for path in paths]
    first, names, separator = paths[0], found[0][0], found[0][1]
    for path, (others, other, _) in zip(paths, found, strict=True):
        check_same_columns(path, others, first, names)
        if other != separator or (separator and others != names):
            message = f"{path.name} must have its columns as {first.name} has, in the same order."
            raise DataError(message)
    blocks = tuple(block for _, _, blocks in found for block in blocks)
    if not blocks:
        message = f"{source}: the table has no rows."
        raise DataError(message)
    return TableFiles(name_of(source, first), tuple(paths), blocks, names, separator)


def _is_metadata(path: Path) -> bool:
    """Return whether a file is metadata, such as Spark's _SUCCESS."""
    return path.name.startswith((".", "_"))


# ---------------------------------------------------------------------------------- Parquet

Cut = tuple[tuple[str, ...], str, list[Block]]
"""The names of a file's columns, the separator of its fields, and its blocks."""


def _opened(path: Path, words: Sequence[str] = ()) -> pyarrow.parquet.ParquetFile:
    try:
        return pyarrow.parquet.ParquetFile(
            path, read_dictionary=list(words), buffer_size=BUFFER_BYTES, pre_buffer=False
        )
    except (OSError, pa.ArrowException) as error:
        message = f"{path}: cannot be read as .parquet: {error}"
        raise DataError(message) from error


def _cut_parquet(path: Path) -> Cut:
    with _opened(path) as file:
        names = tuple(file.schema_arrow.names)
        groups = [n for n in range(file.num_row_groups) if file.metadata.row_group(n).num_rows]
    check_unique(names, str(path))
    return names, "", [Block(path, number) for number in groups]


def _read_row_group(
    block: Block, columns: Sequence[str], text: Collection[str]
) -> Iterator[pa.Table]:
    with _opened(block.path, [name for name in columns if name in text]) as file:
        batches = file.iter_batches(
            BATCH_ROWS, row_groups=[block.first], columns=list(columns), use_threads=False
        )
        for batch in batches:
            yield pa.Table.from_batches([batch])


# --------------------------------------------------------------------------------- text files


def _cut_text(path: Path) -> Cut:
    """Cut a text file between rows; a line break in quotes is no end of a row."""
    separator, blocks = SEPARATORS[path.suffix.lower()], []
    with path.open("rb") as file:
        size = path.stat().st_size
        start = _next_end(file, path, 0, 2**16)
        names = _names(path, file, start, separator)
        if separator == "," and len(names) == 1 and ";" in names[0]:
            separator, names = ";", _names(path, file, start, ";")
        while start < size:
            stop = _next_end(file, path, start, BLOCK_BYTES, last=True)
            blocks.append(Block(path, start, stop))
            start = stop
    check_unique(names, str(path))
    return names, separator, blocks


def _names(path: Path, file: Any, stop: int, separator: str) -> tuple[str, ...]:
    file.seek(0)
    try:
        line = file.read(stop).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = f"{path}: the names of its columns are not UTF-8 text. Save the file in UTF-8."
        raise DataError(message) from error
    names = next(csv.reader([line], delimiter=separator), [])
    if not names:
        message = f"{path}: the file is empty."
        raise DataError(message)
    return tuple(name or "Unnamed: 0" for name in names)  # an index written by pandas


def _next_end(file: Any, path: Path, start: int, n_bytes: int, *, last: bool = False) -> int:
    """Return the byte after the end of the first row from `start` on, or of the last of n_bytes."""
    file.seek(start)
    content = b""
    while len(content) < MAX_ROW_BYTES:
        more = file.read(n_bytes)
        content += more
        end = next(_row_ends(content, last=last), None)
        if end is not None:
            return start + end
        if not more:
            return start + len(content)
    message = f"{path}: a quote that opens after byte {start:,} is never closed."
    raise DataError(message)


def _row_ends(content: bytes, *, last: bool) -> Iterator[int]:
    """Yield the positions after line breaks that follow an even number of quotes."""
    end = content.rfind(b"\n") if last else content.find(b"\n")
    while end >= 0:
        if content.count(b'"', 0, end) % 2 == 0:
            yield end + 1
        if last:  # continue before the quote that is open here
            end = content.rfind(b"\n", 0, max(0, content.rfind(b'"', 0, end)))
        else:
            end = content.find(b"\n", max(end, content.find(b'"', end)) + 1)
