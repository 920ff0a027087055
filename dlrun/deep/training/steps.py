"""The compiled steps of a training: gradients, their sum over the replicas, and the update."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
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
        accumulate: equal parts of a batch, whose gradients are added up before the update.
    """

    network: Network
    objective: Objective
    optimizer: Any
    strategy: Any
    accumulate: int = 1

    def compile(self, weights: list[Any]) -> Any:
        """Compile the steps of a call; they add to the sums of losses and of gradient norms.

        Args:
            weights: that are trained.
        """

        def step(state: Any, copies: Any, order: Any, edges: Any, rates: Any) -> Any:
            number, loss, norm = state
            self.optimizer.learning_rate.assign(rates[number])
            batch = order[edges[number] : edges[number + 1]]
            total, gradients = self._sum_gradients(weights, copies, batch)
            share = self.strategy.run(partial(self._apply, weights), args=(gradients,))
            summed = (self.strategy.reduce("SUM", each, axis=None) for each in (total, share))
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

    def _sum_gradients(self, weights: list[Any], copies: Any, batch: Any) -> Any:
        """Return each replica's sum of its rows' losses, and its gradients.

        Where gradients are accumulated, the parts of a batch follow each other: the activations of
        one alone are in memory. A batch of few rows has fewer parts, each with a row for every
        replica.
        """
        gradients = partial(self._gradients, weights)
        if self.accumulate == 1:
            return self.strategy.run(gradients, args=(*copies, batch, 0, 1))
        n_replicas = self.strategy.num_replicas_in_sync
        n_parts = tf.clip_by_value(tf.size(batch) // n_replicas, 1, self.accumulate)

        def add(sums: Any, *share: Any) -> Any:
            return tf.nest.map_structure(tf.add, sums, gradients(*share))

        first = self.strategy.run(gradients, args=(*copies, batch, 0, n_parts))
        _, sums = tf.while_loop(
            lambda part, _: part < n_parts,
            lambda part, sums: (
                part + 1,
                self.strategy.run(add, args=(sums, *copies, batch, part, n_parts)),
            ),
            (tf.constant(1), first),
            parallel_iterations=1,
        )
        return sums

    def _gradients(
        self, weights: list[Any], inputs: Any, y: Any, batch: Any, part: Any, n_parts: Any
    ) -> tuple[Any, dict[int, Any]]:
        """Compute what a part of this replica's share adds to the gradient of a batch.

        Returns:
            The sum of its rows' losses, and position of a weight → its gradient.
        """
        context = tf.distribute.get_replica_context()
        n_replicas, replica = context.num_replicas_in_sync, context.replica_id_in_sync_group
        n_rows = tf.size(batch)
        mine = batch[n_rows * replica // n_replicas : n_rows * (replica + 1) // n_replicas]
        if self.accumulate > 1:
            n_mine = tf.size(mine)
            mine = mine[n_mine * part // n_parts : n_mine * (part + 1) // n_parts]
        chosen = {kind: tf.gather(tensor, mine) for kind, tensor in inputs.items()}
        if self.network.augmenter:
            chosen = self.network.augmenter(chosen, training=True)
        with tf.GradientTape() as tape:
            outputs = self.network.body(chosen, training=True)
            total = tf.reduce_sum(self.objective.losses(tf.gather(y, mine), outputs))
            n_shares = tf.cast(n_replicas * n_parts, tf.float32)
            penalties = tf.add_n([*self.network.body.losses, 0.0]) / n_shares
            loss = total / tf.cast(n_rows, tf.float32) + penalties
            loss = self.optimizer.scale_loss(loss)
        found = enumerate(tape.gradient(loss, weights))
        gradients = {number: gradient for number, gradient in found if gradient is not None}
        if self.accumulate > 1:  # those of embeddings name their rows
            gradients = {number: tf.convert_to_tensor(each) for number, each in gradients.items()}
        return total, gradients

    def _apply(self, weights: list[Any], gradients: dict[int, Any]) -> Any:
        """Update the weights by the gradients of all replicas.

        Returns:
            This replica's share of the gradient's norm.
        """
        n_replicas = tf.distribute.get_replica_context().num_replicas_in_sync
        summed = all_reduce_gradients([*gradients.values()])
        norm = tf.linalg.global_norm(summed) / self.optimizer.scale_loss(float(n_replicas))
        self.optimizer.apply(summed, [weights[number] for number in gradients])
        return norm
