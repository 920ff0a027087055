"""A study that is asked to stop: SIGTERM and SIGHUP end it as cleanly as Ctrl-C does."""

from __future__ import annotations

import signal
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
def terminable() -> Iterator[None]:
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
