"""Decoded cells on disk: images and sounds of a stream, decoded once for all epochs."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, ClassVar, Final, NamedTuple

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from dlrun.catalog.columns import COLUMN_KINDS
from dlrun.catalog.notes import DECODED_CELLS
from dlrun.contract.dataset import Column
from dlrun.data.types.decode import as_cells
from dlrun.errors import DataError
from dlrun.system.cache import CACHE_VARIABLE, cache_folder, is_old
from dlrun.system.text import quoted
from dlrun.system.version import __version__

if TYPE_CHECKING:
    import pandas as pd

    from dlrun.contract.note import Note
    from dlrun.data.streaming.blocks import Blocks

ROOM: Final = "cells"  # of the cache
KEY_LENGTH: Final = 32
WHOLE, PART, LOCK = ".cells", ".part", ".lock"
DISK_SHARE: Final = 0.5  # of what is free without the stores, for all stores together
Records = NDArray[Any]
"""(rows,) structured: of each array column its digest, its length, and its values."""


@dataclass(frozen=True)
class CellStore:
    """The arrays of all rows in a file of records of one size, in the order of the blocks.

    Attributes:
        path: of the file, which another process may remove when it needs the room.
        columns: whose cells are arrays.
    """

    path: Path
    columns: tuple[Column, ...]

    @property
    def record(self) -> np.dtype[Any]:
        """Return the layout of a row."""
        return record_of(self.columns)


class StoredCells(NamedTuple):
    """Cells of some rows.

    Attributes:
        cells: column → (rows,) arrays.
        digests: (rows, columns) of the raw cells.
    """

    cells: dict[str, NDArray[Any]]
    digests: NDArray[np.uint64]


@dataclass(frozen=True)
class OpenStore:
    """A store whose file stays readable, also where another process removes it."""

    store: CellStore
    file: IO[bytes]

    def take(self, rows: NDArray[np.int64]) -> StoredCells:
        """Read the cells of some rows.

        Args:
            rows: (rows,) their numbers in all blocks, increasing and close to each other.

        Raises:
            DataError: the file ends before.
        """
        columns, first = self.store.columns, int(rows[0])
        records = self._read(first, int(rows[-1]) + 1 - first)
        return StoredCells(
            to_cells(columns, records, rows - first), digests_of(columns, records)[rows - first]
        )

    def _read(self, first: int, n_rows: int) -> Records:
        # Read, not mapped: mapped pages would count as memory of the process.
        record = self.store.record
        content = np.empty(n_rows * record.itemsize, np.uint8)
        self.file.seek(first * record.itemsize)
        left = content.data
        while left:
            n_bytes = self.file.readinto(left)  # type: ignore[attr-defined]
            if not n_bytes:
                message = f"{self.store.path} has been changed. Start again"
                raise DataError(message)
            left = left[n_bytes:]
        return content.view(record)


@contextmanager
def opened(store: CellStore | None) -> Iterator[OpenStore | None]:
    """Yield a store to read from; None where there is none any more."""
    try:
        file = store.path.open("rb", buffering=0) if store else None
    except OSError:  # another process needed the room
        file = None
    if not store or not file:
        yield None
        return
    with file:
        with suppress(OSError):
            os.utime(store.path)  # it is used
        yield OpenStore(store, file)


def record_of(columns: Sequence[Column]) -> np.dtype[Any]:
    """Return the layout of a row in a store."""
    fields: list[Any] = []
    for number, column in enumerate(columns):
        dtype = COLUMN_KINDS[column.type].dtype
        fields += [(f"digest {number}", "<u8"), (f"length {number}", "<i8")]
        fields += [(f"values {number}", dtype, column.shape)]
    return np.dtype(fields, align=True)


def decoded_columns(columns: Sequence[Column]) -> tuple[Column, ...]:
    """Return the columns whose cells are decoded from files: images and sounds."""
    kinds = ((column, COLUMN_KINDS[column.type]) for column in columns)
    return tuple(column for column, kind in kinds if kind.is_array and kind.suffixes)


def to_records(columns: Sequence[Column], frame: pd.DataFrame, digests: Any) -> Records:
    """Lay out typed cells as records.

    Args:
        columns: whose cells are arrays.
        frame: has these columns.
        digests: (rows, columns) uint64 of the raw cells.
    """
    records = np.zeros(len(frame), record_of(columns))
    for number, column in enumerate(columns):
        records[f"digest {number}"] = digests[:, number]
        lengths, values = records[f"length {number}"], records[f"values {number}"]
        for row, cell in enumerate(frame[column.name]):
            lengths[row], values[row, : len(cell)] = len(cell), cell
    return records


def digests_of(columns: Sequence[Column], records: Records) -> NDArray[np.uint64]:
    """Return the digests of the raw cells, (rows, columns)."""
    each = [records[f"digest {number}"] for number in range(len(columns))]
    return np.stack(each, axis=1).astype(np.uint64)


def to_cells(
    columns: Sequence[Column], records: Records, rows: NDArray[np.int64]
) -> dict[str, NDArray[Any]]:
    """Return column → the cells of some rows, (rows,) arrays that are views of the records."""
    typed = {}
    for number, column in enumerate(columns):
        values, lengths = records[f"values {number}"], records[f"length {number}"].tolist()
        typed[column.name] = as_cells((values[row][: lengths[row]] for row in rows), len(rows))
    return typed


# ------------------------------------------------------------------------------------ writing


@dataclass
class CellWriter:
    """Writes the store of a stream while its rows are read for the first time.

    What does not fit on the disk is given up: nothing of it is left.

    Attributes:
        store: that there will be.
        fault: why there is none.
    """

    store: CellStore
    fault: str = ""
    _file: IO[bytes] | None = None
    _n_bytes: int = 0

    def __post_init__(self) -> None:
        with self._gives_up():
            descriptor = os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            self._file = os.fdopen(descriptor, "wb", buffering=0)

    def add(self, frame: pd.DataFrame, digests: NDArray[np.uint64], _found: Any = None) -> None:
        """Append rows (see `to_records`)."""
        if self._file is None:
            return
        records = to_records(self.store.columns, frame, digests)
        with self._gives_up():
            make_room(self.store.path, self._n_bytes, records.nbytes)
            self._n_bytes += records.nbytes
            left = records.view(np.uint8).data
            while left:
                left = left[self._file.write(left) :]

    def close(self) -> None:
        """Give the file its name, once all rows are in it."""
        if self._file is None:
            return
        with self._gives_up():
            os.fsync(self._file.fileno())
            self._file.close()
            self._part.replace(self.store.path)

    def give_up(self, fault: str) -> None:
        """Remove what was written."""
        self.fault = fault
        if self._file is not None:
            with suppress(OSError):
                self._file.close()
            self._file = None
        with suppress(OSError):
            self._part.unlink(missing_ok=True)

    @property
    def _part(self) -> Path:
        return self.store.path.with_suffix(PART)

    @contextmanager
    def _gives_up(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            self.give_up(str(error.strerror or error))


class StaleCellsError(Exception):
    """The files have changed since their arrays were decoded into a store."""


@dataclass(frozen=True)
class CellCheck:
    """Compares a store with the rows that it was decoded from."""

    store: CellStore
    fault: ClassVar[str] = ""

    def add(self, _frame: Any, digests: NDArray[np.uint64], found: Any = None) -> None:
        """Compare the digests of raw cells with those that were found in the store.

        Raises:
            StaleCellsError: they differ.
        """
        if found is not None and not np.array_equal(digests, found):
            raise StaleCellsError


def make_room(path: Path, n_bytes: int, n_more: int) -> None:
    """Remove the stores that were used longest ago until there is room for more bytes.

    Args:
        path: of the store that is written.
        n_bytes: of it that are on the disk.
        n_more: that come next.

    Raises:
        OSError: it would take more than its share of the disk even alone.
    """
    others = {other: other.stat() for other in path.parent.glob(f"*{WHOLE}")}
    taken = n_bytes + sum(stat.st_size for stat in others.values())
    most = DISK_SHARE * (shutil.disk_usage(path.parent).free + taken)
    for other in sorted(others, key=lambda each: others[each].st_mtime):
        if taken + n_more > most:
            other.unlink(missing_ok=True)
            taken -= others[other].st_size
    if taken + n_more > most:
        message = f"they would take more than {DISK_SHARE:.0%} of the free disk"
        raise OSError(message)


# ------------------------------------------------------------------------------------ opening


@contextmanager
def open_cells(files: Blocks, columns: Sequence[Column]) -> Iterator[CellWriter | CellCheck | None]:
    """Yield what writes the store of a stream, or checks it where there is one; None: no arrays.

    Another process that reads the same rows for the first time is waited for. A store is there
    when it is whole: an exception within leaves none.

    Args:
        files: of the stream.
        columns: of the stream.
    """
    arrays = decoded_columns(columns)
    if not arrays:
        yield None
        return
    store = CellStore(cache_folder(ROOM) / f"{_key(files, arrays)}{WHOLE}", arrays)
    with _locked(store.path):
        remove_leftovers(store.path.parent)
        if store.path.exists():
            try:
                yield CellCheck(store)
            except StaleCellsError:
                store.path.unlink()
                raise
            return
        writer = CellWriter(store)
        try:
            yield writer
        except BaseException:
            writer.give_up("the rows were not read to their end")
            raise
        writer.close()


def _key(files: Blocks, columns: Sequence[Column]) -> str:
    """Return what differs where the cells of other rows, or other cells of the rows, are wanted.

    That files have changed is seen by the digests of their cells.
    """
    blocks = [(str(block.path.absolute()), block.first, block.stop) for block in files.blocks]
    wanted = [(each.name, each.type, each.shape, each.rate, each.missing) for each in columns]
    content = json.dumps([__version__, blocks, wanted])
    return hashlib.sha256(content.encode()).hexdigest()[:KEY_LENGTH]


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Let no other process write a store within; without a lock where the folder has none."""
    lock = FileLock(path.with_suffix(LOCK))
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def remove_leftovers(folder: Path) -> None:
    """Remove stores that nobody has used for long, and what killed processes have begun."""
    for path in (*folder.glob(f"*{WHOLE}"), *folder.glob(f"*{LOCK}")):
        if is_old(path):
            path.unlink(missing_ok=True)
    for part in folder.glob(f"*{PART}"):
        with suppress(OSError, Timeout), FileLock(part.with_suffix(LOCK), timeout=0):
            part.unlink(missing_ok=True)


def note_cells(cells: CellWriter | CellCheck) -> Note:
    """Return a note on where decoded cells are, or why they are not kept."""
    store, fault = cells.store, cells.fault
    what = quoted(column.name for column in store.columns)
    if fault:
        text = (
            f"The cells of {what} are decoded anew in every epoch, since they cannot be kept in "
            f"{store.path.parent}: {fault}. Free some space, or choose another folder: "
            f"{CACHE_VARIABLE}"
        )
    else:
        size = store.path.stat().st_size / 2**20
        text = f"The cells of {what} are decoded once, and kept in {store.path} ({size:,.1f} MiB)."
    return DECODED_CELLS.note(text)
