"""Costs are measured: time, memory, latency, size and threads."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dlrun.contract.candidate import Predictions
from dlrun.system import cost

linux = pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux' /proc")


def work(seconds: float) -> None:
    """Keep one core busy for this many CPU seconds."""
    end = time.process_time() + seconds
    while time.process_time() < end:
        sum(range(1000))


class Slow:
    """A model that takes its time, and tells what it was asked."""

    best_epoch = None
    parameters = 1

    def __init__(self, seconds: float, *, is_busy: bool = True) -> None:
        self.seconds = seconds
        self.is_busy = is_busy
        self.asked: list[int] = []

    def predict(self, frame: pd.DataFrame) -> Predictions:
        self.asked.append(len(frame))
        (work if self.is_busy else time.sleep)(self.seconds)
        return Predictions(np.zeros(len(frame)))

    def save(self, folder: Path) -> None: ...


def prepared(model: Slow) -> Any:
    return lambda frame: partial(model.predict, frame)


def test_sleeping_takes_time_but_no_cpu() -> None:
    with cost.measure() as spent:
        time.sleep(0.1)
    assert spent.wall_seconds >= 0.1
    assert spent.cpu_seconds < 0.05


def test_cpu_seconds_are_those_of_children_too() -> None:
    code = "import time\nwhile time.process_time() < .3: pass"
    with cost.measure() as spent:
        work(0.1)
        subprocess.run([sys.executable, "-c", code], check=True)
    assert spent.cpu_seconds == pytest.approx(0.4, abs=0.15)


def test_a_child_that_still_runs_counts() -> None:
    code = "import time\nwhile time.process_time() < .2: pass\nprint(flush=True)\ntime.sleep(60)"
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    try:
        with cost.measure() as spent:
            assert child.stdout is not None
            child.stdout.readline()
        assert spent.cpu_seconds > 0.05
    finally:
        child.kill()
        child.communicate()


@linux
def test_peak_memory_is_that_of_the_stretch() -> None:
    with cost.measure() as large:
        np.ones(200 * 2**17)  # 200 MB
    with cost.measure() as small:
        np.ones(10 * 2**17)
    assert 150 < large.peak_memory_mb - small.peak_memory_mb < 250


def test_without_proc_the_peak_is_that_of_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cost, "PROCESS_STATUS", tmp_path / "status")
    with cost.measure() as spent:
        pass
    assert 20 < spent.peak_memory_mb < 20_000


def test_a_stretch_that_fails_is_measured() -> None:
    with pytest.raises(ZeroDivisionError), cost.measure() as spent:
        time.sleep(0.02)
        _ = 1 / 0
    assert spent.wall_seconds >= 0.02


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame({"x": np.arange(300.0)})


def test_latency_is_the_median_of_one_row_and_a_thousand(
    frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cost, "BUSY_SHARE", 0.0)  # the machine that tests may be busy
    model = Slow(0.01)
    one, thousand = cost.latency(prepared(model), frame)
    assert set(model.asked) == {1, 1000}
    assert one is not None and 10 <= one < 100
    assert thousand is not None and 10 <= thousand < 100


def test_a_slow_model_is_not_asked_often(
    frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cost, "LATENCY_BUDGET_SECONDS", 0.05)
    model = Slow(0.1)
    cost.latency(prepared(model), frame)
    assert model.asked == [1, 1, 1000, 1000]


def test_a_very_slow_model_is_asked_once(
    frame: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cost, "LONG_CALL_SECONDS", 0.05)
    monkeypatch.setattr(cost, "BUSY_SHARE", 0.0)
    model = Slow(0.1)
    one, thousand = cost.latency(prepared(model), frame)
    assert model.asked == [1, 1000]
    assert one is not None and thousand is not None and min(one, thousand) >= 100


def test_no_latency_is_claimed_when_the_process_had_to_wait(frame: pd.DataFrame) -> None:
    assert cost.latency(prepared(Slow(0.05, is_busy=False)), frame) == (None, None)


def test_a_folder_is_the_sum_of_its_files(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "a").write_bytes(b"x" * 2**20)
    (tmp_path / "deep" / "b").write_bytes(b"x" * 2**19)
    assert cost.folder_mb(tmp_path) == 1.5


@pytest.fixture
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*cost.THREAD_VARIABLES, cost.OWN_CHOICE, "GOMP_SPINCOUNT"):
        monkeypatch.setenv(name, "")  # so that what is set is removed after the test
        monkeypatch.delenv(name)


@pytest.mark.usefixtures("no_variables")
def test_pinned_threads_leave_the_users_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MKL_NUM_THREADS", "7")
    monkeypatch.setattr(cost, "n_cores", lambda: 3)
    cost.pin_threads()
    assert {name: os.environ[name] for name in (*cost.THREAD_VARIABLES, "GOMP_SPINCOUNT")} == {
        "OMP_NUM_THREADS": "3",
        "OPENBLAS_NUM_THREADS": "3",
        "MKL_NUM_THREADS": "7",
        "TF_NUM_INTRAOP_THREADS": "3",
        "GOMP_SPINCOUNT": "20000",
    }
    assert cost.user_threads() is None
    assert cost.n_threads(n_workers=2) == 1


@pytest.mark.usefixtures("no_variables")
def test_the_users_number_of_threads_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "5,2")
    monkeypatch.setattr(cost, "n_cores", lambda: 3)
    cost.pin_threads()
    assert os.environ["TF_NUM_INTRAOP_THREADS"] == "5"
    assert cost.user_threads() == cost.n_threads() == cost.n_threads(n_workers=2) == 5


def test_start_up_is_counted_apart() -> None:
    with cost.measure() as spent:
        with cost.startup():
            work(0.1)
        work(0.02)
    assert spent.startup_seconds >= 0.1
    assert spent.cpu_seconds == pytest.approx(0.02, abs=0.01)
    assert spent.wall_seconds < spent.startup_seconds


def test_limited_threads_hold_the_libraries_and_joblib() -> None:
    import joblib
    from threadpoolctl import threadpool_info

    np.ones((2, 2)) @ np.ones((2, 2))
    with cost.limited_threads(1):
        assert {pool["num_threads"] for pool in threadpool_info()} == {1}
        assert joblib.effective_n_jobs(None) == 1
    with cost.limited_threads(3):
        assert joblib.effective_n_jobs(None) == 3


@pytest.mark.parametrize(
    ("quota", "cores"), [("max 100000", 4), ("200000 100000", 2), ("50000 100000", 1), (None, 4)]
)
def test_a_container_may_have_fewer_cores(
    quota: str | None, cores: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "cpu.max"
    if quota is not None:
        file.write_text(quota, encoding="ascii")
    monkeypatch.setattr(cost, "CGROUP_QUOTA", file)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3}, raising=False)
    assert cost.n_cores() == cores


def test_importing_it_loads_no_numeric_library() -> None:
    """Threads are pinned by variables that those libraries read when they are imported."""
    code = "import dlrun.system.cost, sys; print({'numpy', 'joblib', 'sklearn'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "set()\n"
