"""Raw cells of images, sounds, texts and series: located, decoded in parallel, stored."""

from __future__ import annotations

import mmap
import os
import re
import shutil
import tempfile
import zipfile
from base64 import b64decode, b64encode
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import blake2b
from io import BytesIO
from math import prod
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
import pandas as pd
import psutil
from numpy.typing import NDArray

from dlrun.contract.dataset import Column
from dlrun.errors import DataError

Folders = Sequence[Path]
"""Where relative paths may start; the first folder with the file counts."""
Decoded = TypeVar("Decoded")

MAX_BATCH: Final = 32  # cells of a task for a thread
N_TASKS: Final = 64  # at least, where there are as many cells
# Arrays of such sizes, as a stream makes many, would leave holes in the heap: glibc takes larger
# ones from the system by itself.
MIN_MAPPED: Final = 2**20  # bytes
MAX_MAPPED: Final = 2**25
MEMORY_SHARE: Final = 0.5  # largest share of the free memory for decoded cells
CGROUP_MEMORY: Final = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory.current"),
)
# Base64 has no dot, a path to a file of a known kind has one.
BASE64: Final = re.compile(r"[A-Za-z0-9+/\s]{40,}={0,2}\s*")
MAX_SHOWN: Final = 60  # characters of a cell in a message


class CellError(Exception):
    """A cell cannot be used; the message follows the word "which"."""


def is_present(values: pd.Series[Any]) -> NDArray[np.bool_]:
    """Return whether each raw cell is not None, NaN, empty bytes, "" or [], (rows,)."""
    filled = [not _is_empty(cell) for cell in values]
    return np.array(filled, dtype=bool) & values.notna().to_numpy()


def _is_empty(cell: Any) -> bool:
    if isinstance(cell, dict):
        return not (cell.get("bytes") or cell.get("path"))
    return hasattr(cell, "__len__") and len(cell) == 0


def as_cells(values: Iterable[Any], n_rows: int) -> NDArray[Any]:
    """Return values, such as arrays of any shapes, as an object array, (rows,)."""
    cells = np.empty(n_rows, dtype=object)
    for row, value in enumerate(values):  # np.array would stack arrays of one shape
        cells[row] = value
    return cells


def as_data(kind: str, content: bytes) -> str:
    """Return a MIME type and a content as in a data URI after "data:"."""
    return f"{kind};base64,{b64encode(content).decode()}"


def as_file(content: bytes, name: str) -> dict[str, Any] | None:
    """Return a cell of a packed file as `locate` takes it, with its name for messages.

    Returns:
        None for an empty file, whose name would be taken for a path.
    """
    shown = name.encode("utf-8", "replace").decode()  # names in archives may be of any encoding
    return {"bytes": content, "path": shown} if content else None


def to_array(cell: Any) -> NDArray[Any]:
    """Return nested lists, as in JSON and Parquet, as one array.

    Raises:
        CellError: lengths differ, or an item is no number.
    """
    array = cell if isinstance(cell, np.ndarray) else np.array(cell, dtype=object)
    if array.dtype != object:
        return array
    if array.size == 0:
        return array.astype(np.float64)
    if not all(isinstance(inner, np.ndarray | list | tuple) for inner in array.flat):
        return _numbers(array)
    inner = [to_array(part) for part in array]
    lengths = sorted({len(part) for part in inner})
    if len(lengths) > 1:
        message = f"has lists of different lengths, such as {lengths[0]} and {lengths[-1]}"
        raise CellError(message)
    return np.stack(inner)


def _numbers(array: NDArray[Any]) -> NDArray[Any]:
    try:
        plain = np.array(array.tolist())
        return array.astype(np.float64) if plain.dtype.kind not in "biuf" else plain
    except (TypeError, ValueError) as error:
        message = "holds a list of something other than numbers"
        raise CellError(message) from error


# ---------------------------------------------------------------------------- encoded files


def locate(cell: Any, folders: Folders) -> str | BytesIO:
    """Return the path of an encoded file, or its bytes.

    Args:
        cell: a path, the bytes of a file, its base64 or a data: URI, or a mapping with the key
            `bytes` or `path`, as Hugging Face writes to Parquet.
        folders: where a relative path may start.

    Raises:
        FileNotFoundError: no file has this path.
        CellError: the cell is none of these, or its base64 is damaged.
    """
    if isinstance(cell, dict):
        cell = cell.get("bytes") or cell.get("path")
    if isinstance(cell, bytes | bytearray | memoryview):
        return BytesIO(cell)
    if isinstance(cell, zipfile.Path):
        return BytesIO(cell.read_bytes())
    if not isinstance(cell, str | os.PathLike):
        message = "is neither a path nor the bytes of a file nor base64"
        raise CellError(message)
    text = os.fspath(cell)
    if text.startswith("data:"):
        return BytesIO(_from_base64(text.partition(",")[2]))
    for folder in folders:
        path = os.path.join(folder, os.path.expanduser(text))
        if os.path.isfile(path):
            return path
    if BASE64.fullmatch(text):
        return BytesIO(_from_base64(text))
    raise FileNotFoundError(text)


def _from_base64(text: str) -> bytes:
    try:
        return b64decode("".join(text.split()), validate=True)
    except ValueError as error:
        message = f"is damaged base64: {error}"
        raise CellError(message) from error


def hash_encoded(values: pd.Series[Any], column: Column, folders: Folders) -> NDArray[np.uint64]:
    """Return a hash of the content of each cell, (rows,), 0 where one is missing.

    It is that of the bytes of the file, wherever they stand, or of the numbers of an array; the
    same in every process.

    Raises:
        DataError: a file is missing.
    """
    hashes = np.zeros(len(values), np.uint64)

    def add(row: int, cell: Any) -> None:
        content = blake2b(_content(cell, folders), digest_size=hashes.itemsize)
        hashes[row] = int.from_bytes(content.digest(), "little")

    for_each(values, column, folders, add)
    return hashes


def _content(cell: Any, folders: Folders) -> bytes:
    if isinstance(cell, np.ndarray | list | tuple):
        array = to_array(cell)
        return f"{array.dtype.str} {array.shape} ".encode() + array.tobytes()
    source = locate(cell, folders)
    return source.getvalue() if isinstance(source, BytesIO) else Path(source).read_bytes()


@dataclass(frozen=True)
class _Failure:
    error: Exception


def for_each(
    values: pd.Series[Any], column: Column, folders: Folders, decode: Callable[[int, Any], Decoded]
) -> list[Decoded]:
    """Decode every present cell, in parallel threads.

    Args:
        values: raw cells; the index counts the rows of the source.
        column: for messages.
        folders: where paths start, for messages.
        decode: takes the row's position and the cell; raises a CellError, a FileNotFoundError, or
            any error of a decoder.

    Returns:
        What `decode` returned, without missing cells, in the order of the rows.

    Raises:
        DataError: some cells cannot be decoded; names the first row and their number.
    """
    cells = values.to_numpy(dtype=object)
    rows = np.flatnonzero(is_present(values)).tolist()

    def attempt(batch: list[int]) -> list[Decoded | _Failure]:
        return [_try(decode, row, cells[row]) for row in batch]

    size = min(MAX_BATCH, max(1, len(rows) // N_TASKS))
    batches = [rows[start : start + size] for start in range(0, len(rows), size)]
    with ThreadPoolExecutor() as pool:
        results = [result for batch in pool.map(attempt, batches) for result in batch]
    failed = [
        (row, each.error)
        for row, each in zip(rows, results, strict=True)
        if isinstance(each, _Failure)
    ]
    if failed:
        row, error = failed[0]
        others = f" ({len(failed)} such rows in all)" if len(failed) > 1 else ""
        message = (
            f"column {column.name!r} is of type {column.type}, but row {values.index[row] + 1} "
            f"holds {_show(cells[row])}, which {_reason(error, folders)}{others}. Replace it "
            "or leave it out."
        )
        raise DataError(message) from error
    return [result for result in results if not isinstance(result, _Failure)]


def _try(decode: Callable[[int, Any], Decoded], row: int, cell: Any) -> Decoded | _Failure:
    try:
        return decode(row, cell)
    except Exception as error:  # decoders raise errors of many types for a damaged file
        return _Failure(error)


def _reason(error: Exception, folders: Folders) -> str:
    if isinstance(error, FileNotFoundError):
        searched = " nor ".join(str(folder.absolute()) for folder in dict.fromkeys(folders))
        return f"does not exist in {searched}"
    if isinstance(error, CellError):
        return str(error)
    return f"cannot be decoded: {str(error).rstrip('.') or type(error).__name__}"


def _show(cell: Any) -> str:
    if isinstance(cell, dict):
        cell = cell.get("path") or cell.get("bytes")
    if isinstance(cell, bytes | bytearray | memoryview):
        return f"{len(cell):,} bytes"
    cell = cell.at if isinstance(cell, zipfile.Path) else cell
    text = repr(os.fspath(cell) if isinstance(cell, os.PathLike) else cell)
    text = " ".join(text.split())
    return text if len(text) <= MAX_SHOWN else f"{text[:MAX_SHOWN]}…"


# ------------------------------------------------------------------------------ memory


def allocate(shape: tuple[int, ...], dtype: Any, column: Column) -> NDArray[Any]:
    """Allocate an array for all decoded cells: in memory, or in a memory-mapped file.

    The file is in the folder for temporary files (TMPDIR) and disappears with the process; it has
    no name where the system allows that.

    Raises:
        DataError: neither the memory nor the disk has enough space.
    """
    n_bytes = prod(shape) * np.dtype(dtype).itemsize  # of any size, where int64 would overflow
    if MIN_MAPPED <= n_bytes <= MAX_MAPPED:
        return np.frombuffer(mmap.mmap(-1, n_bytes), dtype).reshape(shape)
    if n_bytes <= MEMORY_SHARE * free_memory():
        return np.empty(shape, dtype)
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    if n_bytes > free:
        message = (
            f"column {column.name!r}: {n_bytes / 2**30:,.1f} GiB are needed for what is decoded, "
            f"more than there are in memory, and {free / 2**30:,.1f} GiB are free in {folder}. Set "
            f"TMPDIR to a folder with more room, data.max_rows, or preprocessing.{column.type} "
            "to smaller sizes."
        )
        raise DataError(message)
    with tempfile.TemporaryFile(prefix="dlrun-") as file:
        file.truncate(n_bytes)
        mapped = mmap.mmap(file.fileno(), n_bytes)  # keeps the file open
    # Not np.memmap: joblib's workers would open it by its name.
    return np.frombuffer(mapped, dtype).reshape(shape)


def free_memory() -> int:
    """Return the free memory of this machine and of its container, in bytes."""
    free = int(psutil.virtual_memory().available)
    try:
        limit, used = (path.read_text(encoding="ascii").strip() for path in CGROUP_MEMORY)
    except OSError:  # not Linux, or no control group
        return free
    return free if limit == "max" else min(free, int(limit) - int(used))
