"""MLflow as dlrun wants it: no telemetry, no chatter, no minutes of waiting, one kind of error."""

from __future__ import annotations

import gc
import logging
import os
import re
import sys
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from dlrun.errors import TrackingError

PARAMS_AT_ONCE: Final = 100
METRICS_AT_ONCE: Final = 1000

# Autologging needs no entry: it is off until somebody calls it, and dlrun never does.
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
    """Set what the user has not set, and import mlflow."""
    for name, value in DEFAULTS.items():
        os.environ.setdefault(name, value)
    # Both write to stderr what they then raise as well.
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
    logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
    with quiet_mlflow():
        import mlflow  # noqa: F401


def connect(uri: str) -> Any:
    """Return an `MlflowClient` for a store; a SQLite store that is not there is created."""
    prepare()
    with quiet_mlflow():
        from mlflow import MlflowClient

        return MlflowClient(uri)


@contextmanager
def quiet_mlflow() -> Iterator[None]:
    """Keep back warnings about MLflow's own code, which our users cannot act on.

    The garbage collector rests as well: it takes a seventh of the time of MLflow's imports.
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
    """Return what MLflow, its database and the network raise.

    The errors of `requests` are OSErrors.
    """
    prepare()
    from mlflow.exceptions import MlflowException

    if "sqlalchemy" not in sys.modules:  # then there is no database, and no need to import it
        return MlflowException, OSError
    from sqlalchemy.exc import SQLAlchemyError

    return MlflowException, OSError, SQLAlchemyError


@contextmanager
def clear_errors(place: str) -> Iterator[None]:
    """Turn whatever MLflow and the network raise into one message that opens with `place`.

    Raises:
        TrackingError: instead of theirs.
    """
    try:
        yield
    except failures() as error:
        message = f"{place}: {first_line(error)}"
        raise TrackingError(message) from error


def in_batches(items: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    """Cut into the sizes that MLflow takes at once."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def first_line(error: BaseException) -> str:
    """Return what went wrong, without the pages that some libraries add to it."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def reason_of(error: BaseException) -> str:
    """Return what a network error began with: "Connection refused", out of all that wraps it."""
    first = error
    while behind := first.__cause__ or first.__context__:
        first = behind
    if isinstance(first, OSError) and first.strerror:
        return first.strerror
    clause = first_line(error).rpartition(": ")[2].strip(" \"')")
    return re.sub(r"^\[Errno -?\d+\] ", "", clause)
