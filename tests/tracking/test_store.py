"""Which store is opened, how a new one comes to be, and what is said when it cannot."""

from __future__ import annotations

import os
import sqlite3
import time
from errno import ENOSPC
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from dlrun.errors import TrackingError, UsageError
from dlrun.tracking.client import LOCKED, PatientClient, prepare
from dlrun.tracking.store import Store, open_store, search_runs

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from conftest import Server

REFUSED = "http://127.0.0.1:9"  # the port that nobody listens on


def experiments(store: Store) -> dict[str, str]:
    found = store.client.search_experiments()
    return {each.name: each.artifact_location for each in found}


def test_the_store_of_this_folder(folder: Path) -> None:
    store = open_store(None, experiment="flights")
    assert store.uri == f"sqlite:///{folder}/mlflow.db"
    assert experiments(store)["flights"] == f"file://{folder}/mlartifacts"
    assert (store.is_local, store.note, store.stands_in_for) == (True, None, None)


def test_the_recipe_wins_over_the_environment_over_the_folder(
    folder: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("recipe.db", "environment.db"):
        (folder / name).write_bytes(empty_store.read_bytes())
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///environment.db")
    assert open_store(None).uri == f"sqlite:///{folder}/environment.db"
    assert open_store("sqlite:///recipe.db").uri == f"sqlite:///{folder}/recipe.db"


def test_opening_twice_gives_the_same_experiment(folder: Path) -> None:
    first, second = (open_store(None, experiment="flights") for _ in range(2))
    assert first.experiment_id == second.experiment_id is not None


def test_artifacts_of_a_folder_with_an_odd_name(
    tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = tmp_path / "50% off, Müller #1"
    odd.mkdir()
    (odd / "mlflow.db").write_bytes(empty_store.read_bytes())
    monkeypatch.chdir(odd)
    store = open_store(None, experiment="flights")
    run = store.client.create_run(store.experiment_id)
    store.client.log_text(run.info.run_id, "hello", "note.txt")
    assert [path.name for path in odd.rglob("note.txt")] == ["note.txt"]
    assert [path.name for path in tmp_path.iterdir()] == [odd.name]


def test_a_reading_command_makes_no_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    with pytest.raises(UsageError) as error:
        open_store(None, create=False)
    assert str(error.value) == f"{tmp_path}: no study here yet. Run: dlrun train RECIPE"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("uri", ["mlruns", "./mlruns", "file:///data/mlruns", "C:\\mlruns"])
def test_a_file_store_is_refused(folder: Path, uri: str) -> None:
    with pytest.raises(TrackingError) as error:
        open_store(uri)
    assert str(error.value) == (
        f"{uri} is a folder of files, a kind of store that MLflow no longer writes. Use a "
        "database instead, tracking.uri: sqlite:///mlflow.db, or no URI at all. To take old "
        "runs along: mlflow migrate-filestore --help"
    )


def test_what_is_no_uri(folder: Path) -> None:
    with pytest.raises(TrackingError) as error:
        open_store("http://host:port")
    assert str(error.value) == (
        "http://host:port is not a URI: Port could not be cast to integer value as 'port'"
    )


def test_a_left_over_file_store_is_no_trap(folder: Path) -> None:
    (folder / "mlruns" / "0").mkdir(parents=True)
    (folder / "mlruns" / "0" / "meta.yaml").write_text("experiment_id: '0'\n")
    assert open_store(None).uri == f"sqlite:///{folder}/mlflow.db"


def test_a_file_that_is_no_database(folder: Path) -> None:
    (folder / "mlflow.db").write_text("not a database, but long enough to be looked at" * 9)
    with pytest.raises(TrackingError) as error:
        open_store(None)
    assert str(error.value) == (
        f"{folder}/mlflow.db: SQLite cannot read this store (file is not a database)"
    )


def test_a_store_of_another_version_of_mlflow(folder: Path) -> None:
    with sqlite3.connect(folder / "mlflow.db") as database:
        database.execute("UPDATE alembic_version SET version_num = '0a8213491aaa'")
    database.close()
    assert open_store(None).reader.studies() == []  # reading needs none of MLflow's migrations
    with pytest.raises(TrackingError) as error:
        open_store(None, experiment="flights")
    place = f"sqlite:///{folder}/mlflow.db"
    assert str(error.value) == (
        f"{place}: another version of MLflow wrote this store. If it was a newer one, install "
        f"that; if an older one, take a backup and run: mlflow db upgrade {place}"
    )


def test_a_deleted_experiment(folder: Path) -> None:
    store = open_store(None, experiment="flights")
    store.client.delete_experiment(store.experiment_id)
    with pytest.raises(TrackingError) as error:
        open_store(None, experiment="flights")
    assert str(error.value) == (
        "experiment 'flights' was deleted in MLflow. Restore it with `mlflow experiments restore "
        f"--experiment-id {store.experiment_id}`, or write to another one: tracking.experiment"
    )


def test_a_server_that_does_not_answer_is_stood_in_for(folder: Path) -> None:
    store = open_store(REFUSED, experiment="flights")
    assert store.uri == f"sqlite:///{folder}/mlflow.db"
    assert store.experiment_id is not None
    assert store.stands_in_for == REFUSED
    assert store.note == (
        f"{REFUSED} does not answer (Connection refused). This study is kept in "
        f"sqlite:///{folder}/mlflow.db. When the server is back: dlrun push"
    )


def test_reading_when_the_server_does_not_answer(folder: Path) -> None:
    store = open_store(REFUSED, create=False)
    assert store.note == (
        f"{REFUSED} does not answer (Connection refused). "
        f"Reading sqlite:///{folder}/mlflow.db instead."
    )
    (folder / "mlflow.db").unlink()
    with pytest.raises(TrackingError) as error:
        open_store(REFUSED, create=False)
    assert str(error.value) == f"{REFUSED} does not answer (Connection refused)."


def test_a_server_that_is_not_mlflows(folder: Path, server: Server) -> None:
    with pytest.raises(TrackingError) as error:
        open_store(f"{server.uri}/elsewhere", experiment="flights")
    assert str(error.value).startswith(f"{server.uri}/elsewhere: ")
    assert "404" in str(error.value)


@pytest.mark.skipif(find_spec("pyodbc") is not None, reason="the driver is installed")
def test_a_database_without_its_driver(folder: Path, server: Server) -> None:
    with pytest.raises(TrackingError) as error:
        open_store(f"mssql://ann:secret@127.0.0.1:{server.port}/runs")
    assert str(error.value) == (
        f"mssql://ann:***@127.0.0.1:{server.port}/runs: the driver of this database is not "
        "installed (No module named 'pyodbc')"
    )


def test_no_password_is_shown(folder: Path) -> None:
    store = Store("http://ann:secret@host:5000/x")
    assert store.place == "http://ann:***@host:5000/x"
    assert "secret" not in repr(store)
    with pytest.raises(TrackingError) as error:
        open_store("http://ann:secret@host:port")
    assert str(error.value).startswith("http://ann:***@host:port is not a URI: ")
    with pytest.raises(TrackingError) as error:
        open_store(store.place)
    assert str(error.value) == (
        "http://ann:***@host:5000/x: the password was left out of this recipe when it was saved. "
        "Name the store with it: tracking.uri=…, or MLFLOW_TRACKING_URI"
    )


def test_runs_come_the_newest_first_beyond_one_page(store: Store) -> None:
    for start in (3, 1, 2):
        store.client.create_run(store.experiment_id, start_time=start)
    found = search_runs(store, "")
    assert [run.info.start_time for run in found] == [3, 2, 1]
    assert len(search_runs(store, "", at_most=2)) == 2


@pytest.mark.parametrize("n_refusals", [0, 3])
def test_a_call_that_sqlite_refuses_is_repeated(
    n_refusals: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow.exceptions import MlflowException

    class Client:
        calls, missing = 0, "no such run"

        def log_batch(self, run_id: str, *, metrics: list[int]) -> tuple[str, list[int]]:
            self.calls += 1
            if self.calls <= n_refusals:
                raise MlflowException(LOCKED)
            return run_id, metrics

        def get_run(self) -> None:
            self.calls += 1
            raise MlflowException(self.missing)

    monkeypatch.setattr(time, "sleep", lambda _: None)
    patient = PatientClient(Client())
    assert patient.log_batch("a", metrics=[1]) == ("a", [1])
    assert patient.calls == n_refusals + 1
    with pytest.raises(MlflowException, match="no such run"):
        patient.get_run()
    assert patient.calls == n_refusals + 2


def test_a_full_disk_leaves_no_half_of_a_store(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fill(uri: str) -> None:
        for ending in ("", "-journal"):
            Path(uri.removeprefix("sqlite:///") + ending).write_text("half")
        raise OSError(ENOSPC, os.strerror(ENOSPC))

    monkeypatch.setattr("dlrun.tracking.store.connect", fill)
    with pytest.raises(TrackingError, match="No space left on device"):
        open_store(f"sqlite:///{tmp_path / 'mlflow.db'}")
    assert list(tmp_path.iterdir()) == []


def test_two_processes_create_a_store_at_once(
    two_makers: tuple[Path, list[int | None]], folder: Path
) -> None:
    place, exit_codes = two_makers
    assert exit_codes == [0, 0]
    assert [path.name for path in place.iterdir()] == ["mlflow.db"]
    assert list(experiments(open_store(None))) == ["Default"]


def test_what_the_user_has_set_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "5")
    monkeypatch.delenv("MLFLOW_DISABLE_TELEMETRY", raising=False)
    prepare()
    assert os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "5"
    assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
