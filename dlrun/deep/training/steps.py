"""The compiled steps of a training: gradients, their sum over the replicas, and the update."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from functools import partial
from math import ceil, inf
from typing import Any, Final

from dlrun.deep.backend import tf
from dlrun.deep.distributed.replicas import all_reduce_gradients
from dlrun.deep.network import Network
from dlrun.deep.objective import Objective
from dlrun.deep.training.xla import normalized_by, same_dropout

PADDING_SHARE: Final = 8  # of the usual rows of a batch, by eighths of which longer ones are padded
TRIAL_CALLS: Final = 4
LONG_TRIAL_SECONDS: Final = 5.0
Batch = tuple[Any, Any]
"""Positions of a batch's rows in their window, and how many the batch has over all workers."""


def n_missing(n_rows: Any, width: int, maximum: Callable[[Any, Any], Any]) -> Any:
    """Count the rows that pad a batch for XLA, which makes a program for every number of rows.

    Longer batches are of streams, where those of a window may have up to twice as many rows.

    Args:
        n_rows: of the batch, also as a tensor.
        width: of most batches, at least 1.
        maximum: of two such numbers.
    """
    unit = ceil(width / PADDING_SHARE)
    return maximum(width - n_rows, (width - n_rows) % unit)


@dataclass
class CompiledSteps:
    """Steps as `Steps.compile` makes them, and what they were seen to take.

    Attributes:
        function: runs the steps of a call.
        width: rows that batches are padded to for XLA, see `n_missing`; None: without XLA.
        sizes: rows of the padded batches that it has run. XLA compiles a program for each.
        pace: seconds of a step, the least of all calls.
        cost: seconds of the calls that compiled.
    """

    function: Any
    width: int | None = None
    sizes: set[int] = field(default_factory=set)
    pace: float = inf
    cost: float = 0.0
    n_calls: int = 0
    seconds: float = 0.0

    def is_new(self, sizes: Iterable[int]) -> bool:
        """Say whether batches of these sizes have to be compiled first."""
        return not (self.sizes.issuperset(self._pad(sizes)) if self.by_xla else self.sizes)

    def record(self, sizes: Iterable[int], n_steps: int, seconds: float) -> None:
        """Record a call."""
        if self.is_new(sizes):
            self.cost += seconds
        else:
            self.pace = min(self.pace, seconds / n_steps)
            self.n_calls, self.seconds = self.n_calls + 1, self.seconds + seconds
        self.sizes.update(self._pad(sizes))

    def _pad(self, sizes: Iterable[int]) -> set[int]:
        width = self.width
        return {size + n_missing(size, width, max) for size in sizes} if width else {*sizes}

    @property
    def by_xla(self) -> bool:
        """Say whether XLA compiles them."""
        return self.width is not None

    @property
    def is_measured(self) -> bool:
        """Say whether the pace is known well enough."""
        return self.n_calls >= TRIAL_CALLS or self.seconds >= LONG_TRIAL_SECONDS


@dataclass(frozen=True)
class Steps:
    """What a step needs beside its rows.

    Attributes:
        network: is trained in place.
        optimizer: a Keras optimizer, made under the strategy.
        strategy: of tf.distribute.
        accumulate: equal parts of a batch, whose gradients are added up before the update.
        n_local: replicas of this worker; those of all workers unless there are others.
        compiled: earlier, by width and weights.
    """

    network: Network
    objective: Objective
    optimizer: Any
    strategy: Any
    accumulate: int = 1
    n_local: int = 1
    compiled: dict[Hashable, CompiledSteps] = field(default_factory=dict)

    def compile(self, weights: list[Any], width: int | None = None) -> CompiledSteps:
        """Compile the steps of a call, once; they add to the sums of losses and of gradient norms.

        XLA compiles the update alone, since random changes to images have no kernel there, and
        makes a program for every number of rows.

        Args:
            weights: that are trained.
            width: rows that batches are padded to for XLA; 0: not padded; None: without XLA.
        """
        key = (width, *map(id, weights))
        if key not in self.compiled:
            self.compiled[key] = self._compile(weights, width)
        return self.compiled[key]

    def _compile(self, weights: list[Any], width: int | None) -> CompiledSteps:
        if width is None:
            update = partial(self._update, weights)
        else:
            update = partial(self._update_by_xla, weights, width)

        def step(state: Any, copies: Any, order: Any, edges: Any, counts: Any, rates: Any) -> Any:
            number, loss, norm = state
            self.optimizer.learning_rate.assign(rates[number])
            batch = order[edges[number] : edges[number + 1]], counts[number]
            losses, norms = (tf.cast(each, tf.float64) for each in update(copies, batch))
            return number + 1, loss + losses, norm + norms

        def steps(
            copies: Any,
            order: Any,
            edges: Any,
            counts: Any,
            rates: Any,
            n_steps: Any,
            *sums: Any,
        ) -> Any:
            return tf.while_loop(
                lambda number, *_: number < n_steps,
                lambda *state: step(state, copies, order, edges, counts, rates),
                (tf.constant(0), *sums),
            )[1:]

        return CompiledSteps(tf.function(steps, autograph=False, reduce_retracing=True), width)

    def _update(self, weights: list[Any], copies: Any, batch: Batch) -> Any:
        """Take one step on all replicas; return the sum of losses and the gradient's norm."""

        def gradients(*share: Any) -> Any:
            return self._differentiate(weights, *self._choose(*share))

        total, summed = self._sum_gradients(gradients, copies, batch)
        norm = self.strategy.run(partial(self._apply, weights), args=(summed,))
        return [self.strategy.reduce("SUM", each, axis=None) for each in (total, norm)]

    def _update_by_xla(self, weights: list[Any], width: int, copies: Any, batch: Batch) -> Any:
        """Take one step in one program, or in one for all parts of a batch and another to apply."""
        apply = partial(self._apply, weights)
        compiled = partial(tf.function, autograph=False, jit_compile=True)

        def differentiate(*rows: Any) -> Any:
            with same_dropout():
                return self._differentiate(weights, *rows)

        def whole(*rows: Any) -> Any:
            total, gradients = differentiate(*rows)
            return total, apply(gradients)

        if self.accumulate == 1:
            inputs, y = copies
            return compiled(whole)(*self._choose(inputs, y, batch, 0, 1, width=width))
        part_width = ceil(width / self.accumulate)
        part = compiled(differentiate)

        def gradients(*share: Any) -> Any:
            return part(*self._choose(*share, width=part_width))

        total, summed = self._sum_gradients(gradients, copies, batch)
        return total, compiled(apply)(summed)

    def _sum_gradients(self, gradients: Callable[..., Any], copies: Any, batch: Batch) -> Any:
        """Return each replica's sum of its rows' losses, and its gradients.

        Where gradients are accumulated, the parts of a batch follow each other: the activations of
        one alone are in memory. A batch of few rows has fewer parts, each with a row for every
        replica.
        """
        if self.accumulate == 1:
            return self.strategy.run(gradients, args=(*copies, batch, 0, 1))
        n_replicas = self.strategy.num_replicas_in_sync
        n_parts = tf.clip_by_value(batch[1] // n_replicas, 1, self.accumulate)

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
        # What comes out of a loop has no device, which several workers need to add it up.
        return self.strategy.run(partial(tf.nest.map_structure, tf.identity), args=(sums,))

    def _choose(
        self,
        inputs: Any,
        y: Any,
        batch: Batch,
        part: Any,
        n_parts: Any,
        *,
        width: int | None = None,
    ) -> tuple[Any, Any, Any, Any, Any]:
        """Gather and augment a part of this replica's share of a batch, padded to `width` rows.

        Returns:
            Inputs and y; how many of these rows count, where some are padding; the rows of the
            batch; and into how many parts it is cut.
        """
        context = tf.distribute.get_replica_context()
        n_replicas, replica = context.num_replicas_in_sync, context.replica_id_in_sync_group
        mine, n_rows = self._share(*batch, replica, n_replicas), batch[1]
        if self.accumulate > 1:
            n_mine = tf.size(mine)
            mine = mine[n_mine * part // n_parts : n_mine * (part + 1) // n_parts]
        n_counted = None
        if width:  # pad with copies of the window's first row
            n_counted = tf.size(mine)
            mine = tf.pad(mine, [[0, n_missing(n_counted, width, tf.maximum)]])
        chosen = {kind: tf.gather(tensor, mine) for kind, tensor in inputs.items()}
        if self.network.augmenter:
            chosen = self.network.augmenter(chosen, training=True)
        return chosen, tf.gather(y, mine), n_counted, n_rows, n_replicas * n_parts

    def _differentiate(
        self, weights: list[Any], inputs: Any, y: Any, n_counted: Any, n_rows: Any, n_shares: Any
    ) -> tuple[Any, dict[int, Any]]:
        """Compute what rows add to the gradient of a batch; arguments as `_choose` returns them.

        Returns:
            The sum of its rows' losses, and position of a weight → its gradient.
        """
        with tf.GradientTape() as tape:
            with normalized_by(self.network.body, n_counted):
                outputs = self.network.body(inputs, training=True)
            losses = self.objective.losses(y, outputs)
            if n_counted is not None:
                losses = tf.where(tf.range(tf.size(losses)) < n_counted, losses, 0.0)
            total = tf.reduce_sum(losses)
            penalties = tf.add_n([*self.network.body.losses, 0.0]) / tf.cast(n_shares, tf.float32)
            loss = total / tf.cast(n_rows, tf.float32) + penalties
            loss = self.optimizer.scale_loss(loss)
        found = enumerate(tape.gradient(loss, weights))
        gradients = {number: gradient for number, gradient in found if gradient is not None}
        if self.accumulate > 1:  # those of embeddings name their rows
            gradients = {number: tf.convert_to_tensor(each) for number, each in gradients.items()}
        return total, gradients

    def _share(self, rows: Any, n_rows: Any, replica: Any, n_replicas: int) -> Any:
        """Return the rows of a batch that a replica takes.

        Args:
            rows: of the batch, those that this worker has.
            n_rows: of the batch, over all workers; more where the others have rows of their own,
                so that these here are shared by this worker's replicas alone.
            replica: its number among those of all workers, one worker's after another's.
            n_replicas: of all workers.
        """
        n_own, n_sharing = tf.size(rows), n_replicas
        if self.n_local < n_replicas:
            n_sharing = tf.where(n_rows > n_own, self.n_local, n_replicas)
        place = replica % n_sharing
        return rows[n_own * place // n_sharing : n_own * (place + 1) // n_sharing]

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
