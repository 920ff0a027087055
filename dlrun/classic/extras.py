"""The optional packages of baselines and features."""

from __future__ import annotations

import importlib
import importlib.util
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from dlrun.catalog.attributions import ATTRIBUTIONS
from dlrun.catalog.baselines import BASELINES, Baseline
from dlrun.catalog.features import FEATURES, Feature, Package
from dlrun.catalog.table_models import TABLE_MODELS
from dlrun.errors import ExtraError

ROWS: Final[tuple[Baseline | Feature, ...]] = (
    *BASELINES.values(),
    *TABLE_MODELS.values(),
    *FEATURES.values(),
)
PACKAGES: Final = {
    row.package.module: row.package for row in (*ROWS, *ATTRIBUTIONS.values()) if row.package
}


def missing(features: Iterable[str]) -> list[ExtraError]:
    """Return an error for each package that features need and that is not installed."""
    packages = dict.fromkeys(FEATURES[name].package for name in features)
    return [_error(one) for one in packages if one and not is_installed(one.module)]


def is_installed(module: str) -> bool:
    """Return whether a module can be imported, without importing it."""
    return importlib.util.find_spec(module) is not None


def load(path: str) -> Any:
    """Import a module of an optional package.

    What is deprecated of the packages that it imports in turn is not the user's concern.

    Raises:
        ExtraError: the package is not installed.
    """
    with named_extra(), warnings.catch_warnings():
        for kind in (DeprecationWarning, PendingDeprecationWarning):
            warnings.simplefilter("ignore", kind)
        return importlib.import_module(path)


@contextmanager
def named_extra() -> Iterator[None]:
    """Replace the error of a missing optional package by one that names the extra to install.

    Raises:
        ExtraError: the package is not installed.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name in PACKAGES:
            raise _error(PACKAGES[error.name]) from error
        raise


def _error(package: Package) -> ExtraError:
    return ExtraError(package.distribution, package.extra)
