"""A study that is asked to stop: it ends cleanly, and never in the middle of writing."""

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
    """The process was asked to end; `number` is the signal."""

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.number = number


@contextmanager
def raise_on_sigterm() -> Iterator[None]:
    """Raise `Terminated` where SIGTERM or SIGHUP would end the process without a word.

    A signal that is already ignored stays so: that is what nohup does with SIGHUP.
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
    """Let a signal wait until what is being written is written; a second one does not wait.

    Interrupted inside a transaction, MLflow leaves its database locked, and the run could not be
    marked as killed any more.
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
