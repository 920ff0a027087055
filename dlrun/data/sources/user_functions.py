"""The user's own functions, `package.module:function`, imported from beside the recipe first."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

from dlrun.errors import DataError
from dlrun.system.text import did_you_mean


def find_function(reference: str, folder: Path) -> Callable[..., Any]:
    """Return the function that `package.module:function` names.

    Raises:
        DataError: the module or the function does not exist.
    """
    module_name, _, name = reference.partition(":")
    module = _import(module_name, folder)
    function = getattr(module, name, None)
    if not callable(function):
        functions = [key for key, value in vars(module).items() if callable(value)]
        message = f"{reference}: {module.__file__} has no function {name!r}."
        raise DataError(message + did_you_mean(name, functions))
    found: Callable[..., Any] = function
    return found


def check_module(reference: str, folder: Path) -> None:
    """Check that the module of `package.module:function` exists, without importing it.

    Raises:
        DataError: it does not.
    """
    name = reference.partition(":")[0]
    if not _is_in(name.partition(".")[0], str(folder.resolve())) and not _is_installed(name):
        message = f"there is no module {name!r} in the folder {folder}, nor on the Python path."
        raise DataError(message)


def _is_installed(name: str) -> bool:
    return name in sys.modules or importlib.util.find_spec(name.partition(".")[0]) is not None


def _import(name: str, folder: Path) -> ModuleType:
    here = str(folder.resolve())
    _forget_namesake(name, here)
    sys.path.insert(0, here)
    importlib.invalidate_caches()
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not f"{name}.".startswith(f"{error.name}."):
            raise  # the module exists, but imports one that does not
        message = f"there is no module {name!r} in the folder {folder}, nor on the Python path."
        raise DataError(message) from error
    finally:
        sys.path.remove(here)


def _forget_namesake(name: str, folder: str) -> None:
    """Remove a module of the same name that was imported from beside another recipe."""
    top = name.partition(".")[0]
    known = sys.modules.get(top)
    if known is None or not _is_in(top, folder):
        return
    if not str(getattr(known, "__file__", "")).startswith(folder):
        for other in [key for key in sys.modules if key == top or key.startswith(f"{top}.")]:
            del sys.modules[other]


def _is_in(module: str, folder: str) -> bool:
    path = Path(folder, module)
    return path.with_suffix(".py").is_file() or path.joinpath("__init__.py").is_file()
