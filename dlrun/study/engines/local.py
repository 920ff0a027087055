"""Several processes of this machine: networks and classic candidates train in them side by side."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing import connection
from typing import TYPE_CHECKING, Any, Final

from dlrun.contract.candidate import Epoch
from dlrun.contract.dataset import Dataset
from dlrun.contract.job import Job, OnJobEpoch
from dlrun.study.engines.attempts import Attempts
from dlrun.study.engines.messages import JobError, JobResult
from dlrun.study.engines.shared import share
from dlrun.study.engines.slot import HIDDEN, LostWorkerError, Slot
from dlrun.system.cost import n_threads
from dlrun.system.forced_exit import closing
from dlrun.system.gpus import deal, visible_gpus

if TYPE_CHECKING:
    from dlrun.recipe.schema import Execution

POLL_SECONDS: Final = 1.0
CHECKPOINT_SECONDS: Final = 10.0  # for networks to stop, after Ctrl-C

log = logging.getLogger(__name__)


class LocalProcesses:
    """Runs jobs in slots; see `Engine`."""

    def __init__(self, slots: Sequence[Slot]) -> None:
        self._slots = slots
        self._waiting: list[Attempts] = []

    @property
    def n_slots(self) -> int:
        """Return how many jobs run at once."""
        return len(self._slots)

    def submit(self, number: int, job: Job[Any]) -> None:
        """Start a job, at the latest when a slot with a GPU is free for it."""
        self._waiting.append(Attempts(number, job))
        self._fill()

    def wait(self, on_epoch: OnJobEpoch) -> tuple[int, Any]:
        """Return number and result of the next job that ends."""
        while True:
            self._fill()
            for slot in self._ready():
                ended = self._receive(slot, on_epoch)
                if ended:
                    return ended

    def interrupt(self) -> None:
        """Give the networks that are trained time to keep a checkpoint."""
        deadline = time.monotonic() + CHECKPOINT_SECONDS
        with closing():
            for slot in [each for each in self._slots if each.interrupt()]:
                slot.wait(max(0.0, deadline - time.monotonic()))

    def close(self) -> None:
        """End all processes."""
        for slot in self._slots:
            slot.stop()

    def _fill(self) -> None:
        for attempts in [*self._waiting]:
            slot = next((each for each in self._slots if each.takes(attempts.job)), None)
            if slot:
                self._waiting.remove(attempts)
                slot.start(attempts)

    def _ready(self) -> list[Slot]:
        busy = [slot for slot in self._slots if slot.running]
        found = connection.wait([slot.connection for slot in busy], POLL_SECONDS)
        return [slot for slot in busy if slot.connection in found or slot.is_silent]

    def _receive(self, slot: Slot, on_epoch: OnJobEpoch) -> tuple[int, Any] | None:
        """Handle a message of a slot; return number and result where its job has ended."""
        attempts = slot.running
        if attempts is None:
            return None
        try:
            message = slot.receive()
        except LostWorkerError as lost:
            slot.running = None
            return self._lose(attempts, *lost.args)
        match message:
            case JobResult():
                slot.running = None
                return attempts.number, message.value
            case JobError():
                message.reraise()
            case logging.LogRecord():
                logging.getLogger(message.name).handle(message)
            case Epoch():
                attempts.pass_on(message, on_epoch)
        return None

    def _lose(self, attempts: Attempts, code: int) -> tuple[int, Any] | None:
        """Run the job of a lost worker again, before all others, unless it is too often lost."""
        attempts.lose(code)
        if attempts.is_over:
            return attempts.number, attempts.failed()
        log.warning("%s: its process was lost, and it is run again", attempts.job.candidate.name)
        self._waiting.insert(0, attempts)
        return None


@contextmanager
def open_local(execution: Execution, dataset: Dataset) -> Iterator[LocalProcesses]:
    """Open the slots of this machine; no process outlives the block, nor this process.

    Raises:
        DataError: the disk has no room for the rows.
    """
    with share(dataset) as rows:
        threads, n_workers = n_threads(execution.workers), execution.workers
        gpus = visible_gpus()
        dealt: list[str | None] = [*deal(gpus, execution.gpus_per_trial, n_workers)]
        others = [HIDDEN if gpus else None] * (n_workers - len(dealt))
        engine = LocalProcesses([Slot(rows, threads, each) for each in (*others, *dealt)])
        try:
            yield engine
        except KeyboardInterrupt:
            engine.interrupt()
            raise
        finally:
            engine.close()
