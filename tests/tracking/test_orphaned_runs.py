"""Whatever ends a process, no run stays RUNNING: real processes, real signals."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from dlrun.contract.trial import Trial
from dlrun.system.signals import Terminated, raise_on_signals
from dlrun.tracking.facts import StudyFacts
from dlrun.tracking.orphaned_runs import close_dead_runs
from dlrun.tracking.read import find_study
from dlrun.tracking.store import Store, open_store, search_runs
from dlrun.tracking.study import StudyRun

pytestmark = pytest.mark.slow

forks = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


@contextmanager
def in_a_process(work: Callable[[Callable[[], None]], None]) -> Iterator[Any]:
    """Lend a process that has called what it was given."""
    fork = multiprocessing.get_context("fork")
    ready = fork.Event()
    process = fork.Process(target=work, args=(ready.set,))
    process.start()
    assert ready.wait(30)
    try:
        yield process
    finally:
        process.kill()
        process.join()


def statuses(store: Store) -> dict[str, str]:
    return {run.info.run_name: run.info.status for run in search_runs(store, "")}


@pytest.fixture
def half_a_study(
    folder: Path, facts: StudyFacts, trials: tuple[Trial, ...]
) -> Callable[[Callable[[], None]], None]:
    def work(tell: Callable[[], None]) -> None:
        try:
            store = open_store(None, experiment="iris")
            with raise_on_signals(), StudyRun(store, facts) as study:
                study.begin_candidate("linear", "classic", {})
                study.log_trial(trials[0])
                tell()
                time.sleep(60)
        except Terminated as end:
            sys.exit(128 + end.number)

    return work


@forks
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_runs(half_a_study: Any, number: signal.Signals) -> None:
    with in_a_process(half_a_study) as process:
        os.kill(process.pid, number)
        process.join(30)
    assert process.exitcode == 128 + number
    store = open_store(None)
    assert statuses(store) == {"iris-1": "KILLED", "linear": "KILLED"}
    study = find_study(store)
    assert len(study.trials) == 1
    assert len(study.read_predictions("linear")) == 50


@forks
def test_a_process_that_was_killed_is_closed_at_the_next_start(half_a_study: Any) -> None:
    with in_a_process(half_a_study) as process:
        os.kill(process.pid, signal.SIGKILL)
        process.join(30)
    store = open_store(None)
    assert statuses(store) == {"iris-1": "RUNNING", "linear": "RUNNING"}
    assert close_dead_runs(store) == ("iris-1",)
    assert statuses(store) == {"iris-1": "KILLED", "linear": "KILLED"}
    assert close_dead_runs(store) == ()
    assert len(find_study(store).trials) == 1


def test_a_living_study_is_left_alone(store: Store, facts: StudyFacts) -> None:
    with StudyRun(store, facts):
        assert close_dead_runs(store) == ()
        assert statuses(store) == {"iris-1": "RUNNING"}


def test_the_number_of_a_dead_process_may_have_been_given_to_another(store: Store) -> None:
    tags = {
        "dlrun.role": "study", "dlrun.host": socket.gethostname(), "dlrun.pid": str(os.getpid())
    }  # fmt: skip
    store.client.create_run(store.experiment_id, start_time=1000, tags=tags, run_name="old")
    assert close_dead_runs(store) == ("old",)


def test_runs_of_other_hosts_and_other_tools_are_left_alone(store: Store) -> None:
    elsewhere = {"dlrun.role": "study", "dlrun.host": "elsewhere", "dlrun.pid": "1"}
    for name, tags in (("elsewhere", elsewhere), ("not ours", {})):
        store.client.create_run(store.experiment_id, start_time=1000, tags=tags, run_name=name)
    assert close_dead_runs(store) == ()
    assert statuses(store) == {"elsewhere": "RUNNING", "not ours": "RUNNING"}


def test_signals_do_what_they_did_before_afterwards() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(Terminated, match="stopped by SIGTERM") as end, raise_on_signals():
        signal.raise_signal(signal.SIGTERM)
    assert end.value.number == signal.SIGTERM
    assert isinstance(end.value, KeyboardInterrupt)
    assert signal.getsignal(signal.SIGTERM) is before


def test_under_nohup_a_hangup_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with raise_on_signals():
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)
