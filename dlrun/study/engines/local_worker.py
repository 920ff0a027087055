"""A worker process of this machine: runs the jobs that its driver sends through a pipe.

Run as a program by `dlrun.study.engines.slot`, with two arguments: the number of an inherited
pipe and that of the driver's process. It never outlives its driver.
"""

from __future__ import annotations

import ctypes
import logging
import os
import pickle
import signal
import sys
import threading
from contextlib import suppress
from logging.handlers import QueueHandler
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final

from dlrun.study.engines.messages import JobError, JobResult
from dlrun.system.forced_exit import leave
from dlrun.system.terminal import clean_output

if TYPE_CHECKING:
    from dlrun.contract.candidate import Epoch

PR_SET_PDEATHSIG: Final = 1  # of Linux' prctl


class DriverPipe:
    """The driver at the other end of the pipe."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()  # libraries may log from threads of their own
        self._received: SimpleQueue[bytes] = SimpleQueue()
        threading.Thread(target=self._read, daemon=True).start()

    def receive(self) -> Any:
        """Return what the driver sends next."""
        return pickle.loads(self._received.get())

    def send(self, message: object) -> None:
        """Send a message; where the driver is gone, so is this process."""
        with self._lock:
            try:
                self._connection.send(message)
            except OSError:
                leave(1)

    def _read(self) -> None:
        """Read on while a job runs, so that the end of the driver is noticed."""
        while True:
            try:
                self._received.put(self._connection.recv_bytes())
            except (EOFError, OSError):
                leave(0)


class LogSender(QueueHandler):
    """Sends log records to the driver, whose handlers are the user's."""

    def __init__(self, driver: DriverPipe) -> None:
        super().__init__(SimpleQueue())
        self._driver = driver

    def enqueue(self, record: logging.LogRecord) -> None:
        """Send a record that `prepare` has made picklable."""
        self._driver.send(record)


def serve(driver: DriverPipe) -> None:
    """Run jobs, one after the other, until the driver closes the pipe."""
    shared, threads = driver.receive()
    dataset = shared.load()

    def on_epoch(epoch: Epoch) -> bool:
        driver.send(epoch)
        return True

    while True:
        job = driver.receive()
        driver.send(JobResult(job.run(dataset, on_epoch, threads)))


def _end_with(driver: int) -> None:
    """Let Linux kill this process when its driver ends, though native code holds its threads."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != driver:
        leave(0)


def main() -> None:
    """Serve the driver; its Ctrl-C ends a job, which may keep a checkpoint."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _end_with(int(sys.argv[2]))
    driver = DriverPipe(Connection(int(sys.argv[1])))
    logging.getLogger().addHandler(LogSender(driver))
    with clean_output(), suppress(KeyboardInterrupt):
        try:
            serve(driver)
        except Exception as error:
            driver.send(JobError.of(error))
    leave(0)


if __name__ == "__main__":
    main()
