"""Several workers on this machine: started, and restarted when one is lost."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from tempfile import TemporaryFile
from typing import IO, Final

from dlrun.deep.distributed.worker import VARIABLE
from dlrun.errors import ClusterError
from dlrun.system.signals import raise_on_signals

POLL_SECONDS: Final = 0.1
NOTICE_SECONDS: Final = 30.0  # in which the others notice the loss of a worker, and report it
STOP_SECONDS: Final = 20.0  # from asking a worker to stop to killing it


@dataclass
class WorkerProcess:
    """A process of `dlrun train`.

    Attributes:
        output: its stdout and stderr; None of the chief, which has the terminal.
    """

    index: int
    process: subprocess.Popen[bytes]
    output: IO[bytes] | None

    @property
    def code(self) -> int | None:
        """Return the exit code, minus the signal's number if one ended it; None while it runs."""
        return self.process.poll()

    @property
    def ending(self) -> str:
        """Say how it ended."""
        code = self.code or 0
        how = f"was ended by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
        return f"worker {self.index} {how}"

    def read_output(self) -> str:
        """Return its output."""
        if self.output is None:
            return ""
        self.output.seek(0)
        return self.output.read().decode(errors="replace").strip()


@dataclass
class LocalLauncher:
    """Workers that run one command together.

    Attributes:
        command: of each; they differ by an environment variable.
        fresh: whether the first attempt ignores the trials of an earlier study.
        n_restarts: at most, after a worker was lost.
        notify: takes a line for the user.
    """

    command: Sequence[str]
    fresh: bool
    n_workers: int
    n_restarts: int
    notify: Callable[[str], None]
    workers: list[WorkerProcess] = field(default_factory=list)

    def run(self) -> int:
        """Run them to the end of the study, and return the exit code.

        Raises:
            KeyboardInterrupt: stopped by the user; no worker is left.
        """
        attempt = 0
        with raise_on_signals(), ExitStack() as stack:
            stack.callback(self._stop)
            lost = self._attempt(attempt, stack)
            while lost and _is_passing(lost) and attempt < self.n_restarts:
                attempt += 1
                self.notify(
                    f"{lost.ending}. All start again from the last checkpoint: restart "
                    f"{attempt} of {self.n_restarts}"
                )
                lost = self._attempt(attempt, stack)
            return self._give_up(lost) if lost else 0

    def _attempt(self, number: int, stack: ExitStack) -> WorkerProcess | None:
        """Run all once; return the worker whose failure ended it, if one did."""
        fresh = ["--fresh"] if self.fresh and not number else []
        self._start([*self.command, *fresh], stack)
        lost = self._watch()
        self._stop()
        return lost

    def _start(self, command: Sequence[str], stack: ExitStack) -> None:
        addresses = [f"127.0.0.1:{port}" for port in free_ports(self.n_workers)]
        self.workers = []
        for index in range(self.n_workers):
            task = {"type": "worker", "index": index}
            place = json.dumps({"cluster": {"worker": addresses}, "task": task})
            output = stack.enter_context(TemporaryFile()) if index else None
            process = subprocess.Popen(
                command,
                env={**os.environ, VARIABLE: place},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C reaches this process alone, which forwards it
            )
            self.workers.append(WorkerProcess(index, process, output))

    def _watch(self) -> WorkerProcess | None:
        """Wait until all have ended, or one has failed; return the one that failed first."""
        while any(worker.code is None for worker in self.workers):
            ended = [worker for worker in self.workers if worker.code is not None]
            if any(worker.code and not _is_passing(worker) for worker in ended):
                break
            if any(worker.code or not worker.index for worker in ended):
                _wait(self.workers, NOTICE_SECONDS)
                break
            time.sleep(POLL_SECONDS)
        # First those that were killed, then those with a fault, then those that lost others.
        failed = [worker for worker in self.workers if worker.code]
        return min(failed, key=lambda worker: worker.code or 0, default=None)

    def _stop(self) -> None:
        """Stop the chief before the others: it finishes a step and keeps a checkpoint."""
        for group, number in (
            (self.workers[:1], signal.SIGINT),
            (self.workers[1:], signal.SIGTERM),
        ):
            for worker in group:
                if worker.code is None:
                    worker.process.send_signal(number)
            _wait(group, STOP_SECONDS)
            for worker in group:
                worker.process.kill()
                worker.process.wait()

    def _give_up(self, lost: WorkerProcess) -> int:
        if text := lost.read_output():
            self.notify(f"{lost.ending}. It said:\n{text}")
        elif lost.index or (lost.code or 0) < 0:
            self.notify(lost.ending)
        return lost.code if lost.code and lost.code > 0 else ClusterError.exit_code


def _wait(workers: Sequence[WorkerProcess], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while any(worker.code is None for worker in workers) and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)


def free_ports(number: int) -> list[int]:
    """Find ports of this machine at which nothing listens."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("", 0))) for _ in range(number)]
        return [each.getsockname()[1] for each in sockets]


def train_command(arguments: Sequence[str]) -> list[str]:
    """Return the command that runs `dlrun train` with this Python."""
    return [sys.executable, "-m", "dlrun", "train", *arguments]


def _is_passing(lost: WorkerProcess) -> bool:
    """Say whether a restart may help: not after a fault of the recipe or the data."""
    code = lost.code or 0
    return code < 0 or code == ClusterError.exit_code
