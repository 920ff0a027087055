"""Which installed modules a recipe may import: a recipe is data, and cannot trust one by itself."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from dlrun.catalog.packages import ESTIMATOR_PACKAGES

OPTION: Final = "--trust-modules"


def is_trusted(module: str, trusted: Iterable[str]) -> bool:
    """Return whether a module, or a package that it is in, is trusted.

    >>> is_trusted("my_lab.nets", ["my_lab"]), is_trusted("my_lab_2", ["my_lab"])
    (True, False)
    """
    return any(f"{module}.".startswith(f"{name}.") for name in trusted)


def estimator_fault(path: str, trusted: Collection[str]) -> str | None:
    """Return why a recipe may not name a class, `package.module.Class`; None where it may."""
    module = path.rpartition(".")[0]
    if is_trusted(module, (*ESTIMATOR_PACKAGES, *trusted)):
        return None
    return (
        f"{path}: importing {module} would run its code, and a recipe cannot ask for that by "
        f"itself. If you trust the module, add {OPTION} {module.partition('.')[0]}. Estimators "
        f"without it: those of {', '.join(ESTIMATOR_PACKAGES)}"
    )
