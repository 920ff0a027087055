"""MLflow's web page over a store, and the links into it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, TYPE_CHECKING, Final
from urllib.parse import urlsplit

import psutil

from dlrun.errors import TrackingError, UsageError
from dlrun.tracking.client import clear_errors
from dlrun.tracking.saved_view import KEY, TAG

if TYPE_CHECKING:
    from dlrun.tracking.store import Store

HOST: Final = "127.0.0.1"
PORT: Final = 5000
START_SECONDS: Final = 120
END_SECONDS: Final = 5
# The page otherwise opens in its mode for language models, which hides runs.
MODE: Final = "workflowType=machine_learning"


@dataclass(frozen=True)
class Page:
    """A web page that is served."""

    url: str
    process: subprocess.Popen[bytes] | None = None

    def wait(self) -> None:
        """Wait for the end of the server process, if there is one."""
        if self.process is not None:
            self.process.wait()


def study_url(store: Store, port: int = PORT, *, has_view: bool = False) -> str:
    """Return the link to the runs of the store's experiment, in its saved view if it has one.

    For a local store it leads to the server of `dlrun ui`.
    """
    if store.uri.startswith(("http:", "https:")):
        parts = urlsplit(store.uri)
        base = parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl().rstrip("/")
    else:
        base = f"http://{HOST}:{port}"
    where = f"experiments/{store.experiment_id}/runs" if store.experiment_id else "experiments"
    view = f"&viewStateShareKey={KEY}" if has_view else ""
    return f"{base}/#/{where}?{MODE}{view}"


def home_url(store: Store, port: int = PORT) -> str:
    """Return the link to the last study's experiment, in its saved view if it has one."""
    with clear_errors(store.place):
        last = store.reader.studies(at_most=1)
        if not last:
            return study_url(store, port)
        experiment_id = last[0].info.experiment_id
        has_view = TAG in store.reader.experiment_tags(experiment_id)
    return study_url(replace(store, experiment_id=experiment_id), port, has_view=has_view)


@contextmanager
def serve_ui(store: Store, port: int = PORT) -> Iterator[Page]:
    """Serve the pages of a store within; a store on a server has its own pages.

    Raises:
        UsageError: the port is in use.
        TrackingError: MLflow's server did not start.
    """
    if not store.is_local:
        yield Page(home_url(store))
        return
    _check_free(port)
    with TemporaryFile() as output:
        process = _start(store, port, output)
        try:
            _await_answer(process, port, output)
            yield Page(home_url(store, port), process)
        finally:
            _end(process)


def _check_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            message = (
                f"port {port} cannot be used ({error.strerror}). If `dlrun ui` is running already, "
                f"open http://{HOST}:{port}; else choose another: dlrun ui --port {port + 1}"
            )
            raise UsageError(message) from error


def _start(store: Store, port: int, output: IO[bytes]) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "mlflow", "ui", "--backend-store-uri", store.uri]
    command += ["--host", HOST, "--port", str(port), "--workers", "1"]
    return subprocess.Popen(
        command,
        stdout=output,
        stderr=subprocess.STDOUT,
        cwd=Path(store.uri.removeprefix("sqlite:///")).parent,
        # MLflow's jobs are for language models and cost 2 GB and 13 s.
        env=os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},
        start_new_session=True,  # Ctrl-C interrupts dlrun alone, which then ends the whole tree
    )


def _await_answer(process: subprocess.Popen[bytes], port: int, output: IO[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while not _answers(port):
        if process.poll() is not None or time.monotonic() > deadline:
            output.seek(0)
            lines = output.read().decode(errors="replace").strip().splitlines()
            message = f"MLflow's server did not start: {lines[-1] if lines else 'it said nothing'}"
            raise TrackingError(message)
        time.sleep(0.1)


def _answers(port: int) -> bool:
    connection = HTTPConnection(HOST, port, timeout=2)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200  # noqa: PLR2004 - HTTP's "OK"
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the server and its child processes."""
    try:
        tree = [*psutil.Process(process.pid).children(recursive=True), psutil.Process(process.pid)]
    except psutil.NoSuchProcess:
        return
    for each in tree:
        each.terminate()
    _, alive = psutil.wait_procs(tree, timeout=END_SECONDS)
    for each in alive:
        each.kill()
    process.wait()
