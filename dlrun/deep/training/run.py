"""A training under way: its calls of compiled steps, and its checkpoints."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from math import inf
from time import perf_counter
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dlrun.deep.backend import tf
from dlrun.deep.training.checkpoint import Checkpoint, EpochTotals, TrainerState
from dlrun.deep.training.compilation import Compilation
from dlrun.deep.training.device_data import TrainingData
from dlrun.deep.training.early_stopping import EarlyStopper
from dlrun.deep.training.programs import trace_for_any_rows
from dlrun.deep.training.startup import Call, startup_seconds
from dlrun.system.cost import startup

STEPS_PER_CALL: Final = 32
MOMENT_SECONDS: Final = 1.0


@dataclass(frozen=True)
class StepBatch:
    """Steps of an epoch that run in one call.

    Attributes:
        first: the number of the first step in the epoch, from 0.
        edges: (steps + 1,) int32 positions in the window's order, the rows of a step between two.
        counts: (steps,) int32 rows of each step, those of other workers included.
        rates: (steps,) float32 learning rates.
    """

    first: int
    edges: NDArray[np.int32]
    counts: NDArray[np.int32]
    rates: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.rates)

    @property
    def sizes(self) -> set[int]:
        """Return the different numbers of rows of the steps."""
        return {*np.diff(self.edges).tolist()}


@dataclass
class TrainingRun:
    """A training under way.

    Attributes:
        n_epochs: to train at most.
        rates: the learning rates of every epoch, without a plateau's factor.
        compilation: the compiled steps.
        is_paced: whether the clock limits the steps of a call. Workers that train together must
            split steps alike, for TensorFlow joins what they send by its number within a call.
        n_next: steps of the next call.
        is_consistent: whether the variables match `state`; not after a call that failed.
        calls: of the epoch.
        is_traced: whether an epoch has run with these weights, here or for another network.
        seconds: of all epochs, at most.
        n_frozen: blocks of a pretrained network that are not trained yet.
    """

    rows: TrainingData
    n_epochs: int
    rates: Sequence[NDArray[np.float32]]
    compilation: Compilation
    stopper: EarlyStopper
    state: TrainerState
    checkpoint: Checkpoint
    saved: float = field(default_factory=perf_counter)
    is_paced: bool = True
    n_next: int = 1
    is_consistent: bool = True
    calls: list[Call] = field(default_factory=list)
    is_traced: bool = False
    n_frozen: int = 0
    seconds: float = inf

    def count_next(self, sizes: Sequence[int]) -> int:
        """Count the steps of the next call: one alone where XLA compiles it first.

        Args:
            sizes: rows of the steps to come.
        """
        steps = self.compilation.steps
        if steps.by_xla:
            for number, size in enumerate(sizes[: self.n_next]):
                if steps.is_new([size]):
                    return max(1, number)
        return self.n_next

    def take(self, copies: Any, order: Any, steps: StepBatch) -> None:
        """Run the steps of a call and add them to the totals."""
        totals, started, self.is_consistent = self.state.totals, perf_counter(), False
        sizes = steps.sizes
        is_first = self.compilation.steps.is_new(sizes)
        with startup() if is_first else nullcontext():
            arguments = _arguments(copies, order, steps, totals)
            if is_first:
                trace_for_any_rows(self.compilation.steps.function, *arguments)
            totals.loss, totals.norm = self.compilation.run(*arguments)
        totals.steps += len(steps)
        self.is_consistent = True
        seconds = perf_counter() - started
        self.calls.append(Call(len(steps), seconds, is_first))
        self.compilation.steps.record(sizes, len(steps), seconds)
        if self.is_paced:
            n_in_time = int(len(steps) * MOMENT_SECONDS / seconds)
            self.n_next = max(1, min(STEPS_PER_CALL, n_in_time))
        self.choose_program()

    def choose_program(self) -> None:
        """Choose whether XLA compiles the steps of the next call."""
        if self.compilation.by_xla is None:
            self.compilation.choose(self._steps_to_come())
        self.state.by_xla = self.compilation.by_xla

    def _steps_to_come(self) -> int:
        """Estimate the steps that are left: with early stopping, as many epochs as have ended.

        They are as many as its patience at least, but for those that are left at most.
        """
        state, stopping = self.state, self.stopper.training.early_stopping
        n_epochs, n_ended = self.n_epochs - len(state.history), len(state.history)
        if stopping and self.stopper.halvings is None:
            n_epochs = min(n_epochs, max(n_ended, stopping.patience - state.stopping.stale))
        n_steps = n_epochs * len(self.rates[0]) - state.totals.steps
        if self.seconds < inf:
            spent = sum(epoch.seconds for epoch in state.history) + state.totals.seconds
            n_steps = min(n_steps, int((self.seconds - spent) / self.compilation.steps.pace))
        return n_steps

    def end_epoch(self, evaluation: float) -> float | None:
        """Return the seconds of start-up in the epoch, see `startup_seconds`."""
        calls, was_traced = self.calls, self.is_traced
        self.calls, self.is_traced = [], True
        return startup_seconds(calls, 0.0 if was_traced else evaluation)

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
    numbers = (np.pad(each, (0, missing)) for each in (steps.edges, steps.counts, steps.rates))
    sums = (tf.constant(value, tf.float64) for value in (totals.loss, totals.norm))
    return copies, order, *map(tf.constant, numbers), tf.constant(len(steps)), *sums
