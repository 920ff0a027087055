"""The user's own functions, `package.module:function`, beside the recipe or in a trusted module."""

from __future__ import annotations

import importlib.util
import sys
import sysconfig
import traceback
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from dlrun.errors import DataError, DlrunError
from dlrun.recipe.trust import OPTION, is_trusted
from dlrun.system.text import did_you_mean

OTHERS_CODE: Final = ("<", sysconfig.get_path("stdlib"), str(Path(__file__).parents[2]))
"""How the paths of code begin that is not the user's."""
PACKAGES: Final = {"site-packages", "dist-packages"}


def find_function(
    reference: str, folder: Path, trusted: Collection[str] = ()
) -> Callable[..., Any]:
    """Return the function that `package.module:function` names.

    Raises:
        DataError: it does not exist, or its code is neither beside the recipe nor trusted.
    """
    check_module(reference, folder, trusted)
    module_name, _, name = reference.partition(":")
    with located_errors(reference):
        module = _import(module_name, folder)
    function = getattr(module, name, None)
    if not callable(function):
        functions = [key for key, value in vars(module).items() if callable(value)]
        message = f"{reference}: {module.__file__} has no function {name!r}."
        raise DataError(message + did_you_mean(name, functions))
    _check_owner(reference, function, folder, trusted)
    found: Callable[..., Any] = function
    return found


@contextmanager
def located_errors(reference: str) -> Iterator[None]:
    """Replace an error in the user's own code by one sentence with their file and line.

    Raises:
        DataError: the code has failed; also where it does not compile, or ends the process.
    """
    try:
        yield
    except (DlrunError, MemoryError):
        raise
    except (Exception, SystemExit) as error:
        if isinstance(error, SyntaxError):
            place, reason = f"{Path(str(error.filename)).name}:{error.lineno}", error.msg
        else:
            place, reason = _place(error) or reference, str(error)
        message = f"{place}: {type(error).__name__}: {reason}"
        raise DataError(message) from error


def _place(error: BaseException) -> str | None:
    """Return `file:line` of the innermost call of code that is no library's and not dlrun's."""
    lines = [
        f"{Path(frame.filename).name}:{frame.lineno}"
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith(OTHERS_CODE)
        and PACKAGES.isdisjoint(Path(frame.filename).parts)
    ]
    return lines[-1] if lines else None


def check_module(reference: str, folder: Path, trusted: Collection[str] = ()) -> None:
    """Check that the module of `package.module:function` may be imported, without importing it.

    Raises:
        DataError: it is neither beside the recipe nor trusted, or does not exist.
    """
    name = reference.partition(":")[0]
    top = name.partition(".")[0]
    if _is_in(name, folder):
        if top in sys.stdlib_module_names:
            message = f"{top} is the name of a module of Python itself. Rename the one in {folder}."
            raise DataError(message)
        return
    if not is_trusted(name, trusted):
        message = (
            f"there is no module {name!r} in the folder {folder}. A recipe is data, and runs code "
            f"from its own folder alone. If you trust an installed module, add {OPTION} {top}."
        )
        raise DataError(message)
    if not _is_installed(name):
        message = f"there is no module {name!r} in the folder {folder}, nor on the Python path."
        raise DataError(message)


def _check_owner(reference: str, function: object, folder: Path, trusted: Collection[str]) -> None:
    """Check where the function was defined: a recipe must not call what a module has imported."""
    defined = getattr(function, "func", function)  # of a functools.partial
    owner = str(getattr(defined, "__module__", None))
    top = reference.partition(":")[0].partition(".")[0]
    if not is_trusted(owner, (top, *trusted)) and not _is_in(owner, folder):
        message = (
            f"{reference} was imported from {owner}, which is not in the folder {folder}. "
            "Write a function of your own that calls it."
        )
        raise DataError(message)


def _is_installed(name: str) -> bool:
    return name in sys.modules or importlib.util.find_spec(name.partition(".")[0]) is not None


def _import(name: str, folder: Path) -> ModuleType:
    here = str(folder.resolve())
    _forget_namesake(name, folder)
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


def _forget_namesake(name: str, folder: Path) -> None:
    """Remove a module of the same name that was imported from beside another recipe."""
    top = name.partition(".")[0]
    known = sys.modules.get(top)
    if known is None or not _is_in(name, folder):
        return
    if not Path(getattr(known, "__file__", None) or "").is_relative_to(folder.resolve()):
        for other in [key for key in sys.modules if key == top or key.startswith(f"{top}.")]:
            del sys.modules[other]


def _is_in(module: str, folder: Path) -> bool:
    path = folder.resolve().joinpath(*module.split("."))
    return path.with_suffix(".py").is_file() or path.joinpath("__init__.py").is_file()
