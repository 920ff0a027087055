"""Tables at an address: downloaded once, and kept in the user's cache."""

from __future__ import annotations

import errno
import hashlib
import os
import shutil
import urllib.error
import urllib.request
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import IO, Final
from urllib.parse import unquote, urlsplit, urlunsplit

from platformdirs import user_cache_path

from dlrun.catalog.notes import DOWNLOADED
from dlrun.contract.note import Note
from dlrun.errors import DataError
from dlrun.system.files import atomic_write

SCHEMES: Final = ("http://", "https://")
SECONDS: Final = 60  # without an answer
CHUNK: Final = 2**20
CACHE_FAULTS: Final = (errno.EACCES, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENOTDIR)


def is_url(source: str) -> bool:
    """Return whether a source is the address of a file."""
    return source.lower().startswith(SCHEMES)


def fetch(url: str) -> tuple[Path, Note]:
    """Return the file at an address, downloaded unless it is in the cache, and a note on it.

    Raises:
        DataError: it cannot be downloaded, or kept.
    """
    path = _place(url)
    if not path.is_file():
        _download(url, path)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return path, DOWNLOADED.note(
        f"{_shown(url)}: {path.stat().st_size:,} bytes, SHA-256 {digest}, kept as {path}. Delete "
        "that file to download it again."
    )


def _place(url: str) -> Path:
    """Return the path in the cache: one folder for each address, as the file's name decides."""
    root = Path(os.environ.get("DLRUN_CACHE_DIR") or user_cache_path("dlrun"))
    name = Path(unquote(urlsplit(url).path)).name or "table.csv"
    return root / "downloads" / hashlib.sha256(url.encode()).hexdigest()[:16] / name


def _download(url: str, path: Path) -> None:
    request = urllib.request.Request(url, headers={"User-Agent": "dlrun"})
    try:
        with urllib.request.urlopen(request, timeout=SECONDS) as answer:
            atomic_write(path, lambda file: _copy(answer, file))
    except urllib.error.HTTPError as error:
        error.close()
        message = (
            f"{_shown(url)} cannot be downloaded: the server answers {error.code} {error.reason}."
        )
        raise DataError(message) from error
    except (OSError, ValueError, HTTPException) as error:
        if getattr(error, "errno", None) in CACHE_FAULTS:
            message = f"{_shown(url)} cannot be kept as {path}: {error}. Set DLRUN_CACHE_DIR"
            raise DataError(message) from error
        reason = getattr(error, "reason", None) or error or type(error).__name__
        message = (
            f"{_shown(url)} cannot be downloaded: {reason}. Is this machine online? A copy of the "
            "file works as well: data.source: path/of/the/file"
        )
        raise DataError(message) from error


def _copy(answer: HTTPResponse, file: IO[bytes]) -> None:
    shutil.copyfileobj(answer, file, CHUNK)
    wanted = answer.headers.get("Content-Length")
    if wanted is not None and file.tell() != int(wanted):
        message = f"the connection ended after {file.tell():,} of {int(wanted):,} bytes"
        raise OSError(message)


def _shown(url: str) -> str:
    """Return an address without a password or the keys of a query."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))
