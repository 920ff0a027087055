"""Tables at an address: downloaded once, and kept in the user's cache."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Final
from urllib.parse import unquote, urlsplit

from platformdirs import user_cache_path

from dlrun.catalog.notes import DOWNLOADED
from dlrun.contract.note import Note
from dlrun.errors import DataError
from dlrun.system.download import DownloadError, NotKeptError, RefusedError, download, shown

SCHEMES: Final = ("http://", "https://")


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
        f"{shown(url)}: {path.stat().st_size:,} bytes, SHA-256 {digest}, kept as {path}. Delete "
        "that file to download it again."
    )


def _place(url: str) -> Path:
    """Return the path in the cache: one folder for each address, as the file's name decides."""
    root = Path(os.environ.get("DLRUN_CACHE_DIR") or user_cache_path("dlrun"))
    name = Path(unquote(urlsplit(url).path)).name or "table.csv"
    return root / "downloads" / hashlib.sha256(url.encode()).hexdigest()[:16] / name


def _download(url: str, path: Path) -> None:
    try:
        download(url, path)
    except RefusedError as error:
        raise DataError(str(error)) from error
    except NotKeptError as error:
        message = f"{error} Set DLRUN_CACHE_DIR"
        raise DataError(message) from error
    except DownloadError as error:
        message = (
            f"{error} Is this machine online? A copy of the file works as well: data.source: "
            "path/of/the/file"
        )
        raise DataError(message) from error
