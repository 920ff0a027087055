"""Signals that stop a study: raised as exceptions, deferred during writes, never swallowed."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final, NoReturn

SIGNALS: Final = tuple(
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)
EXIT_CODES: Final = tuple(128 + number for number in SIGNALS)  # as a shell reports them

_arrived: Final[list[int]] = []  # in this process, as are the handlers


class Terminated(KeyboardInterrupt):
    """A signal asked the process to end; `number` is the signal's."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number

    def __str__(self) -> str:
        return f"stopped by {signal.Signals(self.number).name}"


def exit_code(stop: KeyboardInterrupt) -> int:
    """Return the exit code of a process that was stopped: 130, 143 or 129."""
    return 128 + (stop.number if isinstance(stop, Terminated) else signal.SIGINT)


@contextmanager
def raise_on_signals() -> Iterator[None]:
    """Raise `Terminated` on SIGINT, SIGTERM or SIGHUP within.

    An ignored signal stays ignored: nohup ignores SIGHUP.
    """
    with _handled([each for each in SIGNALS if signal.getsignal(each) is not signal.SIG_IGN]):
        yield


@contextmanager
def unswallowed_signals() -> Iterator[Callable[[], None]]:
    """Yield a check that raises `Terminated` where a signal has arrived within.

    Some estimators catch KeyboardInterrupt and return what they have fitted so far, such as
    scikit-learn's MLPClassifier. In a worker process, Ctrl-C alone is caught; the others end it.
    """
    n_before = len(_arrived)

    def check() -> None:
        if len(_arrived) > n_before:
            raise Terminated(_arrived[n_before])

    is_default = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with _handled([signal.SIGINT] if is_default else []):
        yield check


@contextmanager
def _handled(numbers: list[int]) -> Iterator[None]:
    """Raise `Terminated` on these signals within; they arrive in the main thread alone."""
    if not _in_main_thread():
        yield
        return
    before = {number: signal.signal(number, _terminate) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _terminate(number: int, _frame: FrameType | None) -> NoReturn:
    _arrived.append(number)
    raise Terminated(number)


def _restore_in_child() -> None:
    """Let a forked process end as any other: a pool ends its own by SIGTERM."""
    for number in SIGNALS:
        if signal.getsignal(number) is _terminate:
            is_interrupt = number == signal.SIGINT
            signal.signal(number, signal.default_int_handler if is_interrupt else signal.SIG_DFL)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_restore_in_child)


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()


@contextmanager
def deferred_signals() -> Iterator[None]:
    """Defer a signal to the end of the block; a second one is raised at once.

    Interrupted inside a transaction, MLflow leaves its database locked, and the run could not be
    marked as killed.
    """
    if not _in_main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in SIGNALS}
    caught = {number: handler for number, handler in before.items() if callable(handler)}
    waiting: list[int] = []

    def wait(number: int, frame: FrameType | None) -> None:
        if waiting:
            caught[signal.Signals(number)](number, frame)
        waiting.append(number)

    for number in caught:
        signal.signal(number, wait)
    try:
        yield
    finally:
        for number, handler in caught.items():
            signal.signal(number, handler)
        if waiting:
            caught[signal.Signals(waiting[0])](waiting[0], None)
