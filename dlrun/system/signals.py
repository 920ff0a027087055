"""Signals that stop a study: raised as exceptions, deferred during writes."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Final, NoReturn

SIGNALS: Final = tuple(
    getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)
)


class Terminated(KeyboardInterrupt):
    """A signal asked the process to end; `number` is the signal's."""

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.number = number


@contextmanager
def raise_on_sigterm() -> Iterator[None]:
    """Raise `Terminated` on SIGTERM or SIGHUP within.

    An ignored signal stays ignored: nohup ignores SIGHUP.
    """
    before = {number: signal.getsignal(number) for number in SIGNALS}
    caught = [number for number in SIGNALS if before[number] is not signal.SIG_IGN]
    for number in caught:
        signal.signal(number, _terminate)
    try:
        yield
    finally:
        for number in caught:
            signal.signal(number, before[number])


def _terminate(number: int, _frame: FrameType | None) -> NoReturn:
    raise Terminated(number)


@contextmanager
def deferred_signals() -> Iterator[None]:
    """Defer a signal to the end of the block; a second one is raised at once.

    Interrupted inside a transaction, MLflow leaves its database locked, and the run could not be
    marked as killed.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # signals arrive in the main thread alone
        return
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, *SIGNALS)}
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
