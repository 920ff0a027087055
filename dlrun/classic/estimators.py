"""Names of baselines and class paths → unfitted estimators."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, Final

from dlrun.catalog.baselines import BASELINES, Builder
from dlrun.catalog.tasks import TASKS
from dlrun.classic import extras

NAMED: Final = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
QUIET: Final[Mapping[str, Mapping[str, object]]] = {
    "catboost": {"verbose": False, "allow_writing_files": False},
    "lightgbm": {"verbosity": -1},
    "xgboost": {"verbosity": 0},
}
"""Package → settings that keep its estimators from printing."""


def package_of(estimator: Any) -> str:
    """Return the name of the package that defines an estimator's class."""
    return type(estimator).__module__.partition(".")[0]


def builders(task: str) -> dict[str, Builder]:
    """Return the builders of the baselines that fit a task, by name."""
    found = {name: getattr(row, TASKS[task].estimator) for name, row in BASELINES.items()}
    return {name: builder for name, builder in found.items() if builder}


def build(name: str, task: str, settings: Mapping[str, object], n_rows: int) -> Any:
    """Build an unfitted estimator from a baseline's name or a class path, and its settings."""
    if "." in name:
        return load_class(name)(**{**QUIET.get(name.partition(".")[0], {}), **settings})
    estimator = _build_named(name, task, n_rows)
    return estimator.set_params(**{**QUIET.get(package_of(estimator), {}), **settings})


def class_of(name: str, task: str) -> Any:
    """Return the class of a baseline's name or a class path.

    Raises:
        ExtraError: the class belongs to an optional package that is not installed.
        ImportError: there is no such module or class.
    """
    return load_class(name) if "." in name else type(_build_named(name, task, 1))


def load_class(path: str) -> Any:
    """Import `package.module.Class`, raising as `class_of` does."""
    module, _, name = path.rpartition(".")
    found = getattr(extras.load(module), name, None)
    if not inspect.isclass(found):
        message = f"module {module} has no class {name}"
        raise ImportError(message)
    return found


def allowed_settings(estimator_class: Callable[..., Any]) -> tuple[str, ...]:
    """Return the names of the settings that an estimator class takes."""
    parameters = inspect.signature(estimator_class).parameters.values()
    named = {one.name for one in parameters if one.kind in NAMED}
    if all(one.kind is not inspect.Parameter.VAR_KEYWORD for one in parameters):
        return tuple(sorted(named))
    # XGBoost and LightGBM list here what they take as **kwargs.
    return tuple(sorted(named | set(estimator_class().get_params(deep=False))))


def _build_named(name: str, task: str, n_rows: int) -> Any:
    with extras.named_extra():
        return builders(task)[name](n_rows)
