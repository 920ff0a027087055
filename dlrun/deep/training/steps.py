"""The compiled steps of a training: gradients, their sum over the replicas, and the update."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dlrun.deep.backend import tf
from dlrun.deep.distributed.replicas import all_reduce_gradients
from dlrun.deep.network import Network
from dlrun.deep.objective import Objective


@dataclass(frozen=True)
class Steps:
    """What a step needs beside its rows.

    Attributes:
        network: is trained in place.
        optimizer: a Keras optimizer, made under the strategy.
        strategy: of tf.distribute.
    """

    network: Network
    objective: Objective
    optimizer: Any
    strategy: Any

    def compile(self, weights: list[Any]) -> Any:
        """Compile the steps of a call; they add to the sums of losses and of gradient norms.

        Args:
            weights: that are trained.
        """

        def update(*share: Any) -> tuple[Any, Any]:
            return self._update(weights, *share)

        def step(state: Any, copies: Any, order: Any, edges: Any, rates: Any) -> Any:
            number, loss, norm = state
            self.optimizer.learning_rate.assign(rates[number])
            batch = order[edges[number] : edges[number + 1]]
            shares = self.strategy.run(update, args=(*copies, batch))
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

    def _update(self, weights: list[Any], inputs: Any, y: Any, batch: Any) -> tuple[Any, Any]:
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
