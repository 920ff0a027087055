"""The code of a row: the module of a room that has the row's name."""

from __future__ import annotations

import importlib
from typing import Any


def load_part(package: str, name: str) -> Any:
    """Import the module of a package that implements the row of this name.

    >>> load_part("dlrun.catalog", "parts").__name__
    'dlrun.catalog.parts'

    Raises:
        ModuleNotFoundError: the package has no such module, or the module lacks an import.
    """
    return importlib.import_module(f"{package}.{name}")
