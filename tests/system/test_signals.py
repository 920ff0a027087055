"""Signals: heard at once, but not in the middle of writing."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from dlrun.system.signals import Terminated, deferred_signals, raise_on_signals


@pytest.mark.parametrize(
    ("number", "raised"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, Terminated)]
)
def test_a_signal_waits_until_everything_is_written(number, raised):
    written = []
    before = signal.getsignal(number)
    with pytest.raises(raised), raise_on_signals():
        with deferred_signals():
            os.kill(os.getpid(), number)
            written.append("the rest")
        written.append("too much")
    assert written == ["the rest"]
    assert signal.getsignal(number) is before


def test_a_second_signal_does_not_wait():
    written = []
    with pytest.raises(KeyboardInterrupt), deferred_signals():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
        written.append("a server that never answers")
    assert written == []


def test_an_error_while_writing_is_raised_and_signals_are_heard_again():
    with pytest.raises(OSError, match="full"), deferred_signals():
        msg = "full"
        raise OSError(msg)
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)


def test_other_threads_write_as_they_are():
    written = []

    def write():
        with deferred_signals():
            written.append(1)

    thread = threading.Thread(target=write)
    thread.start()
    thread.join()
    assert written == [1]
