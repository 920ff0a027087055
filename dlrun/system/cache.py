"""The folder of what is kept for a user between studies: journals, vectors, downloads."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from platformdirs import user_cache_path

from dlrun.system.private import private_folder

CACHE_VARIABLE: Final = "DLRUN_CACHE_DIR"
KEPT_DAYS: Final = 30  # after which what nobody has used is removed


def cache_folder(room: str) -> Path:
    """Return a folder in the user's cache, or a temporary one where that is read-only.

    The temporary one is private: whoever can write a cache could change what is read from it.

    Args:
        room: its name within the cache.
    """
    chosen = os.environ.get(CACHE_VARIABLE)
    folder = (Path(chosen) if chosen else user_cache_path("dlrun")) / room
    try:
        folder.mkdir(parents=True, exist_ok=True)
        is_writable = os.access(folder, os.W_OK)
    except OSError:
        is_writable = False
    return folder if is_writable else private_folder() / room


def is_old(path: Path) -> bool:
    """Return whether a file in the cache is there and was not touched for `KEPT_DAYS`."""
    with suppress(OSError):
        return path.stat().st_mtime < time.time() - KEPT_DAYS * 24 * 3600
    return False
