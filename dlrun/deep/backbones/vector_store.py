"""The vectors of a backbone in the user's cache: written in chunks, read by all studies."""

from __future__ import annotations

import hashlib
import io
import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from filelock import FileLock
from numpy.typing import NDArray

from dlrun.system.cache import CACHE_VARIABLE, cache_folder, is_old
from dlrun.system.cost import Duration, startup
from dlrun.system.files import DamagedFileError, read_sealed, write_sealed

ROOM: Final = "vectors"  # of the cache
SUFFIX: Final = ".vectors"
KEY_BYTES: Final = 16
N_OPEN: Final = 4  # stores whose vectors stay in memory

log = logging.getLogger(__name__)


def key_of(cell: Any) -> bytes:
    """Return the digest of a cell's content: of a string, or of an array with its shape."""
    if isinstance(cell, str):
        content, form = cell.encode("utf-8", "surrogatepass"), "str"
    else:
        content, form = np.ascontiguousarray(cell).tobytes(), f"{cell.dtype.str} {cell.shape}"
    return hashlib.blake2b(content, digest_size=KEY_BYTES, person=form.encode()[:16]).digest()


class VectorStore:
    """The vectors of one backbone; several processes may write them at once.

    A chunk that is damaged is removed: its vectors are computed anew. What cannot be written is
    kept in memory.

    Attributes:
        vectors: key of a cell → its vector, (width,) float32.
        costs: key of a cell → what its vector took to compute.
    """

    def __init__(self, folder: Path) -> None:
        self.vectors: dict[bytes, NDArray[np.float32]] = {}
        self.costs: dict[bytes, Duration] = {}
        self._folder = folder
        self._read: set[str] = set()
        self._is_writable = True

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Let no other process write within, and read what others have written before."""
        with self._warned():
            self._folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self._folder / "lock")
        with self._warned(), startup():  # to wait for another process is no part of a training
            lock.acquire()
        try:
            self.refresh()
            yield
        finally:
            lock.release()

    def refresh(self) -> None:
        """Read what was written since."""
        for path in sorted(self._folder.glob(f"*{SUFFIX}")):
            if path.name not in self._read:
                self._read.add(path.name)
                self._load(path)

    def add(self, keys: Sequence[bytes], vectors: NDArray[np.float32], cost: Duration) -> None:
        """Keep the vectors of some cells, which took so long together."""
        packed = np.frombuffer(b"".join(keys), np.uint8).reshape(-1, KEY_BYTES)
        durations = np.array([cost.wall_seconds, cost.cpu_seconds])
        self._keep(packed, vectors, durations)
        name = hashlib.sha256(packed.tobytes()).hexdigest()[:16] + SUFFIX
        self._read.add(name)
        if self._is_writable:
            with self._warned():
                write_sealed(
                    self._folder / name,
                    lambda file: np.savez(file, keys=packed, vectors=vectors, cost=durations),
                )

    def _keep(
        self, keys: NDArray[np.uint8], vectors: NDArray[np.float32], durations: NDArray[np.float64]
    ) -> None:
        share = Duration(*(durations / max(1, len(keys))).tolist())
        for key, vector in zip(map(bytes, keys), vectors, strict=True):
            self.vectors[key], self.costs[key] = vector, share

    def _load(self, path: Path) -> None:
        try:
            chunk = np.load(io.BytesIO(read_sealed(path)))
            self._keep(chunk["keys"], chunk["vectors"], chunk["cost"])
            os.utime(path)  # it is used
        except DamagedFileError as damage:
            log.warning("%s. Its vectors are computed anew.", damage)
            path.unlink(missing_ok=True)
        except OSError:  # removed, or no longer to be read
            return

    @contextmanager
    def _warned(self) -> Iterator[None]:
        """Go on in memory where the cache cannot be written, with one warning."""
        try:
            yield
        except OSError as error:
            if self._is_writable:
                log.warning(
                    "%s: no vectors can be kept: %s. The study goes on, and computes them in every "
                    "process. Free some space, or choose another folder: %s",
                    self._folder,
                    error.strerror,
                    CACHE_VARIABLE,
                )
            self._is_writable = False


@lru_cache(maxsize=N_OPEN)
def _open(folder: Path) -> VectorStore:
    remove_old(folder.parent)
    return VectorStore(folder)


def open_store(digest: str) -> VectorStore:
    """Return the vectors of the backbone with this digest; they stay in memory once read."""
    return _open(cache_folder(ROOM) / digest[:32])


def remove_old(root: Path) -> None:
    """Remove the chunks that nobody has read for long."""
    for path in root.glob(f"*/*{SUFFIX}"):
        if is_old(path):
            with suppress(OSError):
                path.unlink()


def costs_of(store: VectorStore, keys: Sequence[bytes]) -> Mapping[bytes, Duration]:
    """Return what the vectors of these cells took to compute."""
    return {key: store.costs[key] for key in keys}
