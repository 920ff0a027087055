"""The training loop: many steps in one compiled call, on one device or several alike.

Keras' own `fit` comes back to Python for every batch; for a small network that costs more than
the step. Here a call runs up to `STEPS_PER_CALL` steps over a window of rows in memory, but no more
than a moment's worth: between calls Ctrl-C is heard.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from math import ceil
from pathlib import Path
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
from dlrun.errors import TrainingError
from dlrun.recipe.training import Training
from dlrun.system.signals import deferred_signals

STEPS_PER_CALL: Final = 32
MOMENT_SECONDS: Final = 1.0
NEVER: Final = 2**62  # steps
BATCHES: Final = 64  # of an epoch, where the batch size is free
SMALLEST, LARGEST = 32, 1024
CAUSES: Final = (
    "The usual causes are a learning rate that is too high (peak {peak:g}), gradients that need "
    "training.clip_norm, and extreme values in a number column "
    "(preprocessing.number.scale: quantile)"
)

Measure = Callable[[], dict[str, float]]


@dataclass(frozen=True)
class StepBatch:
    """Steps of an epoch that are run at once.

    Attributes:
        first: the first step's number in the epoch, from 0.
        edges: (steps + 1,) int32 places in the window's order, between which each step's rows are.
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
        rates: the learning rates of every epoch, without a plateau's factor.
        steps: the compiled steps.
        is_paced: whether calls are as long as a moment has time for. Workers that train together
            must cut alike, for TensorFlow joins what they send by the number in a call: a step
            that is the third here and the first there would wait for ever.
        n_next: steps of the next call.
        whole: whether the variables stand where `progress` says; not after a call that failed.
    """

    rows: TrainingData
    rates: Sequence[NDArray[np.float32]]
    steps: Any
    watch: EarlyStopper
    progress: TrainerState
    checkpoint: Checkpoint
    saved: float = field(default_factory=perf_counter)
    is_paced: bool = True
    n_next: int = 1
    whole: bool = True

    def run(self, copies: Any, order: Any, call: StepBatch) -> None:
        """Run the steps of a call and add them up."""
        sums, began, self.whole = self.progress.sums, perf_counter(), False
        found = self.steps(*_arguments(copies, order, call, sums))
        sums.loss, sums.norm = map(float, found)
        sums.steps += len(call)
        self.whole = True
        if self.is_paced:
            n_in_time = int(len(call) * MOMENT_SECONDS / (perf_counter() - began))
            self.n_next = max(1, min(STEPS_PER_CALL, n_in_time))

    def save(self) -> None:
        """Keep a checkpoint, if there is something to go on from."""
        if not self.whole:
            return
        self.progress.best_weights = self.watch.best_weights
        self.checkpoint.save(self.progress)
        self.saved = perf_counter()

    def save_epoch(self) -> None:
        """Keep a checkpoint, unless there is one of a moment ago: small networks are quick."""
        if perf_counter() - self.saved >= MOMENT_SECONDS:
            self.save()


@dataclass(frozen=True)
class Trainer:
    """All that a training needs but its rows.

    Attributes:
        network: is trained in place.
        optimizer: a Keras optimizer, made under the strategy.
        strategy: of tf.distribute.
        seed: with the epoch's number it fixes the order of rows.
        team: the workers that train together; None where this process trains alone.
    """

    network: Network
    objective: Objective
    training: Training
    optimizer: Any
    strategy: Any
    seed: int
    team: CollectiveGroup | None = None

    def run(self, rows: TrainingData, measure: Measure, context: FitContext) -> int:
        """Train, keep the best weights, and return their epoch.

        Every epoch is told with the training loss, the mean norm of the gradients, the learning
        rate of its last step, and what `measure` says. Stopped by Ctrl-C, the step is finished
        and a checkpoint kept.

        Args:
            rows: what is learned from.
            measure: says what the network is worth on the validation rows.
            context: of the fit; training goes on from its checkpoint where there is one.

        Raises:
            TrainingError: the loss or a weight is not finite any more.
        """
        training, n_steps = self.training, self._count_steps(len(rows))
        rates = learning_rates(training.learning_rate, training.epochs * n_steps)
        course = self._begin(rows, np.split(rates, training.epochs), context.checkpoint)
        answers = [
            context.on_epoch(replace(epoch, resumed=True)) for epoch in course.progress.history
        ]
        goes_on = self._goes_on(course, context, all(answers))
        try:
            while goes_on:
                is_wanted = self._run_epoch(course, measure, context.on_epoch)
                goes_on = self._goes_on(course, context, is_wanted)
        except KeyboardInterrupt:
            with deferred_signals():
                course.save()
            raise
        return self._end(course.watch, len(course.progress.history))

    def _begin(
        self, rows: TrainingData, rates: Sequence[NDArray[np.float32]], folder: Path | None
    ) -> TrainingRun:
        body, augmenter = self.network.body, self.network.augmenter
        with self.strategy.scope():
            self.optimizer.build(body.trainable_variables)
            changing = (body, self.optimizer, *([augmenter] if augmenter else []))
            variables = [variable for each in changing for variable in each.variables]
            checkpoint = Checkpoint(folder, variables)
            progress = checkpoint.load()
        if self.team:
            progress = self.team.resume(progress, variables)
        watch = EarlyStopper(self.training, len(rates[0]), progress.standing, progress.best_weights)
        course = TrainingRun(rows, rates, self._compile(), watch, progress, checkpoint)
        if self.team:
            course.is_paced, course.n_next = False, STEPS_PER_CALL
        return course

    def _goes_on(self, course: TrainingRun, context: FitContext, is_wanted: bool) -> bool:
        """Return whether there is another epoch; workers that train together follow the chief."""
        history = course.progress.history
        if context.seconds is not None:
            is_wanted &= sum(epoch.seconds for epoch in history) < context.seconds
        if self.team:
            is_wanted = bool(self.team.from_chief(np.int64(is_wanted)))
        return is_wanted and len(history) < self.training.epochs and not course.watch.is_over

    def _run_epoch(self, course: TrainingRun, measure: Measure, on_epoch: OnEpoch) -> bool:
        """Run the epoch's remaining steps, and return what `on_epoch` says of it."""
        progress, watch = course.progress, course.watch
        sums, before = progress.sums, progress.sums.seconds
        rates = course.rates[progress.epoch - 1] * np.float32(watch.rate_factor)
        started = perf_counter()
        for copies, order, call in self._calls(course, rates):
            with deferred_signals():
                course.run(copies, order, call)
                sums.seconds = before + perf_counter() - started
            where = f"in steps {call.first + 1} to {sums.steps} of epoch {progress.epoch}"
            self._check(f"the training loss is {sums.loss} {where}", sums.loss)
            if sums.steps == self._next_checkpoint(call.first):
                course.save()
        metrics = {
            "train/loss": sums.loss / len(course.rows),
            "train/gradient_norm": sums.norm / len(rates),
            "train/learning_rate": float(rates[-1]),
            **(self.team.measure(measure) if self.team else measure()),
        }
        seconds = before + perf_counter() - started
        epoch = Epoch(progress.epoch, self.training.epochs, metrics, seconds)
        is_wanted = on_epoch(epoch)
        with deferred_signals():
            watch.look(epoch.number, metrics, self.network.body.get_weights)
            progress.history.append(epoch)
            progress.epoch, progress.sums = epoch.number + 1, EpochTotals()
        course.save_epoch()
        return is_wanted

    def _end(self, watch: EarlyStopper, last: int) -> int:
        """Restore the best weights and return their epoch."""
        body = self.network.body
        if watch.best_weights:
            body.set_weights(watch.best_weights)
            last = watch.standing.best_epoch or last
        self._check(f"a weight is not finite after epoch {last}", *body.get_weights())
        return last

    def _count_steps(self, n_rows: int) -> int:
        """Count the batches of an epoch, each with a row for every replica at least."""
        batch_size = self.training.batch_size
        size = automatic_batch_size(n_rows) if batch_size == "auto" else batch_size
        n_replicas: int = self.strategy.num_replicas_in_sync
        return max(1, min(ceil(n_rows / size), n_rows // n_replicas))

    def _calls(
        self, course: TrainingRun, rates: NDArray[np.float32]
    ) -> Iterator[tuple[Any, Any, StepBatch]]:
        """Give the calls of the epoch's steps that are still to be taken.

        Each comes with the window on every replica, and its order.
        """
        rows, epoch = course.rows, course.progress.epoch
        done, held, copies = 0, None, None
        for number, window in enumerate(rows.windows(epoch)):
            if window is not held:
                held, copies = window, self._copy_to_replicas(window)
            rng = np.random.default_rng([self.seed, epoch, number])
            order = tf.constant(rng.permutation(len(window)), tf.int32)
            first, last = (
                round(place * len(rates) / len(rows)) for place in (done, done + len(window))
            )
            done += len(window)
            for call in self._cut(course, first, len(window), rates[first:last]):
                yield copies, order, call

    def _cut(
        self, course: TrainingRun, first: int, n_rows: int, rates: NDArray[np.float32]
    ) -> Iterator[StepBatch]:
        """Cut the rows of a window into steps and, one after the other, these into calls."""
        edges = (np.arange(len(rates) + 1) * n_rows // max(1, len(rates))).astype(np.int32)
        start = max(0, course.progress.sums.steps - first)
        while start < len(rates):
            kept = self._next_checkpoint(first + start) - first
            stop = min(start + course.n_next, len(rates), kept)
            yield StepBatch(first + start, edges[start : stop + 1], rates[start:stop])
            start = stop

    def _next_checkpoint(self, step: int) -> int:
        """Return the steps of an epoch after which one is kept, next after so many steps."""
        number, _, unit = self.training.checkpoint_every.partition(" ")
        return step - step % int(number) + int(number) if unit == "steps" else NEVER

    def _check(self, what: str, *numbers: Any) -> None:
        if not all(np.isfinite(number).all() for number in numbers):
            peak = self.training.learning_rate.peak
            message = f"{what}. {CAUSES.format(peak=peak)}"
            raise TrainingError(message)

    def _compile(self) -> Any:
        """Compile the steps of a call → the sums of their rows' losses and gradients' norms."""

        def step(state: Any, copies: Any, order: Any, edges: Any, rates: Any) -> Any:
            number, loss, norm = state
            self.optimizer.learning_rate.assign(rates[number])
            batch = order[edges[number] : edges[number + 1]]
            found = self.strategy.run(self._update, args=(*copies, batch))
            summed = (self.strategy.reduce("SUM", each, axis=None) for each in found)
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


def _arguments(copies: Any, order: Any, call: StepBatch, sums: EpochTotals) -> tuple[Any, ...]:
    """Make the arguments of the compiled steps; their shapes are those of a whole call, always.

    The sums go on from where they are, in double precision: so they do not depend on how steps
    are cut into calls.
    """
    missing = STEPS_PER_CALL - len(call)
    edges, rates = np.pad(call.edges, (0, missing)), np.pad(call.rates, (0, missing))
    so_far = (tf.constant(value, tf.float64) for value in (sums.loss, sums.norm))
    return copies, order, tf.constant(edges), tf.constant(rates), tf.constant(len(call)), *so_far


def automatic_batch_size(n_rows: int) -> int:
    """Choose the power of two that cuts the rows into about 64 batches, from 32 to 1024."""
    exponent = round(np.log2(max(1, n_rows / BATCHES)))
    return int(np.clip(2**exponent, SMALLEST, LARGEST))
