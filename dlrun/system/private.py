"""A folder that nobody else can read or write."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from functools import cache
from pathlib import Path
from tempfile import gettempdir, mkdtemp


@cache
def private_folder() -> Path:
    """Return a folder among the temporary ones that this user alone can read and write.

    It is the same in every process, unless another user has made it first: all users share the
    folder for temporary files, so its owner and its mode are checked.
    """
    if not hasattr(os, "getuid"):  # Windows has a folder for each user
        return Path(gettempdir(), "dlrun")
    folder = Path(gettempdir(), f"dlrun-{os.getuid()}")
    with suppress(OSError):
        folder.mkdir(mode=0o700)
    return folder if _is_private(folder) else Path(mkdtemp(prefix="dlrun-"))


def _is_private(folder: Path) -> bool:
    try:
        found = folder.lstat()  # of a link itself
    except OSError:
        return False
    is_own = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
    return is_own and not found.st_mode & (stat.S_IRWXG | stat.S_IRWXO)
