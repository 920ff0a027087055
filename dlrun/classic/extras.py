"""The optional packages of the classic side, and the extra of dlrun that installs each."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from dlrun.errors import ExtraError

EXTRAS: Final = {
    "aeon": ("aeon", "series"),
    "librosa": ("librosa", "sound"),
    "lightgbm": ("lightgbm", "boost"),
    "skimage": ("scikit-image", "vision"),
    "xgboost": ("xgboost", "boost"),
}
"""Module → its package and its extra."""
NEEDS: Final = {
    "hog": "skimage",
    "mfcc": "librosa",
    "catch22": "aeon",
    "mini_rocket": "aeon",
    "multi_rocket": "aeon",
}
"""Feature → the module that it is made with."""


def missing(features: Iterable[str]) -> list[ExtraError]:
    """Return an error for each package that features need and that is not installed."""
    modules = dict.fromkeys(NEEDS[name] for name in features if name in NEEDS)
    return [ExtraError(*EXTRAS[module]) for module in modules if not is_installed(module)]


def is_installed(module: str) -> bool:
    """Say whether a module can be imported, without importing it."""
    return importlib.util.find_spec(module) is not None


def load(path: str) -> Any:
    """Import a module of an optional package, raising as `needed` does."""
    with needed():
        return importlib.import_module(path)


@contextmanager
def needed() -> Iterator[None]:
    """Name the extra to install when an optional package turns out to be missing within.

    Raises:
        ExtraError: the package is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name in EXTRAS:
            raise ExtraError(*EXTRAS[error.name]) from error
        raise
