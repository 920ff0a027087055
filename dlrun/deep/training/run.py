"""A training under way: its calls of compiled steps, and its checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dlrun.deep.backend import tf
from dlrun.deep.training.checkpoint import Checkpoint, EpochTotals, TrainerState
from dlrun.deep.training.device_data import TrainingData
from dlrun.deep.training.early_stopping import EarlyStopper
from dlrun.deep.training.startup import startup_seconds
from dlrun.system.cost import startup

STEPS_PER_CALL: Final = 32
MOMENT_SECONDS: Final = 1.0


@dataclass(frozen=True)
class StepBatch:
    """Steps of an epoch that run in one call.

    Attributes:
        first: the number of the first step in the epoch, from 0.
        edges: (steps + 1,) int32 positions in the window's order, the rows of a step between two.
        rates: (steps,) float32 learning rates.
    """

    first: int
    edges: NDArray[np.int32]
    rates: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.rates)


@dataclass
class TrainingRun:
    """A training under way.

    Attributes:
        n_epochs: to train at most.
        rates: the learning rates of every epoch, without a plateau's factor.
        compiled: the function that runs the steps of a call.
        is_paced: whether the clock limits the steps of a call. Workers that train together must
            split steps alike, for TensorFlow joins what they send by its number within a call.
        n_next: steps of the next call.
        is_consistent: whether the variables match `state`; not after a call that failed.
        calls: steps and seconds of each call of the epoch.
        is_traced: whether an epoch has run here with this function.
        n_frozen: blocks of a pretrained network that are not trained yet.
    """

    rows: TrainingData
    n_epochs: int
    rates: Sequence[NDArray[np.float32]]
    compiled: Any
    stopper: EarlyStopper
    state: TrainerState
    checkpoint: Checkpoint
    saved: float = field(default_factory=perf_counter)
    is_paced: bool = True
    n_next: int = 1
    is_consistent: bool = True
    calls: list[tuple[int, float]] = field(default_factory=list)
    is_traced: bool = False
    n_frozen: int = 0

    def take(self, copies: Any, order: Any, steps: StepBatch) -> None:
        """Run the steps of a call and add them to the totals."""
        totals, started, self.is_consistent = self.state.totals, perf_counter(), False
        is_first = not (self.is_traced or self.calls)  # it compiles the steps, and runs one
        with startup() if is_first else nullcontext():
            sums = self.compiled(*_arguments(copies, order, steps, totals))
            totals.loss, totals.norm = map(float, sums)
        totals.steps += len(steps)
        self.is_consistent = True
        seconds = perf_counter() - started
        self.calls.append((len(steps), seconds))
        if self.is_paced:
            n_in_time = int(len(steps) * MOMENT_SECONDS / seconds)
            self.n_next = max(1, min(STEPS_PER_CALL, n_in_time))

    def end_epoch(self, evaluation: float) -> float | None:
        """Return the seconds of start-up in the epoch, see `startup_seconds`."""
        calls, was_traced = self.calls, self.is_traced
        self.calls, self.is_traced = [], True
        return 0.0 if was_traced or not calls else startup_seconds(calls, evaluation)

    def save(self) -> None:
        """Keep a checkpoint, if the variables are consistent."""
        if not self.is_consistent:
            return
        self.state.best_weights = self.stopper.best_weights
        self.checkpoint.save(self.state)
        self.saved = perf_counter()

    def save_epoch(self) -> None:
        """Keep a checkpoint unless the last one is recent: epochs of small networks are short."""
        if perf_counter() - self.saved >= MOMENT_SECONDS:
            self.save()


def _arguments(copies: Any, order: Any, steps: StepBatch, totals: EpochTotals) -> tuple[Any, ...]:
    """Make the arguments of the compiled steps, always padded to the shapes of a full call.

    The totals go on in double precision, so that they do not depend on how steps are split.
    """
    missing = STEPS_PER_CALL - len(steps)
    edges, rates = np.pad(steps.edges, (0, missing)), np.pad(steps.rates, (0, missing))
    sums = (tf.constant(value, tf.float64) for value in (totals.loss, totals.norm))
    return copies, order, tf.constant(edges), tf.constant(rates), tf.constant(len(steps)), *sums
