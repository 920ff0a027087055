"""Jobs for the workers of a cluster, one of which ends its worker."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from dlrun.contract.candidate import Candidate, Epoch, OnEpoch, always_continue
from dlrun.contract.dataset import Dataset
from dlrun.contract.job import Job
from dlrun.contract.trial import Trial
from dlrun.study.engines.engine import Engine


@dataclass(frozen=True)
class Deadly:
    """A job that kills its process after an epoch, as often as its file has letters too few.

    Attributes:
        after: the epoch; 0: before the job begins.
    """

    job: Job[Any]
    file: Path
    after: int = 0
    times: int = 1

    @property
    def candidate(self) -> Candidate:
        return self.job.candidate

    def run(self, dataset: Dataset, on_epoch: OnEpoch, threads: int | None) -> Any:
        def and_die(epoch: Epoch) -> bool:
            goes_on = on_epoch(epoch)
            if epoch.number == self.after:
                self._die()
            return goes_on

        if not self.after:
            self._die()
        return self.job.run(dataset, and_die, threads)

    def _die(self) -> None:
        with self.file.open("a") as file:
            file.write("x")
        if self.file.stat().st_size <= self.times:
            time.sleep(0.2)  # what was sent before is on its way
            os.kill(os.getpid(), signal.SIGKILL)

    def failed(self, reason: str) -> Any:
        return self.job.failed(reason)


def run_jobs(engine: Engine, jobs: Iterable[Job[Any]]) -> tuple[list[Any], list[tuple[int, int]]]:
    """Return the results of the jobs in their order, and number and epoch of all that was told."""
    waiting, results, epochs = list(enumerate(jobs)), {}, []
    n_running, n_jobs = 0, len(waiting)
    while len(results) < n_jobs:
        while waiting and n_running < engine.n_slots:
            engine.submit(*waiting.pop(0))
            n_running += 1
        number, result = engine.wait(lambda number, epoch: epochs.append((number, epoch.number)))
        results[number] = result
        n_running -= 1
    return [results[number] for number in range(n_jobs)], epochs


def assert_same(trials: Sequence[Trial], jobs: Sequence[Job[Any]], dataset: Dataset) -> None:
    """Check that trials are what their jobs give in this process, bit for bit."""
    for trial, job in zip(trials, jobs, strict=True):
        alone = job.run(dataset, always_continue, None)
        assert trial.scores == alone.scores
        np.testing.assert_array_equal(trial.predictions.values, alone.predictions.values)
