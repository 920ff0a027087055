"""Downloads of one file, which is at its path as a whole or not at all."""

from __future__ import annotations

import errno
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import IO, Final
from urllib.parse import urlsplit, urlunsplit

from dlrun.system.files import atomic_write

SECONDS: Final = 60  # without an answer
CHUNK: Final = 2**20
CACHE_FAULTS: Final = (errno.EACCES, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.ENOTDIR)


class DownloadError(Exception):
    """A server cannot be reached, or its answer ends early."""


class RefusedError(DownloadError):
    """A server answers that it does not have a file, or does not give it."""


class NotKeptError(DownloadError):
    """A file cannot be written."""


def download(
    url: str,
    path: Path,
    check: Callable[[IO[bytes]], object] = lambda file: None,
    seconds: float = SECONDS,
) -> None:
    """Download a file to a path, whose folder is made.

    Args:
        url: its address.
        path: where it is kept.
        check: is given the whole file before it is at its path; what it raises is passed on.
        seconds: without a byte from the server until it counts as unreachable.

    Raises:
        DownloadError: it cannot be downloaded, or kept.
    """
    request = urllib.request.Request(url, headers={"User-Agent": "dlrun"})

    def write(file: IO[bytes]) -> None:
        _copy(answer, file)
        file.seek(0)
        check(file)

    try:
        with urllib.request.urlopen(request, timeout=seconds) as answer:
            atomic_write(path, write)
    except urllib.error.HTTPError as error:
        error.close()
        message = (
            f"{shown(url)} cannot be downloaded: the server answers {error.code} {error.reason}."
        )
        raise RefusedError(message) from error
    except (OSError, ValueError, HTTPException) as error:
        if getattr(error, "errno", None) in CACHE_FAULTS:
            message = f"{shown(url)} cannot be kept as {path}: {error}."
            raise NotKeptError(message) from error
        reason = getattr(error, "reason", None) or error or type(error).__name__
        message = f"{shown(url)} cannot be downloaded: {reason}."
        raise DownloadError(message) from error


def shown(url: str) -> str:
    """Return an address without a password or the keys of a query."""
    parts = urlsplit(url)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def _copy(answer: HTTPResponse, file: IO[bytes]) -> None:
    shutil.copyfileobj(answer, file, CHUNK)
    wanted = answer.headers.get("Content-Length")
    if wanted is not None and file.tell() != int(wanted):
        message = f"the connection ended after {file.tell():,} of {int(wanted):,} bytes"
        raise OSError(message)
