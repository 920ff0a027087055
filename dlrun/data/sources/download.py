"""Downloads by the libraries that know where data sets are."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from dlrun.errors import DataError


def download(source: str, load: Callable[[], Any]) -> Any:
    """Return what `load` returns.

    Raises:
        DataError: it fails, as it does without a network.
    """
    try:
        return load()
    except (OSError, ValueError) as error:
        message = f"{source} cannot be loaded: {error} Is this machine online?"
        raise DataError(message) from error
