"""Table files in blocks: row groups of Parquet and ranges of CSV, read in any order."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any, ClassVar, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet

from dlrun.contract.dataset import AUTO, TextFormat
from dlrun.contract.note import Note
from dlrun.data.sources.hugging_face import name_classes, only_class_column
from dlrun.data.sources.paths import find_matches, repository_files, subsets_of
from dlrun.data.sources.schemas import check_same_types
from dlrun.data.sources.tables import check_same_columns, check_unique, name_of
from dlrun.data.sources.text_format import HEAD_BYTES, find_format
from dlrun.data.sources.text_tables import missing_texts
from dlrun.data.streaming.blocks import SUBSET, Block
from dlrun.errors import DataError

TEXTS: Final = (".csv", ".tsv")
SUFFIXES: Final = (*TEXTS, ".parquet")
BLOCK_BYTES: Final = 2**23  # of a text file
MAX_ROW_BYTES: Final = 2**26  # a longer row is a quote that is never closed
BATCH_ROWS: Final = 2**15
BATCH_BYTES: Final = 2**23  # of a row group, as its columns are stored
CHANGED: Final = "the file changed while it was learned from. Start again"
BUFFER_BYTES: Final = 2**18  # of each column that is read of a Parquet file


@dataclass(frozen=True)
class TableFiles:
    """The files of one table (see `Blocks`).

    Attributes:
        name: a short name of the data.
        n_rows: exact for Parquet, estimated for text files.
        names: of all columns.
        format: of text files; None for Parquet.
        subsets: of each file, where all are named after these.
    """

    name: str
    paths: tuple[Path, ...]
    blocks: tuple[Block, ...]
    n_rows: int
    names: tuple[str, ...]
    format: TextFormat | None
    subsets: tuple[str, ...] | None = None
    target: str | None = None

    kinds: ClassVar[Mapping[str, str]] = {}

    @property
    def split_column(self) -> str | None:
        """Return the column of the subsets, where the files are named after these."""
        return SUBSET if self.subsets else None

    @property
    def folders(self) -> tuple[Path, ...]:
        """Return the folder of the files, where relative paths in cells start."""
        return (self.paths[0].parent,)

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
        try:
            if self.format:
                yield from self._read_text(self.format, block, columns, text)
                return
            stored = [name for name in columns if name != SUBSET] or [self.names[0]]
            for table in _read_row_group(block, stored, text):
                yield self._with_subset(block, table).select(list(columns))
        except (OSError, ValueError, pa.ArrowException) as error:
            message = f"{block.path}: cannot be read: {error}"
            raise DataError(message) from error

    def _with_subset(self, block: Block, table: pa.Table) -> pa.Table:
        if self.subsets is None:
            return table
        subset = self.subsets[self.paths.index(block.path)]
        subsets = pa.array([subset] * len(table)).dictionary_encode()
        return table.append_column(SUBSET, subsets)

    def _read_text(
        self, form: TextFormat, block: Block, columns: Sequence[str], text: Collection[str]
    ) -> Iterator[pa.Table]:
        with block.path.open("rb") as file:
            file.seek(block.first)
            content = file.read(block.stop - block.first)
        words = pa.dictionary(pa.int32(), pa.string())
        table = pa.csv.read_csv(
            BytesIO(content),
            pa.csv.ReadOptions(
                column_names=self.names,
                use_threads=False,
                block_size=2 * len(content) + 1,  # UTF-8 may be longer than another encoding
                encoding=form.encoding,
            ),
            pa.csv.ParseOptions(delimiter=form.separator, newlines_in_values=True),
            pa.csv.ConvertOptions(
                null_values=missing_texts(form),
                strings_can_be_null=True,
                include_columns=list(columns),
                column_types=dict.fromkeys(text, words),
                decimal_point=form.decimal,
            ),
        )
        if any(pa.types.is_binary(field.type) for field in table.schema):
            message = f"it is not {form.encoding} text. Set data.encoding"
            raise UnicodeError(message)
        table = _stripped(table, missing_texts(form)) if form.is_padded else table
        for batch in table.to_batches(BATCH_ROWS):
            yield pa.Table.from_batches([batch])


def _stripped(table: pa.Table, missing: Sequence[str]) -> pa.Table:
    """Return a table without the blanks around its texts, of which some are missing values."""
    for place, field in enumerate(table.schema):
        is_dictionary = pa.types.is_dictionary(field.type)
        if is_dictionary or pa.types.is_string(field.type):
            texts = pc.utf8_trim_whitespace(table.column(place).cast(pa.string()))
            texts = pc.if_else(pc.is_in(texts, pa.array(missing)), None, texts)
            texts = texts.dictionary_encode() if is_dictionary else texts
            table = table.set_column(place, field.name, texts)
    return table


def find_paths(source: str, folder: Path) -> tuple[Path, ...]:
    """Return the files of a source: one file, a glob, or a folder of table files of one kind.

    Returns:
        Nothing for any other source, such as a folder of images or a named data set.
    """
    path = folder / Path(source).expanduser()
    if path.is_dir():
        paths = list(repository_files(path, (".parquet",)))
        paths = paths or sorted(file for file in path.iterdir() if not _is_metadata(file))
    elif path.is_file():
        paths = [path]
    else:
        paths = find_matches(path)
    suffixes = {path.suffix.lower() if path.is_file() else "" for path in paths}
    return tuple(paths) if len(suffixes) == 1 and suffixes <= {*SUFFIXES} else ()


def find_tables(folder: Path) -> tuple[Path, ...]:
    """Return the files of a folder of table files of one kind; nothing for any other folder."""
    return find_paths(str(folder), Path()) if folder.is_dir() else ()


def estimate_bytes(paths: Sequence[Path]) -> int:
    """Estimate the memory of all rows: twice the bytes of a text file, or Parquet unpacked."""
    if paths[0].suffix.lower() in TEXTS:
        return 2 * sum(path.stat().st_size for path in paths)
    metadata = [_opened(path).metadata for path in paths]
    return sum(
        one.row_group(number).total_byte_size
        for one in metadata
        for number in range(one.num_row_groups)
    )


def text_format(path: Path, wanted: TextFormat = AUTO) -> tuple[TextFormat | None, list[Note]]:
    """Find the format of the first file of a table; None for Parquet.

    Raises:
        DataError: the file is not in the format that is set.
    """
    suffix = path.suffix.lower()
    if suffix not in TEXTS:
        return None, []
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    try:
        return find_format(head, suffix, wanted)
    except ValueError as error:
        message = f"{path}: cannot be read as {suffix}: {error}"
        raise DataError(message) from error


def cut_files(source: str, paths: Sequence[Path], form: TextFormat | None) -> TableFiles:
    """Cut files into blocks.

    Args:
        source: for messages.
        paths: of the files.
        form: of text files, all in the format of the first; None for Parquet.

    Raises:
        DataError: a file cannot be read, has no rows, or has other columns than the first.
    """
    found = [_cut_text(path, form) if form else _cut_parquet(path) for path in paths]
    first, names = paths[0], found[0][0]
    for path, (others, *_) in zip(paths, found, strict=True):
        check_same_columns(path, others, first, names)
        if form and others != names:
            message = f"{path.name} must have its columns as {first.name} has, in the same order."
            raise DataError(message)
    check_same_types({path: cut[-1] for path, cut in zip(paths, found, strict=True)})
    blocks = tuple(block for _, blocks, *_ in found for block in blocks)
    if not blocks:
        message = f"{source}: the table has no rows."
        raise DataError(message)
    n_rows = sum(n for _, _, n, _ in found)
    subsets = None if form else subsets_of(paths)
    names = (*names, SUBSET) if subsets else names
    target = only_class_column(found[0][-1])
    name = name_of(source, first)
    return TableFiles(name, tuple(paths), blocks, n_rows, names, form, subsets, target)


def _is_metadata(path: Path) -> bool:
    """Return whether a file is metadata, such as Spark's _SUCCESS."""
    return path.name.startswith((".", "_"))


# ---------------------------------------------------------------------------------- Parquet

Cut = tuple[tuple[str, ...], list[Block], int, pa.Schema | None]
"""A file's columns, its blocks, its rows, perhaps estimated, and the schema of Parquet."""


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
        n_rows, schema = file.metadata.num_rows, file.schema_arrow
    check_unique(names, str(path))
    return names, [Block(path, number) for number in groups], n_rows, schema


def _read_row_group(
    block: Block, columns: Sequence[str], text: Collection[str]
) -> Iterator[pa.Table]:
    with _opened(block.path, [name for name in columns if name in text]) as file:
        if block.first >= file.num_row_groups:
            message = f"{block.path}: {CHANGED}"
            raise DataError(message)
        batches = file.iter_batches(
            _batch_rows(file.metadata.row_group(block.first)),
            row_groups=[block.first],
            columns=list(columns),
            use_threads=False,
        )
        for batch in batches:
            yield name_classes(pa.Table.from_batches([batch]))


def _batch_rows(group: Any) -> int:
    """Return the rows of a batch, fewer than usual where they are large."""
    # Its columns are not asked: on those of a damaged file Arrow ends the process.
    fitting: int = BATCH_BYTES * group.num_rows // max(1, group.total_byte_size)
    return min(BATCH_ROWS, max(1, fitting))


# --------------------------------------------------------------------------------- text files


def _cut_text(path: Path, form: TextFormat) -> Cut:
    """Cut a text file between rows; a line break in quotes is no end of a row."""
    blocks = []
    with path.open("rb") as file:
        size = path.stat().st_size
        start = _next_end(file, path, 0, 2**16) if form.header == "first" else 0
        names = form.names or _names(path, file, start, form)
        while start < size:
            stop = _next_end(file, path, start, BLOCK_BYTES, last=True)
            blocks.append(Block(path, start, stop))
            start = stop
        n_rows = _estimate_rows(file, blocks) if blocks else 0
    check_unique(names, str(path))
    return names, blocks, n_rows, None


def _estimate_rows(file: Any, blocks: Sequence[Block]) -> int:
    """Estimate the rows by the line ends of the first block."""
    start, stop = blocks[0].first, blocks[0].stop
    file.seek(start)
    n_lines: int = file.read(stop - start).count(b"\n") + 1
    return n_lines * (blocks[-1].stop - start) // (stop - start)


def _names(path: Path, file: Any, stop: int, form: TextFormat) -> tuple[str, ...]:
    file.seek(0)
    try:
        line = file.read(stop).decode(form.encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        message = (
            f"{path}: the names of its columns are not {form.encoding} text. Set data.encoding"
        )
        raise DataError(message) from error
    names = next(csv.reader([line], delimiter=form.separator), [])
    if not names:
        message = f"{path}: the file is empty."
        raise DataError(message)
    names = [name.strip() for name in names] if form.is_padded else names
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
