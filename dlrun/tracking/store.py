"""The MLflow store of a study: opened, created under a lock, or replaced by the local one."""

from __future__ import annotations

import os
import socket
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit
from urllib.request import getproxies, url2pathname

from dlrun.errors import TrackingError, UsageError
from dlrun.system.secrets import MASK, mask_uri
from dlrun.tracking.client import clear_errors, connect, failures, reason_of
from dlrun.tracking.reader import NEWEST_FIRST, STUDIES, ClientReader, RunReader, SqliteReader

PORTS: Final = {"http": 80, "https": 443, "postgresql": 5432, "mysql": 3306, "mssql": 1433}
SERVERS_WITHOUT_SCHEME: Final = ("databricks", "databricks-uc", "uc")
OTHER_VERSION: Final = ("out-of-date database schema", "Can't locate revision")
LOCK_SECONDS: Final = 120
CONNECT_SECONDS: Final = 5


@dataclass(frozen=True)
class Store:
    """An open MLflow store.

    Attributes:
        uri: with the credentials in it; print `place` instead.
        experiment: the name of the experiment that studies are written to.
        experiment_id: None where the store was opened without an experiment.
        stands_in_for: the server that should have been used but does not answer.
        note: a sentence or two about that, which must be printed.
    """

    uri: str = field(repr=False)
    experiment: str | None = None
    experiment_id: str | None = None
    stands_in_for: str | None = None
    note: str | None = None

    @property
    def is_local(self) -> bool:
        """Return whether the store is a file of this machine."""
        return self.uri.startswith("sqlite:")

    @cached_property
    def client(self) -> Any:
        """Return its `MlflowClient`, which is made when it is first used."""
        return _connect_sqlite(self.uri) if self.is_local else connect(self.uri)

    @cached_property
    def reader(self) -> RunReader:
        """Return what reads its runs: the file itself where it can be, else the client."""
        if self.is_local:
            direct = SqliteReader(_path(self.uri).absolute())
            if direct.knows_schema():
                return direct
        return ClientReader(self.client)

    @property
    def place(self) -> str:
        """Return the URI without its password."""
        return mask_uri(self.uri)


def local_uri() -> str:
    """Return the URI of the store of the current folder."""
    return f"sqlite:///{Path.cwd() / 'mlflow.db'}"


def open_store(uri: str | None, *, experiment: str | None = None, create: bool = True) -> Store:
    """Open the store of `tracking.uri`, else of MLFLOW_TRACKING_URI, else of this folder.

    The store of this folder replaces a server that does not answer, so that no training is lost.

    Args:
        uri: of the recipe.
        experiment: the experiment to write to; a missing one is created.
        create: whether a missing store is created; False for commands that only read.

    Raises:
        UsageError: there is no store yet, and `create` is False.
        TrackingError: the store cannot be used, or the server refuses.
    """
    wanted = uri or os.environ.get("MLFLOW_TRACKING_URI") or local_uri()
    _check_uri(wanted)
    if wanted.startswith("sqlite:"):
        return _open_sqlite(wanted, experiment, create=create)
    try:
        return _open_server(wanted, experiment)
    except ConnectionError as error:
        return fallback_store(wanted, str(error), experiment=experiment, create=create)


def fallback_store(
    server: str, reason: str, *, experiment: str | None, create: bool = True
) -> Store:
    """Open the store of this folder in place of a server that does not answer."""
    problem = f"{mask_uri(server)} does not answer ({reason})."
    try:
        local = _open_sqlite(local_uri(), experiment, create=create)
    except UsageError as error:
        raise TrackingError(problem) from error
    kept = f"This study is kept in {local.place}. When the server is back: dlrun push"
    note = f"{problem} {kept if create else f'Reading {local.place} instead.'}"
    return replace(local, stands_in_for=mask_uri(server), note=note)


def search_runs(store: Store, where: str, *, at_most: int | None = None) -> list[Any]:
    """Return the runs of all experiments that match MLflow's filter, the newest first."""
    return ClientReader(store.client).search(where, at_most)


def candidates_of(store: Store, study_id: str) -> dict[str, Any]:
    """Return candidate → its run; one that was killed at its start is known by its name alone."""
    runs = store.reader.candidates(study_id)
    return {run.data.params.get("candidate", run.info.run_name): run for run in runs}


def next_name(store: Store, recipe: str) -> str:
    """Return the name of the next study of an experiment: flights-1, then flights-2."""
    last = store.client.search_runs(
        [store.experiment_id], STUDIES, max_results=1, order_by=NEWEST_FIRST
    )
    number = last[0].info.run_name.rpartition("-")[2] if last else "0"
    return f"{recipe}-{int(number) + 1 if number.isdecimal() else 1}"


def _check_uri(uri: str) -> None:
    try:
        scheme, _ = urlsplit(uri).scheme, urlsplit(uri).port
    except ValueError as error:
        message = f"{mask_uri(uri)} is not a URI: {error}"
        raise TrackingError(message) from error
    if f":{MASK}@" in uri:
        message = (
            f"{uri}: the password was left out of this recipe when it was saved. Name the store "
            "with it: tracking.uri=…, or MLFLOW_TRACKING_URI"
        )
        raise TrackingError(message)
    is_path = len(scheme) <= 1 and uri not in SERVERS_WITHOUT_SCHEME  # one letter: a Windows drive
    if is_path or scheme == "file":
        message = (
            f"{mask_uri(uri)} is a folder of files, a kind of store that MLflow no longer writes. "
            "Use a database instead, tracking.uri: sqlite:///mlflow.db, or no URI at all. "
            "To take old runs along: mlflow migrate-filestore --help"
        )
        raise TrackingError(message)


# -------------------------------------------------------------------------------------- local


def _open_sqlite(uri: str, experiment: str | None, *, create: bool) -> Store:
    path = _path(uri).absolute()
    uri = f"sqlite:///{path}"
    if not path.exists() and not create:
        message = f"{path.parent}: no study here yet. Run: dlrun train RECIPE"
        raise UsageError(message)
    if path.exists():
        _check_sqlite(path)
    with clear_errors(uri):
        if not path.exists():
            _create_sqlite(path)
        return _in_experiment(Store(uri, experiment), (path.parent / "mlartifacts").as_uri())


def _path(uri: str) -> Path:
    return Path(uri.removeprefix("sqlite:///"))


def _create_sqlite(path: Path) -> None:
    """Create a store under a lock, atomically.

    MLflow's migrations take seconds, fail when two processes run them at once, and leave a broken
    store when they are killed: so they run on a temporary file beside it. A full disk leaves
    neither of the two.
    """
    from filelock import FileLock

    path.parent.mkdir(parents=True, exist_ok=True)
    lock_file = path.with_name(f".{path.name}.lock")
    unfinished = path.with_name(f".{path.name}.new")
    with FileLock(lock_file, timeout=LOCK_SECONDS):
        try:
            if not path.exists():
                unfinished.unlink(missing_ok=True)
                connect(f"sqlite:///{unfinished}")
                unfinished.replace(path)
        finally:
            for left in (*path.parent.glob(f"{unfinished.name}*"), lock_file):
                left.unlink(missing_ok=True)


def _connect_sqlite(uri: str) -> Any:
    try:
        return connect(uri)
    except Exception as error:  # MLflow's, or that of the migrations
        if not any(words in str(error) for words in OTHER_VERSION):
            raise
        message = (
            f"{uri}: another version of MLflow wrote this store. If it was a newer one, install "
            f"that; if an older one, take a backup and run: mlflow db upgrade {uri}"
        )
        raise TrackingError(message) from error


def _check_sqlite(path: Path) -> None:
    """Check that SQLite can read the file; MLflow would retry for two minutes."""
    with closing(sqlite3.connect(path, timeout=20)) as database:
        try:
            database.execute("PRAGMA schema_version")
        except sqlite3.DatabaseError as error:
            message = f"{path}: SQLite cannot read this store ({error})"
            raise TrackingError(message) from error


def _in_experiment(store: Store, artifacts: str | None) -> Store:
    """Return the store with the id of its experiment, which is created where it is missing."""
    if store.experiment is None:
        return store
    return replace(store, experiment_id=_experiment_id(store.client, store.experiment, artifacts))


def _experiment_id(client: Any, name: str, artifacts: str | None) -> str:
    from mlflow.exceptions import MlflowException

    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        try:
            return str(client.create_experiment(name, artifact_location=artifacts))
        except MlflowException:  # another process may have created it meanwhile
            experiment = client.get_experiment_by_name(name)
            if experiment is None:
                raise
    if experiment.lifecycle_stage == "deleted":
        message = (
            f"experiment {name!r} was deleted in MLflow. Restore it with "
            f"`mlflow experiments restore --experiment-id {experiment.experiment_id}`, "
            "or write to another one: tracking.experiment"
        )
        raise TrackingError(message)
    return str(experiment.experiment_id)


# ------------------------------------------------------------------------------------- remote


def _open_server(uri: str, experiment: str | None) -> Store:
    """Open a server.

    Raises:
        ConnectionError: it does not answer; the message is the reason.
        TrackingError: it answers and refuses.
    """
    _check_reachable(uri)
    with clear_errors(mask_uri(uri)):
        try:
            store = Store(uri, experiment)
            store.client.search_experiments(max_results=1)
        except ImportError as error:
            message = f"{mask_uri(uri)}: the driver of this database is not installed ({error})"
            raise TrackingError(message) from error
        except failures() as error:
            if not isinstance(error.__context__, OSError):
                raise
            reason = reason_of(error)
        else:
            return _in_experiment(store, None)
    raise ConnectionError(reason)


def _check_reachable(uri: str) -> None:
    """Check in seconds that the server accepts connections; MLflow would retry for minutes."""
    parts = urlsplit(uri)
    port = parts.port or PORTS.get(parts.scheme.partition("+")[0])
    if parts.hostname is None or port is None or getproxies():
        return
    try:
        socket.create_connection((parts.hostname, port), timeout=CONNECT_SECONDS).close()
    except OSError as error:
        raise ConnectionError(error.strerror or str(error)) from error


# -------------------------------------------------------------------------------------- files


def local_path(uri: str) -> Path | None:
    """Return the path of an artifact folder, None where it is not on this machine."""
    parts = urlsplit(uri)
    if parts.scheme == "file":
        return Path(url2pathname(parts.path))
    return None if parts.scheme else Path(uri)
