"""A table on disk as a stream of its typed training rows."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from math import prod
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from dlrun.catalog.columns import COLUMN_KINDS
from dlrun.contract.dataset import Column, Dataset, Target
from dlrun.data.streaming.blocks import Block, Blocks
from dlrun.data.streaming.dealing import deal_blocks
from dlrun.data.streaming.partitions import BATCH_ROWS, BUFFER_BYTES, CHANGED
from dlrun.data.streaming.store import CellStore, StoredCells, decoded_columns, opened
from dlrun.data.targets import target_kind
from dlrun.data.targets.classification import encode_labels
from dlrun.data.types.cast import cast_columns
from dlrun.data.types.scalars import hide_texts
from dlrun.errors import DataError

N_OPEN: Final = 8  # blocks that are read in turn, which mixes their rows
MAX_BUFFER_BYTES: Final = 2**27  # of all open blocks
BATCH_BYTES: Final = 2**24  # of decoded images and sounds


class Batch(NamedTuple):
    """Rows of one block.

    Attributes:
        rows: (rows,) int64 numbers in the file.
        frame: typed columns.
        y: (rows,) a Categorical of labels, or float64 values.
        raw: the columns before they were typed.
        digests: (rows, arrays) of what the arrays of a store were decoded from; else None.
    """

    rows: NDArray[np.int64]
    frame: pd.DataFrame
    y: Any
    raw: pd.DataFrame
    digests: NDArray[np.uint64] | None = None

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def present(self) -> NDArray[np.bool_]:
        """Return whether each row has a target, (rows,)."""
        is_class = isinstance(self.y, pd.Categorical)
        present: NDArray[np.bool_] = self.y.codes >= 0 if is_class else ~np.isnan(self.y)
        return present


@dataclass(frozen=True)
class RowReader:
    """Reads blocks of rows as typed columns and y.

    Attributes:
        text: columns that are read as they are written.
        others: columns that are read in addition to the typed ones.
        where: prefix of error messages.
        missing: what stands for a missing target.
        folders: where relative paths of images, sounds and texts may start.
        store: of decoded arrays, in place of those that are decoded from the files.
    """

    files: Blocks
    columns: tuple[Column, ...]
    target: Target
    text: tuple[str, ...]
    others: tuple[str, ...]
    where: str
    missing: tuple[str, ...] = ()
    folders: tuple[Path, ...] = ()
    store: CellStore | None = None

    def read(
        self, block: Block, first: int, kept: NDArray[np.bool_] | None = None, in_all: int = 0
    ) -> Iterator[Batch]:
        """Read a block in batches, which are smaller where rows are large.

        Args:
            block: of the files.
            first: the number in the file of the block's first row.
            kept: (rows,) the rows to return; None: all, with all raw columns.
            in_all: the number in all files of the block's first row.

        Raises:
            DataError: the block cannot be read, or a value cannot be cast.
        """
        with opened(self.store) as cells:
            done = 0
            for table in self._tables(block, is_decoded=bool(cells) and kept is not None):
                start, done = done, done + len(table)
                rows, found = np.arange(first + start, first + done), table
                if kept is not None:
                    mask = kept[start:done]
                    self._check_length(block, len(mask) == len(table))
                    rows, found = rows[mask], table.filter(pa.array(mask))
                if len(found):
                    stored = cells.take(rows + (in_all - first)) if cells else None
                    yield self._typed(block, found, rows, stored)
        self._check_length(block, kept is None or done == len(kept))

    def _tables(self, block: Block, *, is_decoded: bool) -> Iterator[pa.Table]:
        """Read raw columns; pieces of large rows do not depend on whether there is a store."""
        stored = decoded_columns(self.columns) if is_decoded else ()
        columns = [each for each in self.columns if each not in stored]
        features = (name for each in columns for name in (each.parts or (each.name,)))
        wanted = (*features, self.target.name, *self.others)
        tables = self.files.read(block, list(dict.fromkeys(wanted)), self.text)
        try:
            yield from cut_tables(tables, self._batch_rows) if self._row_bytes else tables
        except DataError as error:
            message = f"{self.where}: {error}"
            raise DataError(message) from error

    @cached_property
    def _batch_rows(self) -> int:
        return min(BATCH_ROWS, max(1, BATCH_BYTES // max(1, self._row_bytes)))

    @property
    def _row_bytes(self) -> int:
        return sum(decoded_bytes(column) for column in self.columns)

    def _typed(
        self, block: Block, table: pa.Table, rows: NDArray[np.int64], stored: StoredCells | None
    ) -> Batch:
        raw: pd.DataFrame = table.to_pandas(date_as_object=False, ignore_metadata=True)
        raw.index = pd.Index(rows)
        values = hide_texts(raw[self.target.name], self.missing)
        cells = stored.cells if stored else {}
        others = [column for column in self.columns if column.name not in cells]
        try:
            frame = cast_columns(raw, others, self.folders)
            y = target_kind(self.target.task).parse(values)
        except DataError as error:
            message = f"{self.where}: {block.path.name}: {error}"
            raise DataError(message) from error
        if stored:
            frame = frame.assign(**cells)[[column.name for column in self.columns]]
        return Batch(rows, frame, y, raw, stored.digests if stored else None)

    def _check_length(self, block: Block, is_same: bool) -> None:
        if not is_same:
            message = f"{self.where}: {block.path}: {CHANGED}"
            raise DataError(message)


@dataclass(frozen=True)
class StreamedTable:
    """The training rows of a table on disk (see `dlrun.contract.dataset.Stream`).

    Attributes:
        like: a dataset without rows; chunks differ from it in their rows alone.
        first_rows: (blocks, 2) int64 numbers of each block's first row, in its file and in all.
        n_rows: (blocks,) int64 rows of each block.
        kept: for each block a bit per row that says whether it is a training row.
        present: for each block a bit per row that says whether it is in any part.
    """

    reader: RowReader
    like: Dataset
    first_rows: NDArray[np.int64]
    n_rows: NDArray[np.int64]
    kept: tuple[NDArray[np.uint8], ...]
    present: tuple[NDArray[np.uint8], ...]
    sizes: tuple[int, int, int]
    classes: tuple[int, ...]
    digest: str

    def whole(self) -> StreamedTable:
        """Return the stream of the rows of all three parts, as training rows."""
        classes = tuple(range(len(self.like.target.labels)))
        return replace(self, kept=self.present, sizes=(sum(self.sizes), 0, 0), classes=classes)

    def deal(self, n_parts: int, *key: int) -> tuple[int, ...]:
        """Count the training rows of each part, as `chunks` deals them."""
        return tuple(int(self._n_kept[blocks].sum()) for blocks in self._deal(n_parts, *key))

    def _deal(self, n_parts: int, *key: int) -> Sequence[NDArray[np.int64]]:
        order = np.random.default_rng(key).permutation(len(self.kept))
        order = order[self._n_kept[order] > 0]  # later blocks of a split by time have none
        return deal_blocks(order, self._n_kept, n_parts) if n_parts > 1 else [order]

    @cached_property
    def _n_kept(self) -> NDArray[np.int64]:
        return np.array([np.unpackbits(bits).sum(dtype=np.int64) for bits in self.kept])

    def chunks(self, *key: int, part: int = 0, n_parts: int = 1) -> Iterator[Dataset]:
        """Yield all training rows once, in the order of the key, or those of one of several parts.

        Blocks are opened in random order and eight are read in turn, which mixes rows from distant
        parts of the files; within a block the order is that of the file.

        Raises:
            DataError: a file cannot be read any more, or has changed.
        """
        blocks = iter(self._deal(n_parts, *key)[part].tolist())
        opened = deque(map(self._read, islice(blocks, self._n_open)))
        while opened:
            block = opened.popleft()
            chunk = next(block, None)
            if chunk is not None:
                yield chunk
                opened.append(block)
            else:
                opened.extend(map(self._read, islice(blocks, 1)))

    @property
    def _n_open(self) -> int:
        per_block = BUFFER_BYTES * len(self.reader.columns)
        return max(1, min(N_OPEN, MAX_BUFFER_BYTES // per_block))

    def _read(self, number: int) -> Iterator[Dataset]:
        block = self.reader.files.blocks[number]
        in_file, in_all = self.first_rows[number]
        kept = np.unpackbits(self.kept[number], count=self.n_rows[number]).astype(bool)

        def typed(batch: Batch) -> Dataset:
            return replace(
                self.like,
                frame=batch.frame,
                y=encode_y(batch.y, self.like.target.labels),
                row_ids=batch.rows + (in_all - in_file),
            )

        return map(typed, self.reader.read(block, int(in_file), kept, int(in_all)))  # keeps none


def cut_tables(tables: Iterable[pa.Table], n_rows: int) -> Iterator[pa.Table]:
    """Yield the rows of consecutive tables in tables of `n_rows`; the last one may be smaller."""
    left = None
    for table in tables:
        left = pa.concat_tables([left, table]).unify_dictionaries() if left else table
        while len(left) >= n_rows:
            yield left.slice(0, n_rows)
            left = left.slice(n_rows)
    if left:
        yield left


def decoded_bytes(column: Column) -> int:
    """Return the most bytes of a decoded image, sound or series; 0 for other kinds."""
    dtype = COLUMN_KINDS[column.type].dtype
    return prod(column.shape) * np.dtype(dtype).itemsize if dtype else 0


def encode_y(y: Any, labels: Sequence[str]) -> NDArray[Any]:
    """Return the codes of a Categorical of labels, (rows,); numbers are kept."""
    return encode_labels(y, labels) if isinstance(y, pd.Categorical) else y
