"""Packed files: read whole, with a limit on what few bytes may unpack to."""

from __future__ import annotations

import os
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Final

import pyarrow as pa

from dlrun.errors import DataError

MAX_BYTES: Final = 2**30  # that any file may unpack to
MAX_RATIO: Final = 100  # a larger one must be that many times its packed size at most
CHUNK: Final = 2**24
CODECS: Final = {".gz": "gzip", ".zst": "zstd"}
DAMAGE: Final = (
    OSError, EOFError, ValueError, TypeError, LookupError, AttributeError,
    RuntimeError, struct.error, zlib.error, zipfile.BadZipFile, tarfile.TarError, pa.ArrowException,
)  # fmt: skip
"""What readers raise for damaged files."""


@contextmanager
def open_zip(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open a zip; errors within are those of a damaged one.

    Raises:
        DataError: it is damaged, encrypted, or far larger than it looks.
    """
    with unpacking(path), zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        _check_size(path, sum(member.file_size for member in members))
        if not all(0 <= member.header_offset < path.stat().st_size for member in members):
            message = "its list of files points beside it, as where its beginning was cut off"
            raise zipfile.BadZipFile(message)
        yield archive


def read_compressed(path: Path) -> BytesIO:
    """Return the unpacked bytes of a .gz, .tgz or .zst file.

    Raises:
        DataError: it is damaged, or far larger than it looks.
    """
    content = BytesIO()
    codec = CODECS.get(path.suffix.lower(), "gzip")
    with unpacking(path), pa.input_stream(os.fspath(path), codec) as stream:
        while chunk := stream.read(CHUNK):
            content.write(chunk)
            _check_size(path, content.tell())
    content.seek(0)
    return content


@contextmanager
def unpacking(path: Path, done: str = "unpacked") -> Iterator[None]:
    """Name the archive in the errors within, which are those of a damaged one.

    Raises:
        DataError: there is such an error.
    """
    try:
        yield
    except DAMAGE as error:
        message = f"{path}: cannot be {done}: {error or type(error).__name__}"
        raise DataError(message) from error


def _check_size(path: Path, n_bytes: int) -> None:
    packed = path.stat().st_size
    if n_bytes > max(MAX_BYTES, MAX_RATIO * packed):
        message = (
            f"{path}: {packed / 2**20:,.1f} MiB that unpack to {n_bytes / 2**30:,.1f} GiB or more. "
            "If that is no mistake, unpack it yourself, and name what was in it."
        )
        raise DataError(message)
