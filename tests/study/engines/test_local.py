"""Worker processes of this machine: what they compute, what they send, and how they end."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import psutil
import pytest
from trials import baseline, make_dataset, make_splits, task, tasks

from dlrun.contract.candidate import Epoch
from dlrun.recipe.schema import Execution
from dlrun.study.engines.local import LocalProcesses, open_local
from dlrun.study.engines.shared import share
from dlrun.study.engines.slot import HIDDEN, Slot
from dlrun.study.strands import run_strands
from dlrun.study.trial import run_trial

pytestmark = pytest.mark.slow

JOBS = '''
import logging, os, signal, sys, time
from pathlib import Path
from types import SimpleNamespace

from dlrun.contract.candidate import Epoch


class Job:
    """Does what its name says, and sends three epochs before."""

    def __init__(self, what, folder, framework="scikit-learn"):
        self.what, self.folder = what, Path(folder)
        self.candidate = SimpleNamespace(name=what, framework=framework)

    def run(self, dataset, on_epoch, threads):
        with (self.folder / "starts").open("a") as file:
            print(os.getpid(), file=file)
        for number in (1, 2, 3):
            on_epoch(Epoch(number, 3, {}, 0.0))
        return getattr(self, self.what)(dataset, threads)

    def failed(self, reason):
        return reason

    def look(self, dataset, threads):
        modules = {"tensorflow", "mlflow"} & set(sys.modules)
        said = os.environ["OMP_NUM_THREADS"], os.environ.get("CUDA_VISIBLE_DEVICES")
        return len(dataset), threads, said, sorted(modules)

    def log(self, dataset, threads):
        logging.getLogger("dlrun.some").warning("%s of %s", "one", "two")
        return "logged"

    def die(self, dataset, threads):
        os.kill(os.getpid(), signal.SIGKILL)

    def die_once(self, dataset, threads):
        if (self.folder / "starts").read_text().count("\\n") == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return "lived"

    def leave(self, dataset, threads):
        os._exit(7)

    def leave_a_child(self, dataset, threads):
        if os.fork():
            os._exit(7)
        time.sleep(10)
        os._exit(0)

    def fail(self, dataset, threads):
        return 1 / 0

    def sleep(self, dataset, threads):
        try:
            with (self.folder / "asleep").open("a") as file:
                print(file=file)
            time.sleep(60)
        except KeyboardInterrupt:
            (self.folder / "checkpoint").touch()
            raise
'''


@pytest.fixture
def make_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., object]:
    """Return a maker of jobs, whose module is beside the recipe and nowhere else."""
    (tmp_path / "own_jobs.py").write_text(JOBS, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    sys.modules.pop("own_jobs", None)
    import own_jobs  # type: ignore[import-not-found]

    return lambda what, **more: own_jobs.Job(what, tmp_path, **more)


@contextmanager
def _two() -> Iterator[LocalProcesses]:
    with open_local(Execution(workers=2), make_dataset()) as engine:
        yield engine
    assert _children() == []


def _children() -> list[psutil.Process]:
    ours = [each for each in psutil.Process().children() if "local_worker" in _command(each)]
    return [each for each in ours if each.status() != psutil.STATUS_ZOMBIE]


def _command(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def _run(engine: LocalProcesses, job: object) -> tuple[object, list[int]]:
    epochs: list[int] = []
    engine.submit(5, job)  # type: ignore[arg-type]
    number, result = engine.wait(lambda _, epoch: epochs.append(epoch.number))
    assert number == 5
    return result, epochs


def test_workers_give_the_trials_that_this_process_gives(tmp_path: Path) -> None:
    dataset, splits = make_dataset(), make_splits(4)
    given = tasks(baseline(dataset, "decision_tree"), splits, tmp_path / "model")

    def strand(each):  # type: ignore[no-untyped-def]
        return (yield each)

    with _two() as engine:
        found = dict(run_strands(engine, map(strand, given), lambda *_: None))
        assert 1 <= len(_children()) <= 2
    for number, each in enumerate(given):
        alone = run_trial(each, dataset)
        assert found[number].scores == alone.scores
        np.testing.assert_array_equal(found[number].predictions.values, alone.predictions.values)
    assert (tmp_path / "model").is_dir()


def test_a_job_is_run_as_in_this_process(make_job, caplog, monkeypatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    with _two() as engine:
        assert _run(engine, make_job("look")) == ((90, 1, ("1", None), []), [1, 2, 3])
        with caplog.at_level(logging.WARNING):
            assert _run(engine, make_job("log"))[0] == "logged"
        with pytest.raises(ZeroDivisionError) as raised:
            _run(engine, make_job("fail"))
    assert "return 1 / 0" in raised.value.__notes__[0]
    assert [(each.name, each.getMessage()) for each in caplog.records] == [
        ("dlrun.some", "one of two")
    ]


def test_a_lost_worker_costs_its_job_after_three_attempts(make_job, tmp_path) -> None:
    with _two() as engine:
        assert _run(engine, make_job("die_once")) == ("lived", [1, 2, 3])
        assert _run(engine, make_job("die")) == (
            "die: its process was killed, most likely for lack of memory. Lower "
            "execution.workers, or take fewer rows: data.max_rows",
            [1, 2, 3],
        )
        assert _run(engine, make_job("leave")) == (
            "leave: its process ended with exit code 7, 3 times", [1, 2, 3],
        )  # fmt: skip
        assert _run(engine, make_job("look"))[1] == [1, 2, 3]
    started = (tmp_path / "starts").read_text().split()
    assert len(started) == 2 + 3 + 3 + 1
    assert len(set(started[:8])) == 7  # the second of die_once goes on to the first of die


def test_at_ctrl_c_networks_keep_a_checkpoint(make_job, tmp_path) -> None:
    with pytest.raises(KeyboardInterrupt), _two() as engine:
        engine.submit(0, make_job("sleep", framework="tensorflow"))
        engine.submit(1, make_job("sleep"))
        asleep = tmp_path / "asleep"
        while not asleep.exists() or asleep.read_text().count("\n") < 2:
            time.sleep(0.05)
        began = time.monotonic()
        raise KeyboardInterrupt
    assert time.monotonic() - began < 40  # they sleep for 60 seconds
    assert (tmp_path / "checkpoint").exists()


DRIVER = """
import sys, time
sys.path[:0] = [{folder!r}, {tests!r}]
import own_jobs
from trials import make_dataset
from dlrun.recipe.schema import Execution
from dlrun.study.engines.local import open_local
with open_local(Execution(workers=2), make_dataset()) as engine:
    for number in (0, 1):
        engine.submit(number, own_jobs.Job("sleep", {folder!r}))
    print("ready", flush=True)
    engine.wait(lambda *_: None)
"""


@pytest.mark.usefixtures("make_job")
def test_no_worker_outlives_a_driver_that_is_killed(tmp_path: Path) -> None:
    code = DRIVER.format(folder=str(tmp_path), tests=str(Path(__file__).parents[2]))
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as driver:
        assert driver.stdout
        driver.stdout.readline()
        starts = tmp_path / "starts"
        while not starts.exists() or starts.read_text().count("\n") < 2:
            time.sleep(0.05)
        workers = [psutil.Process(int(each)) for each in starts.read_text().split()]
        driver.kill()
    _, alive = psutil.wait_procs(workers, 5)
    assert alive == []


def test_arrays_of_a_shared_value_are_pages_of_one_file() -> None:
    value = {"a": np.arange(1000.0), "f": np.ones((3, 4), order="F"), "text": ["x", None]}
    with share(value) as shared:
        loaded = shared.load()
        assert os.fstat(shared.descriptor).st_nlink == 0
    assert loaded["text"] == value["text"]
    np.testing.assert_array_equal(loaded["a"], value["a"])
    assert loaded["f"].flags.f_contiguous
    assert not loaded["a"].flags.writeable
    assert loaded["a"].ctypes.data % 64 == 0


def test_epochs_that_a_lost_worker_sent_are_passed_on_once() -> None:
    from dlrun.study.engines.attempts import Attempts

    attempts, passed = Attempts(0, task(baseline(make_dataset()), make_splits(1)[0])), []

    def on_epoch(_: int, epoch: Epoch) -> None:
        passed.append(epoch.number)

    for number in (1, 2, 1):  # two fits of one job
        attempts.pass_on(Epoch(number, 2, {}, 0.0), on_epoch)
    attempts.lose(-signal.SIGKILL)
    for number in (1, 2, 1, 2):
        attempts.pass_on(Epoch(number, 2, {}, 0.0), on_epoch)
    assert passed == [1, 2, 1, 2]


def test_a_worker_that_leaves_a_process_with_its_pipe_is_lost_all_the_same(make_job) -> None:
    with _two() as engine:
        result, _ = _run(engine, make_job("leave_a_child"))
    assert result == "leave_a_child: its process ended with exit code 7, 3 times"


def test_a_network_gets_a_gpu_and_classic_candidates_need_none(make_job, monkeypatch) -> None:
    """There is no GPU here: what a worker is told is all that can be seen."""
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    with share(make_dataset()) as rows:
        engine = LocalProcesses([Slot(rows, 1, gpus) for gpus in (HIDDEN, "2,3")])
        try:
            engine.submit(0, make_job("look", framework="tensorflow"))
            engine.submit(
                1, make_job("look", framework="tensorflow")
            )  # waits for the only slot with GPUs
            engine.submit(2, make_job("look"))
            found = dict(engine.wait(lambda *_: None) for _ in range(3))
        finally:
            engine.close()
    assert {number: said[2][1] for number, said in found.items()} == {0: "2,3", 1: "2,3", 2: "-1"}
