"""Files that are written atomically, and sealed: a changed byte is found."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import IO, Final

SEAL: Final = b"\nsha256 "
SEAL_LENGTH: Final = len(SEAL) + 64


class DamagedFileError(ValueError):
    """The content of a sealed file has changed since it was written."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"{path} is damaged: its checksum does not match")


def atomic_write(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write a temporary file, sync it to the disk, and move it to its path.

    Raises:
        OSError: it cannot be written; an earlier file is kept.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with temporary.open("w+b") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def write_sealed(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write a file atomically, and the SHA-256 of its content as its last line.

    Raises:
        OSError: it cannot be written; an earlier file is kept.
    """

    def write_and_seal(file: IO[bytes]) -> None:
        write(file)
        file.seek(0)
        digest = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
        file.seek(0, os.SEEK_END)
        file.write(SEAL + digest.encode())

    atomic_write(path, write_and_seal)


def read_sealed(path: Path) -> bytes:
    """Read the content of a sealed file.

    Raises:
        OSError: there is none.
        DamagedFileError: it has changed since it was written, or was cut off.
    """
    written = path.read_bytes()
    content, seal = written[:-SEAL_LENGTH], written[-SEAL_LENGTH:]
    if seal != SEAL + hashlib.sha256(content).hexdigest().encode():
        raise DamagedFileError(path)
    return content


def folder_digest(folder: Path) -> str:
    """Return the SHA-256 of the names and contents of all files below a folder."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    digest = hashlib.sha256()
    for path in files:
        digest.update(f"{path.relative_to(folder).as_posix()}\n".encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def check_folder(folder: Path, digest: str | None) -> None:
    """Check that a folder has this digest.

    Raises:
        DamagedFileError: a file in it has changed.
    """
    if folder_digest(folder) != digest:
        raise DamagedFileError(folder)
