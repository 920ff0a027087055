"""The web page: its links, its start and end, and what a browser shows of it."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import pytest

from dlrun.errors import TrackingError, UsageError
from dlrun.tracking.store import Store
from dlrun.tracking.ui import home_url, serve_ui, study_url

if TYPE_CHECKING:
    from conftest import Server

pytestmark = pytest.mark.slow

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]


@pytest.fixture
def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize(
    ("uri", "link"),
    [
        ("sqlite:////data/mlflow.db", "http://127.0.0.1:5000"),
        ("http://host:5001/", "http://host:5001"),
        ("https://ann:secret@host/mlflow", "https://host/mlflow"),
    ],
)
def test_links_open_the_runs_of_the_experiment(uri: str, link: str) -> None:
    store = Store(uri, experiment="iris", experiment_id="7")
    mode = "workflowType=machine_learning"
    assert study_url(store) == f"{link}/#/experiments/7/runs?{mode}"
    view = f"{mode}&viewStateShareKey=dlrun"
    assert study_url(store, has_view=True) == f"{link}/#/experiments/7/runs?{view}"
    assert study_url(replace(store, experiment_id=None)) == f"{link}/#/experiments?{mode}"


def test_a_server_has_its_page_already(server: Server) -> None:
    with serve_ui(Store(server.uri)) as page:
        assert page.url.startswith(f"{server.uri}/#/experiments")
        assert page.process is None
        page.wait()


def test_the_page_opens_in_the_saved_view_of_the_last_study(written: tuple[Store, str]) -> None:
    store, _ = written
    mode = "workflowType=machine_learning"
    place = f"http://127.0.0.1:5000/#/experiments/{store.experiment_id}/runs?{mode}"
    assert home_url(Store(store.uri)) == f"{place}&viewStateShareKey=dlrun"


def test_a_port_that_is_in_use(store: Store, taken_port: int) -> None:
    with pytest.raises(UsageError) as error, serve_ui(store, taken_port):
        pass
    assert str(error.value) == (
        f"port {taken_port} cannot be used (Address already in use). If `dlrun ui` is running "
        f"already, open http://127.0.0.1:{taken_port}; else choose another: "
        f"dlrun ui --port {taken_port + 1}"
    )


def test_a_server_that_does_not_start(
    store: Store, free_port: int, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = folder / "python"
    broken.write_text("#!/bin/sh\necho starting\necho 'no such option' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(broken))
    with pytest.raises(TrackingError) as error, serve_ui(store, free_port):
        pass
    assert str(error.value) == "MLflow's server did not start: no such option"


@pytest.mark.browser
@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_a_browser_shows_the_runs_until_ctrl_c(
    written: tuple[Store, str], free_port: int, tmp_path: Path
) -> None:
    store, _ = written
    before = set(store_folder(store).iterdir())
    with pytest.raises(KeyboardInterrupt), serve_ui(store, free_port) as page:
        tree = [psutil.Process(page.process.pid)]
        tree += tree[0].children(recursive=True)
        shown = subprocess.run(
            [
                CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
                "--disable-background-networking", "--disable-component-update",
                "--disable-sync", f"--user-data-dir={tmp_path}",
                "--virtual-time-budget=20000", "--dump-dom", page.url,
            ],
            capture_output=True, text=True, check=True, timeout=120,
        ).stdout  # fmt: skip
        assert "iris-1" in shown
        assert "matching run" in shown
        assert "dlrun: cost and quality" in shown  # the saved view
        raise KeyboardInterrupt
    assert not [process for process in tree if process.is_running()]
    assert set(store_folder(store).iterdir()) == before


def store_folder(store: Store) -> Path:
    return Path(store.uri.removeprefix("sqlite:///")).parent
