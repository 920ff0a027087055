"""From a signal to the end of a process, whatever holds its main thread: real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

PROGRAM = """
import multiprocessing, subprocess, sys, threading, time
from contextlib import suppress
from dlrun.system import forced_exit as module
from dlrun.system.forced_exit import closing, forced_exit, last_words, leave
from dlrun.system.signals import exit_code, raise_on_signals

module.PATIENCE_SECONDS = float(sys.argv[2])

def ready():
    print("ready", flush=True)

def native():
    "Python runs no handler within: the main thread never comes back."
    lock = threading.Lock()
    lock.acquire()
    unsaid = [ready]
    while True:
        with suppress(KeyboardInterrupt):
            while unsaid:
                unsaid.pop()()
            lock.acquire()

def locked():
    ready()
    sum(range(10**11))

def slow_save():
    try:
        ready()
        time.sleep(60)
    except KeyboardInterrupt:
        with closing():
            time.sleep(4)
            print("saved", flush=True)
        raise

def parent():
    subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(60)"])
    native()

def pool():
    fork = multiprocessing.get_context("fork")
    child = fork.Process(target=time.sleep, args=(60,))
    child.start()
    time.sleep(0.2)
    child.terminate()
    child.join()
    ready()
    print(child.exitcode, flush=True)
    time.sleep(4)

try:
    with forced_exit(lambda: print("to go on", flush=True)), raise_on_signals():
        with last_words(lambda: print("killed", flush=True)):
            globals()[sys.argv[1]]()
except KeyboardInterrupt as stop:
    leave(exit_code(stop))
"""


def started(what: str, patience: str = "3") -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, what, patience], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    assert process.stdout.readline() == "ready\n"
    return process


def stopped(process: subprocess.Popen[str], *numbers: int) -> tuple[int, float, str]:
    """Return exit code, seconds and output of a process that gets these signals."""
    began = time.monotonic()
    for number in numbers:
        process.send_signal(number)
        time.sleep(0.05)
    output, _ = process.communicate(timeout=60)
    return process.returncode, time.monotonic() - began, output


def runs(process: psutil.Process) -> bool:
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_main_thread_that_reacts_ends_at_once(number: int, code: int) -> None:
    found, _, output = stopped(started("pool"), number)
    assert found == code
    assert "killed" not in output  # as it would be said after three seconds


@pytest.mark.slow
def test_one_that_does_not_is_left_with_its_processes() -> None:
    process, began = started("parent"), time.monotonic()
    children = psutil.Process(process.pid).children()
    assert len(children) == 2  # of which one is the guard
    code, seconds, output = stopped(process, signal.SIGTERM)
    assert (code, output) == (143, "killed\nto go on\n")
    assert seconds < 15  # 3 and a little; a loaded machine takes longer
    while any(map(runs, children)) and time.monotonic() < began + 60:
        time.sleep(0.05)
    assert not any(map(runs, children))


@pytest.mark.slow
def test_what_is_saved_after_a_signal_has_more_time() -> None:
    code, _, output = stopped(started("slow_save"), signal.SIGTERM)
    assert (code, output) == (143, "saved\n")


@pytest.mark.slow
def test_a_second_signal_is_not_waited_for() -> None:
    code, seconds, output = stopped(started("native", "60"), signal.SIGINT, signal.SIGINT)
    assert (code, output) == (130, "killed\nto go on\n")
    assert seconds < 40


@pytest.mark.slow
def test_one_that_stops_all_threads_is_killed_from_outside() -> None:
    process = started("locked")
    while psutil.Process(process.pid).cpu_times().user < 1:
        time.sleep(0.05)  # it counts by now
    code, seconds, _ = stopped(process, signal.SIGTERM)
    assert code == -signal.SIGKILL
    assert seconds < 15


@pytest.mark.slow
def test_a_pool_that_ends_its_forked_processes_ends_nothing_else() -> None:
    """They have inherited the handlers, and the socket that wakes the thread."""
    with started("pool") as process:
        assert process.stdout
        # Not communicate, which does not see what readline has read ahead.
        assert process.stdout.read() == f"{-signal.SIGTERM}\n"


def test_outside_of_the_block_signals_are_as_before() -> None:
    from dlrun.system.forced_exit import forced_exit

    before = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(before)
    with forced_exit(lambda: None):
        assert len(psutil.Process(os.getpid()).children()) >= 1
    after = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(after)
    assert after == before
