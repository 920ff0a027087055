"""The MLflow client: quiet, without telemetry, with short retries and one kind of error."""

from __future__ import annotations

import gc
import logging
import os
import random
import re
import sqlite3
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from dlrun.errors import TrackingError
from dlrun.system.secrets import mask
from dlrun.system.text import first_line

PARAMS_AT_ONCE: Final = 100
METRICS_AT_ONCE: Final = 1000
LOCKED: Final = "database is locked"
LOCKED_SECONDS: Final = (0.1, 0.2, 0.5, 1, 2, 4, 8)  # until the next attempt

DEFAULTS: Final = {
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "2",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "30",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    "MLFLOW_UV_AUTO_DETECT": "false",  # else it copies the user's uv.lock into every model
}


def prepare() -> None:
    """Set the environment variables that the user has not set, and import mlflow."""
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
    # Both log what they then raise as well.
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
    with quiet_mlflow():
        import mlflow  # noqa: F401


def connect(uri: str) -> Any:
    """Return an `MlflowClient` for a store; a missing SQLite store is created."""
    prepare()
    with quiet_mlflow():
        from mlflow import MlflowClient

        client = MlflowClient(uri)
    return PatientClient(client) if uri.startswith("sqlite:") else client


@dataclass
class PatientClient:
    """An `MlflowClient` that repeats a call for which other processes kept SQLite's file locked.

    MLflow waits for 20 seconds, but not where two transactions that have read both want to write:
    SQLite then refuses one of them at once, which is rolled back.
    """

    client: Any

    def __getattr__(self, name: str) -> Any:
        attribute = getattr(self.client, name)
        return partial(self._call, attribute) if callable(attribute) else attribute

    def _call(self, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        for seconds in LOCKED_SECONDS:
            try:
                return method(*args, **kwargs)
            except failures() as error:
                if LOCKED not in str(error):
                    raise
            time.sleep(seconds * random.uniform(0.5, 1.5))
        return method(*args, **kwargs)


@contextmanager
def quiet_mlflow() -> Iterator[None]:
    """Suppress warnings about MLflow's own code.

    Garbage collection is disabled as well: it takes a seventh of the time of MLflow's imports.
    """
    collects = gc.isenabled()
    gc.disable()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        if collects:
            gc.enable()


def failures() -> tuple[type[Exception], ...]:
    """Return the exceptions of MLflow, its database and the network."""
    if "mlflow" not in sys.modules:  # none was used; the file of a store was read directly
        return OSError, sqlite3.Error
    from mlflow.exceptions import MlflowException

    if "sqlalchemy" not in sys.modules:  # there is no database
        return MlflowException, OSError, sqlite3.Error  # those of `requests` are OSErrors
    from sqlalchemy.exc import SQLAlchemyError

    return MlflowException, OSError, sqlite3.Error, SQLAlchemyError


@contextmanager
def clear_errors(place: str) -> Iterator[None]:
    """Raise a TrackingError that begins with `place` for errors of MLflow and the network."""
    try:
        yield
    except failures() as error:
        message = f"{place}: {mask(first_line(error))}"
        raise TrackingError(message) from error


def in_batches(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """Yield the items in batches of at most `size`."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def reason_of(error: BaseException) -> str:
    """Return the root cause of a network error, such as "Connection refused"."""
    first = error
    while cause := first.__cause__ or first.__context__:
        first = cause
    if isinstance(first, OSError) and first.strerror:
        return first.strerror
    clause = first_line(error).rpartition(": ")[2].strip(" \"')")
    return re.sub(r"^\[Errno -?\d+\] ", "", clause)
