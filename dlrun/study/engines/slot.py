"""A slot of this machine: a worker process that is started when it is needed, and again if lost."""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
from contextlib import suppress
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from typing import Any, Final

from dlrun.contract.job import Job
from dlrun.study.engines import local_worker
from dlrun.study.engines.attempts import Attempts
from dlrun.study.engines.shared import SharedValue
from dlrun.system.cost import OWN_CHOICE, THREAD_VARIABLES, user_threads
from dlrun.system.gpus import VISIBLE

HIDDEN: Final = "-1"  # no GPU


class LostWorkerError(Exception):
    """The process of a slot has ended by itself; its exit code, or minus a signal's number."""


class Slot:
    """A place for one job at a time, in a process of its own.

    Attributes:
        running: the job that runs; None where the slot is free.
    """

    def __init__(self, rows: SharedValue, threads: int, gpus: str | None) -> None:
        """Prepare a slot.

        Args:
            rows: the dataset.
            threads: for the numeric libraries.
            gpus: CUDA_VISIBLE_DEVICES; `HIDDEN` where networks, which get a GPU each, are
                trained in other slots; None where the machine has no GPU.
        """
        self.running: Attempts | None = None
        self._rows = rows
        self._threads = threads
        self._gpus = gpus
        self._process: subprocess.Popen[bytes] | None = None
        self._connection: Connection | None = None

    @property
    def connection(self) -> Connection:
        """Return the pipe of a slot that is running."""
        if self._connection is None:
            raise LostWorkerError(0)
        return self._connection

    def takes(self, job: Job[Any]) -> bool:
        """Return whether the job may start here now."""
        return self.running is None and not (
            job.candidate.framework == "tensorflow" and self._gpus == HIDDEN
        )

    def start(self, attempts: Attempts) -> None:
        """Run a job."""
        if self._process is None or self._process.poll() is not None:
            self.stop()
            self._start_process()
        self.running = attempts
        self._send(attempts.job)

    def receive(self) -> Any:
        """Return the next message of the process; wait for it.

        Raises:
            LostWorkerError: the process has ended.
        """
        message = None
        with suppress(EOFError, OSError):
            message = None if self.is_silent else self.connection.recv()
        if message is None:
            raise LostWorkerError(self.stop())
        return message

    @property
    def is_silent(self) -> bool:
        """Return whether the process has ended, and nothing is left to be read.

        A process that it had forked may keep the pipe open.
        """
        has_ended = self._process is not None and self._process.poll() is not None
        return has_ended and not self.connection.poll()

    def interrupt(self) -> bool:
        """Ask a network to stop, which keeps a checkpoint first; return whether there is one."""
        if (
            not self._process
            or not self.running
            or self.running.job.candidate.framework != "tensorflow"
        ):
            return False
        self._process.send_signal(signal.SIGINT)
        return True

    def wait(self, seconds: float) -> None:
        """Wait for the end of a process that was interrupted."""
        if self._process:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(seconds)

    def stop(self) -> int:
        """End the process, if there is one, and return its exit code."""
        process, self._process = self._process, None
        if self._connection:
            self._connection.close()
            self._connection = None
        if process is None:
            return 0
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)  # with what an estimator has started
        return process.wait()

    def _start_process(self) -> None:
        self._connection, theirs = Pipe()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", *(f"-W{each}" for each in sys.warnoptions), "-m",
                 local_worker.__name__, str(theirs.fileno()), str(os.getpid())],
                env={**os.environ, **self._variables()},
                pass_fds=[theirs.fileno(), self._rows.descriptor],
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # a Ctrl-C is the driver's, who asks the workers to stop
            )  # fmt: skip
        self._send((self._rows, self._threads))

    def _variables(self) -> dict[str, str]:
        """Return what is set before any library is imported."""
        changed = {"PYTHONPATH": os.pathsep.join(sys.path)}
        if user_threads() is None:
            changed |= {OWN_CHOICE: "1", **dict.fromkeys(THREAD_VARIABLES, str(self._threads))}
        if self._gpus is not None:
            changed[VISIBLE] = self._gpus
        return changed

    def _send(self, message: object) -> None:
        """Send a message; that the process has just ended is noticed when it is read."""
        pickled = pickle.dumps(message, protocol=5)
        with suppress(OSError):
            self.connection.send_bytes(pickled)
