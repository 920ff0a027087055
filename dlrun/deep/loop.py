"""The training loop: many steps in one compiled call, on one device or several alike.

Keras' own `fit` comes back to Python for every batch; for a small network that costs more than
the step. Here a call runs `STEPS_PER_CALL` steps over tables in memory.
"""

from __future__ import annotations

from collections.abc import Callable
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
from dlrun.deep.table import Table
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

    def run(self, table: Table, measure: Measure, on_epoch: OnEpoch) -> int:
        """Train, keep the best weights, and return their epoch.

        Raises:
            TrainingError: the loss or a weight is not finite any more.
        """
        body, training = self.network.body, self.training
        n_steps = self._count_steps(len(table))
        edges = np.arange(n_steps + 1) * len(table) // n_steps
        rates = learning_rates(training.learning_rate, training.epochs * n_steps)
        steps = self._compile(table)
        watch = Watch(training, n_steps)
        for number, planned in enumerate(np.split(rates, training.epochs), start=1):
            started = perf_counter()
            order = np.random.default_rng([self.seed, number]).permutation(len(table))
            total = _run_epoch(steps, order, edges, planned * np.float32(watch.rate_factor))
            loss = total / len(table)
            self._check(f"the training loss is {loss} in epoch {number}", loss)
            metrics = {"train/loss": loss, **measure()}
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

    def _check(self, what: str, *numbers: Any) -> None:
        if not all(np.isfinite(number).all() for number in numbers):
            peak = self.training.learning_rate.peak
            message = f"{what}. {CAUSES.format(peak=peak)}"
            raise TrainingError(message)

    def _compile(self, table: Table) -> Any:
        """Compile the steps: (rows, edges, rates) → the sum of the rows' losses."""
        with self.strategy.scope():
            self.optimizer.build(self.network.body.trainable_variables)
        copies = self._copy_to_replicas(table)

        def step(number: Any, total: Any, rows: Any, edges: Any, rates: Any) -> Any:
            self.optimizer.learning_rate.assign(rates[number])
            batch = rows[edges[number] : edges[number + 1]]
            losses = self.strategy.run(self._update, args=(*copies, batch))
            return number + 1, total + self.strategy.reduce("SUM", losses, axis=None)

        def steps(rows: Any, edges: Any, rates: Any) -> Any:
            return tf.while_loop(
                lambda number, _: number < tf.size(rates),
                lambda number, total: step(number, total, rows, edges, rates),
                (tf.constant(0), tf.constant(0.0)),
            )[1]

        whole, real = tf.TensorSpec([None], tf.int32), tf.TensorSpec([None], tf.float32)
        return tf.function(steps, input_signature=[whole, whole, real], autograph=False)

    def _copy_to_replicas(self, table: Table) -> tuple[Any, Any]:
        def copy(_: Any) -> tuple[Any, Any]:
            inputs = {kind: tf.identity(tensor) for kind, tensor in table.inputs.items()}
            return inputs, tf.identity(table.truth)

        copies: tuple[Any, Any] = self.strategy.experimental_distribute_values_from_function(copy)
        return copies

    def _update(self, inputs: Any, truth: Any, batch: Any) -> Any:
        """Take one step on this replica's share of a batch; return the sum of its losses."""
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
        self.optimizer.apply(tape.gradient(loss, weights), weights)
        return total


def _run_epoch(
    steps: Any, order: NDArray[np.int64], edges: NDArray[np.int64], rates: NDArray[np.float32]
) -> float:
    """Run all steps of an epoch in calls of a few, and sum the losses."""
    rows, cuts = tf.constant(order, tf.int32), edges.astype(np.int32)
    total = 0.0
    for start in range(0, len(rates), STEPS_PER_CALL):
        stop = start + STEPS_PER_CALL
        total += float(steps(rows, cuts[start : stop + 1], rates[start:stop]))
    return total


def automatic_batch_size(n_rows: int) -> int:
    """Choose the power of two that cuts the rows into about 64 batches, from 32 to 1024."""
    exponent = round(np.log2(max(1, n_rows / BATCHES)))
    return int(np.clip(2**exponent, SMALLEST, LARGEST))
