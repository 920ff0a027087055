"""Fits on samples of the training rows that are timed, for a forecast of the whole study."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from dlrun.contract.candidate import Candidate, Epoch, always_continue
from dlrun.contract.dataset import Split
from dlrun.contract.forecast import TimedFit
from dlrun.data.splits.stratify import nested
from dlrun.study.trial import TrialTask
from dlrun.system import cost

if TYPE_CHECKING:
    from dlrun.study.plan import StudyPlan

ENOUGH_SECONDS: Final = 1.0  # of epochs
ENOUGH_EPOCHS: Final = 5
TRACING_SECONDS: Final = 0.3  # of the predictions of a network, about
N_STEPS: Final = 16  # of a network's sample


@dataclass
class EpochWatch:
    """Ends a training once its pace is known."""

    epochs: list[Epoch] = field(default_factory=list)

    def __call__(self, epoch: Epoch) -> bool:
        """Record an epoch and return whether another one is needed."""
        self.epochs.append(epoch)
        seconds = sum(each.steady_seconds or 0.0 for each in self.epochs)
        return len(self.epochs) < ENOUGH_EPOCHS and seconds < ENOUGH_SECONDS

    @property
    def pace(self) -> float:
        """Return the seconds of an epoch, by those after the first where there are any."""
        steady = [each.steady_seconds or each.seconds for each in self.epochs]
        return median(steady[1:] or steady or [0.0])


def time_fit(plan: StudyPlan, candidate: Candidate, n_rows: int, threads: int) -> TimedFit | str:
    """Run a trial on a sample of the first split's rows; a network for a few epochs alone.

    Returns:
        What was measured, or why the candidate failed.
    """
    split, dataset = sample(plan, n_rows), replace(plan.dataset, stream=None)
    task = TrialTask(candidate, 0, split, plan.metrics, perturbations=plan.perturbations)
    watch, resident, started = EpochWatch(), cost.resident_mb(), perf_counter()
    with cost.measure() as usage:
        trial = task.run(dataset, watch, threads)
    seconds = perf_counter() - started
    if trial.error:
        return trial.error
    startup = trial.cost.startup_seconds or 0.0
    epochs = sum(each.steady_seconds or 0.0 for each in watch.epochs)
    rest = max(0.0, seconds - startup - epochs)
    traced = min(rest, TRACING_SECONDS) if watch.epochs else 0.0
    return TimedFit(
        n_rows,
        rest - traced,
        startup + traced,
        watch.pace,
        max(0.0, usage.peak_memory_mb - resident),
        trial.cost.parameters or 0,
    )


def warm_up(plan: StudyPlan, candidate: Candidate, n_rows: int, threads: int) -> None:
    """Fit an estimator to a few rows: the first fit of all imports libraries."""
    TrialTask(candidate, 0, sample(plan, n_rows), plan.metrics).run(
        replace(plan.dataset, stream=None), always_continue, threads
    )


def sample(plan: StudyPlan, n_rows: int) -> Split:
    """Return the first split with stratified samples of its parts, of one share of each."""
    split = plan.splits.splits[0]

    def some(rows: NDArray[np.int64]) -> NDArray[np.int64]:
        n = max(1, round(len(rows) * n_rows / len(split.train)))
        return np.sort(nested(plan.dataset, rows, split.seed)[:n])

    train, validation, test = map(some, (split.train, split.validation, split.test))
    return replace(split, train=train, validation=validation, test=test)
