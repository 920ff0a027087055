"""The training loop: many steps in one compiled call, on one device or several alike.

Keras' own `fit` returns to Python for every batch; for a small network that costs more than the
step. Here a call runs up to `STEPS_PER_CALL` steps over a window of rows in memory, but no longer
than about a second: Ctrl-C is handled between calls.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from math import ceil
from time import perf_counter
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dlrun.contract.candidate import Epoch, FitContext, OnEpoch
from dlrun.deep.backend import tf
from dlrun.deep.distributed.collective import CollectiveGroup
from dlrun.deep.distributed.replicas import all_reduce_gradients
from dlrun.deep.network import Network
from dlrun.deep.objective import Objective
from dlrun.deep.training.checkpoint import Checkpoint, EpochTotals, TrainerState
from dlrun.deep.training.device_data import DeviceDataset, TrainingData
from dlrun.deep.training.early_stopping import EarlyStopper
from dlrun.deep.training.schedule import learning_rates
from dlrun.deep.training.startup import startup_seconds
from dlrun.errors import TrainingError
from dlrun.recipe.training import Training
from dlrun.system.cost import startup
from dlrun.system.forced_exit import closing
from dlrun.system.signals import deferred_signals

STEPS_PER_CALL: Final = 32
MOMENT_SECONDS: Final = 1.0
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
        is_traced: whether an epoch has run here.
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


@dataclass(frozen=True)
class Trainer:
    """Everything a training needs but its rows.

    Attributes:
        network: is trained in place.
        optimizer: a Keras optimizer, made under the strategy.
        strategy: of tf.distribute.
        seed: with the number of the epoch it fixes the order of rows.
        group: the workers that train together; None where this process trains alone.
    """

    network: Network
    objective: Objective
    training: Training
    optimizer: Any
    strategy: Any
    seed: int
    group: CollectiveGroup | None = None

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
            self.optimizer.build(body.trainable_variables)
            changing = (body, self.optimizer, *([augmenter] if augmenter else []))
            variables = [variable for each in changing for variable in each.variables]
            checkpoint = Checkpoint(context.checkpoint, variables)
            state = checkpoint.load()
        if self.group:
            state = self.group.resume(state, variables)
        halvings = context.halvings if context.epochs else None
        stopper = EarlyStopper(
            self.training, len(rates[0]), state.stopping, state.best_weights, halvings
        )
        n_epochs = context.epochs or self.training.epochs
        run = TrainingRun(rows, n_epochs, rates, self._compile(), stopper, state, checkpoint)
        if self.group:
            run.is_paced, run.n_next = False, STEPS_PER_CALL
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
        # Where more epochs are wanted than the schedule has, its last rates go on.
        rates = run.rates[min(state.epoch, len(run.rates)) - 1] * np.float32(stopper.rate_factor)
        started = perf_counter()
        for copies, order, steps in self._step_batches(run, rates):
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
        epoch = Epoch(state.epoch, run.n_epochs, metrics, seconds, startup_seconds=startup)
        is_wanted = on_epoch(epoch)
        with deferred_signals():
            stopper.update(epoch.number, metrics, self.network.body.get_weights)
            state.history.append(epoch)
            state.epoch, state.totals = epoch.number + 1, EpochTotals()
        run.save_epoch()
        return is_wanted

    def _end(self, stopper: EarlyStopper, last: int) -> int:
        """Restore the best weights and return their epoch."""
        body = self.network.body
        if stopper.best_weights:
            body.set_weights(stopper.best_weights)
            last = stopper.state.best_epoch or last
        self._check_finite(f"a weight is not finite after epoch {last}", *body.get_weights())
        return last

    def _count_steps(self, n_rows: int) -> int:
        """Count the batches of an epoch, each with a row for every replica at least."""
        batch_size = self.training.batch_size
        size = automatic_batch_size(n_rows) if batch_size == "auto" else batch_size
        n_replicas: int = self.strategy.num_replicas_in_sync
        return max(1, min(ceil(n_rows / size), n_rows // n_replicas))

    def _step_batches(
        self, run: TrainingRun, rates: NDArray[np.float32]
    ) -> Iterator[tuple[Any, Any, StepBatch]]:
        """Yield the remaining steps of the epoch, with copies of their window and its order."""
        rows, epoch = run.rows, run.state.epoch
        n_before, current, copies = 0, None, None
        for number, window in enumerate(rows.windows(epoch)):
            if window is not current:
                current, copies = window, self._copy_to_replicas(window)
            rng = np.random.default_rng([self.seed, epoch, number])
            order = tf.constant(rng.permutation(len(window)), tf.int32)
            first, last = (
                round(position * len(rates) / len(rows))
                for position in (n_before, n_before + len(window))
            )
            n_before += len(window)
            for steps in self._split(run, first, len(window), rates[first:last]):
                yield copies, order, steps

    def _split(
        self, run: TrainingRun, first: int, n_rows: int, rates: NDArray[np.float32]
    ) -> Iterator[StepBatch]:
        """Split the rows of a window into steps and, one after the other, these into calls."""
        edges = (np.arange(len(rates) + 1) * n_rows // max(1, len(rates))).astype(np.int32)
        start = max(0, run.state.totals.steps - first)
        while start < len(rates):
            checkpoint = self._next_checkpoint(first + start) - first
            stop = min(start + run.n_next, len(rates), checkpoint)
            yield StepBatch(first + start, edges[start : stop + 1], rates[start:stop])
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

    def _compile(self) -> Any:
        """Compile the steps of a call; they add to the sums of losses and of gradient norms."""

        def step(state: Any, copies: Any, order: Any, edges: Any, rates: Any) -> Any:
            number, loss, norm = state
            self.optimizer.learning_rate.assign(rates[number])
            batch = order[edges[number] : edges[number + 1]]
            shares = self.strategy.run(self._update, args=(*copies, batch))
            summed = (self.strategy.reduce("SUM", each, axis=None) for each in shares)
            losses, norms = (tf.cast(each, tf.float64) for each in summed)
            return number + 1, loss + losses, norm + norms

        def steps(
            copies: Any, order: Any, edges: Any, rates: Any, n_steps: Any, loss: Any, norm: Any
        ) -> Any:
            return tf.while_loop(
                lambda number, *_: number < n_steps,
                lambda *state: step(state, copies, order, edges, rates),
                (tf.constant(0), loss, norm),
            )[1:]

        return tf.function(steps, autograph=False, reduce_retracing=True)

    def _copy_to_replicas(self, table: DeviceDataset) -> tuple[Any, Any]:
        def copy(_: Any) -> tuple[Any, Any]:
            inputs = {kind: tf.identity(tensor) for kind, tensor in table.inputs.items()}
            return inputs, tf.identity(table.y)

        copies: tuple[Any, Any] = self.strategy.experimental_distribute_values_from_function(copy)
        return copies

    def _update(self, inputs: Any, y: Any, batch: Any) -> tuple[Any, Any]:
        """Take one step on this replica's share of a batch.

        Returns:
            The sum of its rows' losses, and its share of the norm of the gradient.
        """
        context = tf.distribute.get_replica_context()
        n_replicas, replica = context.num_replicas_in_sync, context.replica_id_in_sync_group
        n_rows = tf.size(batch)
        mine = batch[n_rows * replica // n_replicas : n_rows * (replica + 1) // n_replicas]
        chosen = {kind: tf.gather(tensor, mine) for kind, tensor in inputs.items()}
        if self.network.augmenter:
            chosen = self.network.augmenter(chosen, training=True)
        weights = self.network.body.trainable_variables
        with tf.GradientTape() as tape:
            outputs = self.network.body(chosen, training=True)
            total = tf.reduce_sum(self.objective.losses(tf.gather(y, mine), outputs))
            penalties = tf.add_n([*self.network.body.losses, 0.0]) / n_replicas
            loss = total / tf.cast(n_rows, tf.float32) + penalties
            loss = self.optimizer.scale_loss(loss)
        gradients = all_reduce_gradients(tape.gradient(loss, weights))
        norm = tf.linalg.global_norm(gradients) / self.optimizer.scale_loss(float(n_replicas))
        self.optimizer.apply(gradients, weights)
        return total, norm


def _arguments(copies: Any, order: Any, steps: StepBatch, totals: EpochTotals) -> tuple[Any, ...]:
    """Make the arguments of the compiled steps, always padded to the shapes of a full call.

    The totals go on in double precision, so that they do not depend on how steps are split.
    """
    missing = STEPS_PER_CALL - len(steps)
    edges, rates = np.pad(steps.edges, (0, missing)), np.pad(steps.rates, (0, missing))
    sums = (tf.constant(value, tf.float64) for value in (totals.loss, totals.norm))
    return copies, order, tf.constant(edges), tf.constant(rates), tf.constant(len(steps)), *sums


def automatic_batch_size(n_rows: int) -> int:
    """Return the power of two from 32 to 1024 that splits the rows into about 64 batches."""
    exponent = round(np.log2(max(1, n_rows / BATCHES)))
    return int(np.clip(2**exponent, MIN_BATCH, MAX_BATCH))
