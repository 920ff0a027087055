"""The training loop: many steps in one compiled call, on one device or several alike.

Keras' own `fit` comes back to Python for every batch; for a small network that costs more than
the step. Here a call runs `STEPS_PER_CALL` steps over a window of rows in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import ceil
from time import perf_counter
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dlrun.contract import Epoch, OnEpoch
from dlrun.deep.backend import tf
from dlrun.deep.network import Network
from dlrun.deep.objective import Objective
from dlrun.deep.schedule import learning_rates
from dlrun.deep.stopping import Watch
from dlrun.deep.table import Rows, Table
from dlrun.errors import TrainingError
from dlrun.recipe.training import Training

STEPS_PER_CALL: Final = 32  # Ctrl-C is heard between calls
BATCHES: Final = 64  # of an epoch, where the batch size is free
SMALLEST, LARGEST = 32, 1024
CAUSES: Final = (
    "The usual causes are a learning rate that is too high (peak {peak:g}), gradients that need "
    "training.clip_norm, and extreme values in a number column "
    "(preprocessing.number.scale: quantile)"
)

Measure = Callable[[], dict[str, float]]


@dataclass(frozen=True)
class Call:
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
class Sums:
    """What the steps of an epoch add up to.

    Attributes:
        steps: how many there were.
        loss: of their rows.
        norm: of the gradients' global L2 norms before clipping.
    """

    steps: int = 0
    loss: float = 0.0
    norm: float = 0.0


@dataclass(frozen=True)
class Loop:
    """All that a training needs but its rows.

    Attributes:
        network: is trained in place.
        optimizer: a Keras optimizer, made under the strategy.
        strategy: of tf.distribute.
        seed: with the epoch's number it fixes the order of rows.
    """

    network: Network
    objective: Objective
    training: Training
    optimizer: Any
    strategy: Any
    seed: int

    def run(self, rows: Rows, measure: Measure, on_epoch: OnEpoch) -> int:
        """Train, keep the best weights, and return their epoch.

        Every epoch is told with the training loss, the mean norm of the gradients, the learning
        rate of its last step, and what `measure` says.

        Raises:
            TrainingError: the loss or a weight is not finite any more.
        """
        body, training = self.network.body, self.training
        n_steps = self._count_steps(len(rows))
        rates = learning_rates(training.learning_rate, training.epochs * n_steps)
        steps = self._compile()
        watch = Watch(training, n_steps)
        for number, planned in enumerate(np.split(rates, training.epochs), start=1):
            started, sums = perf_counter(), Sums()
            for copies, order, call in self._calls(rows, number, planned * watch.rate_factor):
                self._add(sums, number, call, steps(*_arguments(copies, order, call)))
            metrics = {
                "train/loss": sums.loss / len(rows),
                "train/gradient_norm": sums.norm / n_steps,
                "train/learning_rate": float(planned[-1] * watch.rate_factor),
                **measure(),
            }
            on_epoch(Epoch(number, training.epochs, metrics, perf_counter() - started))
            watch.look(number, metrics, body.get_weights)
            if watch.is_over:
                break
        if watch.best_weights:
            body.set_weights(watch.best_weights)
            number = watch.best_epoch or number
        self._check(f"a weight is not finite after epoch {number}", *body.get_weights())
        return number

    def _count_steps(self, n_rows: int) -> int:
        """Count the batches of an epoch, each with a row for every replica at least."""
        batch_size = self.training.batch_size
        size = automatic_batch_size(n_rows) if batch_size == "auto" else batch_size
        n_replicas: int = self.strategy.num_replicas_in_sync
        return max(1, min(ceil(n_rows / size), n_rows // n_replicas))

    def _calls(
        self, rows: Rows, epoch: int, rates: NDArray[np.float32]
    ) -> Iterator[tuple[Any, Any, Call]]:
        """Give the calls of an epoch, each with the window on every replica and its order."""
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
            for call in _cut(first, len(window), rates[first:last]):
                yield copies, order, call

    def _add(self, sums: Sums, epoch: int, call: Call, found: tuple[Any, Any]) -> None:
        loss, norm = map(float, found)
        where = f"in steps {call.first + 1} to {call.first + len(call)} of epoch {epoch}"
        self._check(f"the training loss is {loss} {where}", loss)
        sums.steps += len(call)
        sums.loss += loss
        sums.norm += norm

    def _check(self, what: str, *numbers: Any) -> None:
        if not all(np.isfinite(number).all() for number in numbers):
            peak = self.training.learning_rate.peak
            message = f"{what}. {CAUSES.format(peak=peak)}"
            raise TrainingError(message)

    def _compile(self) -> Any:
        """Compile the steps of a call → the sums of their rows' losses and gradients' norms."""
        with self.strategy.scope():
            self.optimizer.build(self.network.body.trainable_variables)

        def step(state: Any, copies: Any, order: Any, edges: Any, rates: Any) -> Any:
            number, loss, norm = state
            self.optimizer.learning_rate.assign(rates[number])
            batch = order[edges[number] : edges[number + 1]]
            found = self.strategy.run(self._update, args=(*copies, batch))
            losses, norms = (self.strategy.reduce("SUM", each, axis=None) for each in found)
            return number + 1, loss + losses, norm + norms

        def steps(copies: Any, order: Any, edges: Any, rates: Any, n_steps: Any) -> Any:
            return tf.while_loop(
                lambda number, *_: number < n_steps,
                lambda *state: step(state, copies, order, edges, rates),
                (tf.constant(0), tf.constant(0.0), tf.constant(0.0)),
            )[1:]

        return tf.function(steps, autograph=False, reduce_retracing=True)

    def _copy_to_replicas(self, table: Table) -> tuple[Any, Any]:
        def copy(_: Any) -> tuple[Any, Any]:
            inputs = {kind: tf.identity(tensor) for kind, tensor in table.inputs.items()}
            return inputs, tf.identity(table.truth)

        copies: tuple[Any, Any] = self.strategy.experimental_distribute_values_from_function(copy)
        return copies

    def _update(self, inputs: Any, truth: Any, batch: Any) -> tuple[Any, Any]:
        """Take one step on this replica's share of a batch.

        Returns:
            The sum of its rows' losses, and the norm of its part of the gradient.
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
            total = tf.reduce_sum(self.objective.losses(tf.gather(truth, mine), outputs))
            penalties = tf.add_n([*self.network.body.losses, 0.0]) / n_replicas
            loss = total / tf.cast(n_rows, tf.float32) + penalties
            loss = self.optimizer.scale_loss(loss)
        gradients = tape.gradient(loss, weights)
        norm = tf.linalg.global_norm(gradients) / self.optimizer.scale_loss(1.0)
        self.optimizer.apply(gradients, weights)
        return total, norm


def _cut(first: int, n_rows: int, rates: NDArray[np.float32]) -> Iterator[Call]:
    """Cut the rows of a window into steps, and these into calls."""
    edges = (np.arange(len(rates) + 1) * n_rows // max(1, len(rates))).astype(np.int32)
    for start in range(0, len(rates), STEPS_PER_CALL):
        stop = start + STEPS_PER_CALL
        yield Call(first + start, edges[start : stop + 1], rates[start:stop])


def _arguments(copies: Any, order: Any, call: Call) -> tuple[Any, ...]:
    """Make the arguments of the compiled steps; their shapes are those of a whole call, always."""
    missing = STEPS_PER_CALL - len(call)
    edges, rates = np.pad(call.edges, (0, missing)), np.pad(call.rates, (0, missing))
    return copies, order, tf.constant(edges), tf.constant(rates), tf.constant(len(call))


def automatic_batch_size(n_rows: int) -> int:
    """Choose the power of two that cuts the rows into about 64 batches, from 32 to 1024."""
    exponent = round(np.log2(max(1, n_rows / BATCHES)))
    return int(np.clip(2**exponent, SMALLEST, LARGEST))
