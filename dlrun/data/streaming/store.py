"""Decoded cells on disk: images, sounds and series of a stream, decoded once for all epochs."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from dlrun.catalog.columns import COLUMN_KINDS
from dlrun.catalog.notes import DECODED_CELLS
from dlrun.contract.dataset import Column
from dlrun.system.cache import CACHE_VARIABLE, cache_folder, is_old
from dlrun.system.text import listed
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
    """The array cells of all rows in a file of records of one size, in the order of the blocks.

    Attributes:
        path: of the file, which another process may remove when it needs the room.
        columns: whose cells are arrays.
    """

    path: Path
    columns: tuple[Column, ...]

    @contextmanager
    def opened(self) -> Iterator[IO[bytes]]:
        """Open the file, which stays readable until it is closed.

        Raises:
            OSError: it has been removed.
        """
        with self.path.open("rb", buffering=0) as file:
            with suppress(OSError):
                os.utime(self.path)  # it is used
            yield file

    def read(self, file: IO[bytes], first: int, n_rows: int) -> Records:
        """Read the records of some rows; fewer where the file ends before.

        Args:
            file: as `opened`.
            first: the number of the first row in all blocks.
            n_rows: that follow each other.
        """
        # Read, not mapped: mapped pages would count as memory of the process.
        content = np.empty(n_rows * self.record.itemsize, np.uint8)
        file.seek(first * self.record.itemsize)
        n_bytes = 0
        while n_bytes < len(content):
            more = file.readinto(content[n_bytes:].data)  # type: ignore[attr-defined]
            if not more:
                break
            n_bytes += more
        whole = n_bytes // self.record.itemsize * self.record.itemsize
        return content[:whole].view(self.record)

    @property
    def record(self) -> np.dtype[Any]:
        """Return the layout of a row."""
        return record_of(self.columns)


def record_of(columns: Sequence[Column]) -> np.dtype[Any]:
    """Return the layout of a row in a store."""
    fields: list[Any] = []
    for number, column in enumerate(columns):
        dtype = COLUMN_KINDS[column.type].dtype
        fields += [(f"digest {number}", "<u8"), (f"length {number}", "<i8")]
        fields += [(f"values {number}", dtype, column.shape)]
    return np.dtype(fields, align=True)


def array_columns(columns: Sequence[Column]) -> tuple[Column, ...]:
    """Return the columns whose cells are arrays."""
    return tuple(column for column in columns if COLUMN_KINDS[column.type].is_array)


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


def to_cells(columns: Sequence[Column], records: Records) -> dict[str, NDArray[Any]]:
    """Return column → typed cells, (rows,) arrays that are views of the records."""
    typed = {}
    for number, column in enumerate(columns):
        cells = np.empty(len(records), dtype=object)
        pairs = zip(records[f"values {number}"], records[f"length {number}"].tolist(), strict=True)
        for row, (values, length) in enumerate(pairs):
            cells[row] = values[:length]
        typed[column.name] = cells
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

    def add(self, frame: pd.DataFrame, digests: NDArray[np.uint64]) -> None:
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

    def close(self) -> CellStore | None:
        """Return the store, once all rows are in it; None where it was given up."""
        if self._file is None:
            return None
        with self._gives_up():
            os.fsync(self._file.fileno())
            self._file.close()
            self._part.replace(self.store.path)
        return None if self.fault else self.store

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
def open_cells(files: Blocks, columns: Sequence[Column]) -> Iterator[CellStore | CellWriter | None]:
    """Yield the store of a stream where there is one, else what writes it; None without arrays.

    Another process that reads the same rows for the first time is waited for. A store is there
    when it is whole: an exception within leaves none.

    Args:
        files: of the stream.
        columns: of the stream.
    """
    arrays = array_columns(columns)
    if not arrays:
        yield None
        return
    store = CellStore(cache_folder(ROOM) / f"{_key(files, arrays)}{WHOLE}", arrays)
    with _locked(store.path):
        remove_leftovers(store.path.parent)
        if store.path.exists():
            yield store
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


def note_cells(cells: CellStore | CellWriter) -> Note:
    """Return a note on where decoded cells are, or why they are not kept."""
    store = cells.store if isinstance(cells, CellWriter) else cells
    what = listed([repr(column.name) for column in store.columns])
    fault = cells.fault if isinstance(cells, CellWriter) else ""
    if fault:
        text = (
            f"The cells of {what} are decoded anew in every epoch, since they cannot be kept in "
            f"{store.path.parent}: {fault}. Free some space, or choose another folder: "
            f"{CACHE_VARIABLE}"
        )
    else:
        size = store.path.stat().st_size / 2**30
        text = f"The cells of {what} are decoded once, and kept in {store.path} ({size:,.1f} GiB)."
    return DECODED_CELLS.note(text)
