"""A process that was asked to stop ends in seconds, whatever code holds its main thread."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from dlrun.system.signals import SIGNALS

PATIENCE_SECONDS: Final = 3.0  # for the main thread to react
CLOSING_SECONDS: Final = 30.0  # for what is written then: a server may be slow
SECOND_SIGNAL_SECONDS: Final = 0.5
LAST_WORDS_SECONDS: Final = 1.0
POLL_SECONDS: Final = 0.1
END: Final = b"\0"

_last_words: Final[list[Callable[[], None]]] = []
_is_closing: Final = threading.Event()
_watched: Final[set[int]] = set()  # the number of this process, within `forced_exit`


@contextmanager
def forced_exit(farewell: Callable[[], None]) -> Iterator[None]:
    """End the process seconds after SIGINT, SIGTERM or SIGHUP, unless the block has ended by then.

    Python runs no handler while native code holds the main thread, which an estimator's fit may
    do for minutes, and its exception may be caught. So the signal wakes a thread (`set_wakeup_fd`),
    which waits, then calls what `last_words` was given, kills all child processes and exits with
    128 + the signal's number. Where native code stops all threads as well, a process beside this
    one kills it (`dlrun.system.guard`).

    Args:
        farewell: prints how to go on.
    """
    heard, written = socket.socketpair()
    written.setblocking(False)
    before = signal.set_wakeup_fd(written.fileno(), warn_on_full_buffer=False)
    _watched.add(os.getpid())
    thread = threading.Thread(target=_watch, args=(heard, farewell), daemon=True)
    thread.start()
    guard = _start_guard(heard)
    try:
        yield
    finally:
        guard.kill()
        guard.wait()
        signal.set_wakeup_fd(before)
        _watched.clear()
        written.send(END)
        thread.join()
        heard.close()
        written.close()


@contextmanager
def last_words(speak: Callable[[], None]) -> Iterator[None]:
    """Call this at a forced exit within; after the block, what is written has more time."""
    _is_closing.clear()
    _last_words.append(speak)
    try:
        yield
    finally:
        _last_words.remove(speak)
        _is_closing.set()


@contextmanager
def closing() -> Iterator[None]:
    """Give what is written within, after a signal, more time."""
    _is_closing.set()
    try:
        yield
    finally:
        _is_closing.clear()


def leave(code: int) -> None:
    """Exit without waiting for what an interrupted estimator has left: threads and processes."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError):  # its reader has ended
            stream.flush()
    _kill_children()
    os._exit(code)


def _start_guard(heard: socket.socket) -> subprocess.Popen[bytes]:
    import psutil

    where = [str(heard.fileno()), str(os.getpid()), str(Path(psutil.__file__).parents[1])]
    return subprocess.Popen(
        [sys.executable, "-I", "-S", str(Path(__file__).with_name("guard.py")), *where],
        pass_fds=[heard.fileno()],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # a Ctrl-C is not for it
    )


def _watch(heard: socket.socket, farewell: Callable[[], None]) -> None:
    number, first = _receive(heard, None), time.monotonic()
    if number is None:
        return
    second = None
    while time.monotonic() < _deadline(first, second):
        with suppress(TimeoutError):
            if _receive(heard, POLL_SECONDS) is None:
                return
            second = second or time.monotonic()
    _speak([*_last_words, farewell])
    leave(128 + number)


def _deadline(first: float, second: float | None) -> float:
    """Return when the process ends by force; the times are those of the signals."""
    if second:
        return second + SECOND_SIGNAL_SECONDS
    return first + (CLOSING_SECONDS if _is_closing.is_set() else PATIENCE_SECONDS)


def _receive(heard: socket.socket, seconds: float | None) -> int | None:
    """Return the number of the next signal that asks to stop; None where the block has ended.

    What is not read tells the guard that this thread does not run; so it is not read before.
    """
    while select.select([heard], [], [], seconds)[0]:
        byte = heard.recv(1)
        if byte == END:
            return None
        if byte[0] in SIGNALS:
            return byte[0]
    raise TimeoutError


def _speak(words: Sequence[Callable[[], None]]) -> None:
    """Call one after the other, in a thread that is not waited for if it takes long."""

    def speak() -> None:
        for each in words:
            each()

    speaker = threading.Thread(target=speak, daemon=True)
    speaker.start()
    speaker.join(LAST_WORDS_SECONDS)


def _kill_children() -> None:
    import psutil

    for child in psutil.Process().children(recursive=True):
        try:
            # The trackers of multiprocessing and joblib end by themselves, and remove what the
            # others have left in shared memory.
            if not any("resource_tracker" in word for word in child.cmdline()):
                child.kill()
        except psutil.Error:  # ended since it was listed
            continue


def _forget_in_child() -> None:
    """Leave the parent's thread alone: a forked process inherits the socket that wakes it."""
    if _watched:
        _watched.clear()
        signal.set_wakeup_fd(-1)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_in_child)
