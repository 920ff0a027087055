"""The training loop: many steps in one compiled call, on one device or several alike.

Keras' own `fit` returns to Python for every batch; for a small network that costs more than the
step. Here a call runs up to `STEPS_PER_CALL` steps over a window of rows in memory, but no longer
than about a second: Ctrl-C is handled between calls.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from math import ceil, inf
from time import perf_counter
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from dlrun.contract.candidate import Epoch, FitContext, OnEpoch
from dlrun.deep.backend import tf
from dlrun.deep.distributed.collective import CollectiveGroup
from dlrun.deep.network import Network
from dlrun.deep.objective import Objective
from dlrun.deep.training.best_weights import copy_weights
from dlrun.deep.training.checkpoint import Checkpoint, EpochTotals
from dlrun.deep.training.compilation import Batches, Compilation, choose_compilation
from dlrun.deep.training.device_data import (
    DeviceDataset,
    TrainingData,
    Window,
    copy_to_replicas,
    even_edges,
)
from dlrun.deep.training.early_stopping import EarlyStopper
from dlrun.deep.training.layer_watch import LayerWatch
from dlrun.deep.training.run import STEPS_PER_CALL, StepBatch, TrainingRun
from dlrun.deep.training.schedule import learning_rates
from dlrun.deep.training.steps import CompiledSteps, Steps
from dlrun.deep.training.xla import mixes_rows
from dlrun.errors import TrainingError
from dlrun.recipe.training import Training
from dlrun.system.forced_exit import closing
from dlrun.system.signals import deferred_signals

NEVER: Final = 2**62  # steps
BATCHES: Final = 64  # of an epoch, where the batch size is auto
MIN_BATCH, MAX_BATCH = 32, 1024
CAUSES: Final = (
    "The usual causes are a learning rate that is too high (peak {peak:g}), gradients that need "
    "training.clip_norm, and extreme values in a number column "
    "(preprocessing.number.scale: quantile)"
)

Evaluate = Callable[[], dict[str, float]]
"""→ scores on the validation rows, by their names in the metrics of an epoch."""


@dataclass(frozen=True)
class Trainer:
    """Everything a training needs but its rows.

    Attributes:
        network: is trained in place.
        optimizer: a Keras optimizer, made under the strategy.
        strategy: of tf.distribute.
        seed: with the number of the epoch it fixes the order of rows.
        group: the workers that train together; None where this process trains alone.
        pads: whether batches may be padded for XLA: not those of a network of the user's own
            making, which may mix rows.
        unfreeze_every: epochs after which one more block of a pretrained network is trained, from
            the last one down (gradual unfreezing, Howard & Ruder 2018); 0: all from the start.
        compiled: steps that were compiled for a network in the same place.
        watch: measures the layers after every epoch, whose last step then runs in a call of its
            own; None: they are not measured.
    """

    network: Network
    objective: Objective
    training: Training
    optimizer: Any
    strategy: Any
    seed: int
    group: CollectiveGroup | None = None
    unfreeze_every: int = 0
    pads: bool = False
    compiled: dict[Hashable, CompiledSteps] = field(default_factory=dict)
    watch: LayerWatch | None = None

    @property
    def steps(self) -> Steps:
        """Return what compiles the steps of a call."""
        return Steps(
            self.network,
            self.objective,
            self.optimizer,
            self.strategy,
            self.training.accumulate,
            self.strategy.num_replicas_in_sync
            // (self.group.worker.n_workers if self.group else 1),
            self.compiled,
        )

    def run(self, rows: TrainingData, evaluate: Evaluate, context: FitContext) -> int:
        """Train, restore the best weights, and return their epoch.

        The metrics of an epoch are the training loss, the mean norm of the gradients, the learning
        rate of its last step, and what `evaluate` returns. At Ctrl-C the running call is finished
        and a checkpoint kept.

        Args:
            rows: the training rows.
            evaluate: scores the network on the validation rows.
            context: of the fit; training resumes from its checkpoint where there is one.

        Raises:
            TrainingError: the loss or a weight is not finite any more.
        """
        training, n_steps = self.training, self._count_steps(len(rows))
        rates = learning_rates(training.learning_rate, training.epochs * n_steps)
        run = self._begin(rows, np.split(rates, training.epochs), context)
        answers = [context.on_epoch(replace(epoch, resumed=True)) for epoch in run.state.history]
        goes_on = self._goes_on(run, context, all(answers))
        try:
            while goes_on:
                is_wanted = self._run_epoch(run, evaluate, context.on_epoch)
                goes_on = self._goes_on(run, context, is_wanted)
        except KeyboardInterrupt:
            with deferred_signals(), closing():
                run.save()
            raise
        return self._end(run.stopper, len(run.state.history))

    def _begin(
        self, rows: TrainingData, rates: Sequence[NDArray[np.float32]], context: FitContext
    ) -> TrainingRun:
        """Restore the checkpoint if there is one, the chief's on every worker."""
        body, augmenter = self.network.body, self.network.augmenter
        with self.strategy.scope():
            if not self.optimizer.built:  # again, a loss scale would have its variables twice
                self.optimizer.build(body.trainable_variables)
            others = (self.optimizer, *([augmenter] if augmenter else []))
            variables = [*self.network.changing, *chain(*(each.variables for each in others))]
            checkpoint = Checkpoint(context.checkpoint, variables)
            state = checkpoint.load()
        if self.group:
            state = self.group.resume(state, variables)
        halvings = context.halvings if context.epochs else None
        stopper = EarlyStopper(
            self.training, len(rates[0]), state.stopping, state.best_weights, halvings
        )
        n_epochs = context.epochs or self.training.epochs
        n_frozen = self._count_frozen(state.epoch)
        compilation = self._compile(n_frozen, rows, len(rates[0]), state.by_xla)
        run = TrainingRun(rows, n_epochs, rates, compilation, stopper, state, checkpoint)
        run.n_frozen, run.seconds = n_frozen, context.seconds or inf
        run.is_traced = bool(compilation.steps.sizes)
        if self.group:
            run.is_paced, run.n_next = False, STEPS_PER_CALL
        run.choose_program()
        return run

    def _goes_on(self, run: TrainingRun, context: FitContext, is_wanted: bool) -> bool:
        """Return whether there is another epoch; workers that train together follow the chief."""
        history = run.state.history
        if context.seconds is not None:
            is_wanted &= sum(epoch.seconds for epoch in history) < context.seconds
        if self.group:
            is_wanted = bool(self.group.broadcast(np.int64(is_wanted)))
        return is_wanted and len(history) < run.n_epochs and not run.stopper.is_over

    def _run_epoch(self, run: TrainingRun, evaluate: Evaluate, on_epoch: OnEpoch) -> bool:
        """Run the epoch's remaining steps, and return the answer of `on_epoch`."""
        state, stopper = run.state, run.stopper
        totals, before = state.totals, state.totals.seconds
        self._unfreeze(run)
        # Where more epochs are wanted than the schedule has, its last rates go on.
        rates = run.rates[min(state.epoch, len(run.rates)) - 1] * np.float32(stopper.rate_factor)
        started = perf_counter()
        for copies, order, steps in self._step_batches(run, rates):
            if self.watch and steps.first == len(rates) - 1:
                self.watch.keep_weights()
            with deferred_signals():
                run.take(copies, order, steps)
                totals.seconds = before + perf_counter() - started
            where = f"in steps {steps.first + 1} to {totals.steps} of epoch {state.epoch}"
            self._check_finite(f"the training loss is {totals.loss} {where}", totals.loss)
            if totals.steps == self._next_checkpoint(steps.first):
                run.save()
        trained = perf_counter()
        metrics = {
            "train/loss": totals.loss / len(run.rows),
            "train/gradient_norm": totals.norm / len(rates),
            "train/learning_rate": float(rates[-1]),
            **(self.group.evaluate(evaluate) if self.group else evaluate()),
        }
        ended = perf_counter()
        seconds, startup = before + ended - started, run.end_epoch(ended - trained)
        layers = self.watch.measure() if self.watch else ()
        epoch = Epoch(
            state.epoch, run.n_epochs, metrics, seconds, startup_seconds=startup, layers=layers
        )
        is_wanted = on_epoch(epoch)
        with deferred_signals():
            folder = run.checkpoint.folder
            stopper.update(
                epoch.number, metrics, lambda: copy_weights(self.network.weights, folder)
            )
            state.history.append(epoch)
            state.epoch, state.totals = epoch.number + 1, EpochTotals()
        run.save_epoch()
        return is_wanted

    def _end(self, stopper: EarlyStopper, last: int) -> int:
        """Restore the best weights and return their epoch."""
        if stopper.best_weights:
            for weight, best in zip(self.network.weights, stopper.best_weights, strict=True):
                weight.assign(best)
            last = stopper.state.best_epoch or last
        weights = (np.asarray(weight.value) for weight in self.network.weights)
        self._check_finite(f"a weight is not finite after epoch {last}", *weights)
        return last

    def _compile(
        self, n_frozen: int, rows: TrainingData, n_steps: int, by_xla: bool | None
    ) -> Compilation:
        """Compile the steps while some blocks of a pretrained network are frozen."""
        return choose_compilation(
            self.steps,
            self.network.trained(n_frozen),
            self.training,
            by_xla,
            Batches(len(rows), n_steps, isinstance(rows, DeviceDataset)),
            pads=self.pads and not mixes_rows(self.network.body),
            is_short=n_frozen > 0,
        )

    def _count_frozen(self, epoch: int) -> int:
        """Count the blocks of a pretrained network that are not trained yet in an epoch."""
        if not self.unfreeze_every:
            return 0
        return max(0, len(self.network.blocks) - (epoch - 1) // self.unfreeze_every)

    def _unfreeze(self, run: TrainingRun) -> None:
        """Compile the steps anew where one more block is trained from this epoch on."""
        n_frozen = self._count_frozen(run.state.epoch)
        if n_frozen != run.n_frozen:
            run.n_frozen, run.is_traced = n_frozen, False
            n_steps = len(run.rates[0])
            run.compilation = self._compile(n_frozen, run.rows, n_steps, by_xla=None)
            run.n_next = 1 if run.is_paced else run.n_next
            run.choose_program()

    def _count_steps(self, n_rows: int) -> int:
        """Count the steps of an epoch, each with a row for every replica at least."""
        size = rows_of_step(self.training.batch_size, self.training.accumulate, n_rows)
        n_replicas: int = self.strategy.num_replicas_in_sync
        return max(1, min(ceil(n_rows / size), n_rows // n_replicas))

    def _step_batches(
        self, run: TrainingRun, rates: NDArray[np.float32]
    ) -> Iterator[tuple[Any, Any, StepBatch]]:
        """Yield the remaining steps of the epoch, with copies of their window and its order."""
        rows, epoch = run.rows, run.state.epoch
        n_before, current, copies = 0, None, None
        for number, window in enumerate(rows.windows(epoch, len(rates))):
            if window.rows is not current:
                current, copies = window.rows, copy_to_replicas(self.strategy, window.rows)
            rng = np.random.default_rng([self.seed, epoch, number])
            order = tf.constant(rng.permutation(len(window.rows)), tf.int32)
            first, last = (
                round(position * len(rates) / len(rows))
                for position in (n_before, n_before + sum(window.shares))
            )
            n_before += sum(window.shares)
            for steps in self._split(run, first, window, rates[first:last]):
                yield copies, order, steps

    def _split(
        self, run: TrainingRun, first: int, window: Window, rates: NDArray[np.float32]
    ) -> Iterator[StepBatch]:
        """Split the rows of a window into steps and, one after the other, these into calls."""
        edges = even_edges(len(window.rows), len(rates)).astype(np.int32)
        of_all = np.sum([even_edges(n, len(rates)) for n in window.shares], axis=0)
        counts = np.diff(of_all).astype(np.int32)
        start = max(0, run.state.totals.steps - first)
        last = len(run.rates[0]) - 1 - first if self.watch else NEVER
        while start < len(rates):
            checkpoint = self._next_checkpoint(first + start) - first
            n_next = run.count_next(np.diff(edges[start:]).tolist())
            stop = min(start + n_next, len(rates), checkpoint)
            if start < last < stop:
                stop = last
            yield StepBatch(
                first + start, edges[start : stop + 1], counts[start:stop], rates[start:stop]
            )
            start = stop

    def _next_checkpoint(self, step: int) -> int:
        """Return the step of an epoch after which the next checkpoint is kept."""
        number, _, unit = self.training.checkpoint_every.partition(" ")
        return step - step % int(number) + int(number) if unit == "steps" else NEVER

    def _check_finite(self, what: str, *numbers: Any) -> None:
        if not all(np.isfinite(number).all() for number in numbers):
            peak = self.training.learning_rate.peak
            message = f"{what}. {CAUSES.format(peak=peak)}"
            raise TrainingError(message)


def rows_of_step(batch_size: int | Literal["auto"], accumulate: int, n_rows: int) -> int:
    """Return the rows whose gradients are in one step: of one batch, or of several."""
    return accumulate * (automatic_batch_size(n_rows) if batch_size == "auto" else batch_size)


def automatic_batch_size(n_rows: int) -> int:
    """Return the power of two from 32 to 1024 that splits the rows into about 64 batches."""
    exponent = round(np.log2(max(1, n_rows / BATCHES)))
    return int(np.clip(2**exponent, MIN_BATCH, MAX_BATCH))
