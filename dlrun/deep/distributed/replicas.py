"""What Keras computes for each replica alone, made equal to one device.

dlrun sums the gradients of all replicas itself, so that clipping and the check for overflow are
those of the whole batch; the optimizer must not sum them again. And Keras does not synchronise a
batch normalisation with a mask. Both are private attributes of Keras; only this file sets them, and
`training.xla` the second on one device.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from dlrun.deep.backend import keras, tf
from dlrun.errors import TrainingError

ops = keras.ops


def n_replicas() -> int:
    """Count the replicas of the strategy in whose scope this is called."""
    count: int = tf.distribute.get_strategy().num_replicas_in_sync
    return count


def all_reduce_gradients(gradients: list[Any]) -> list[Any]:
    """Sum the gradients of all replicas, called by each of them; None stays None."""
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
        return gradients
    present = [gradient for gradient in gradients if gradient is not None]
    summed = iter(context.all_reduce(tf.distribute.ReduceOp.SUM, present))
    return [None if gradient is None else next(summed) for gradient in gradients]


def disable_optimizer_allreduce(optimizer: Any) -> Any:
    """Make an optimizer expect gradients that are summed over the replicas already."""
    if n_replicas() > 1:
        inner = getattr(optimizer, "inner_optimizer", optimizer)
        _replace(inner, "_all_reduce_sum_gradients", list)
    return optimizer


def synchronized(normalization: Any) -> Any:
    """Make a BatchNormalization use the rows of all replicas; it is saved as the plain layer."""
    if n_replicas() > 1:
        moments = partial(_moments, epsilon=keras.config.epsilon())
        _replace(normalization, "_moments", moments)
    return normalization


def _moments(inputs: Any, mask: Any, epsilon: float) -> tuple[Any, Any]:
    """Return mean and variance of the last axis over all replicas, where the mask is true.

    E[x²] - E[x]² would lose digits that one device keeps.
    """
    axes = list(range(len(inputs.shape) - 1))
    weights = ops.ones_like(inputs) if mask is None else _broadcast(mask, inputs)
    count = _all_reduce(ops.sum(weights, axes)) + (0 if mask is None else epsilon)
    mean = _all_reduce(ops.sum(inputs * weights, axes)) / count
    variance = _all_reduce(ops.sum(ops.square(inputs - mean) * weights, axes)) / count
    return mean, variance


def _broadcast(mask: Any, inputs: Any) -> Any:
    return ops.broadcast_to(ops.cast(mask[..., None], inputs.dtype), ops.shape(inputs))


def _all_reduce(tensor: Any) -> Any:
    context = tf.distribute.get_replica_context()
    return context.all_reduce(tf.distribute.ReduceOp.SUM, tensor)


def _replace(owner: Any, name: str, function: Any) -> None:
    if not hasattr(owner, name):
        message = (
            f"several replicas cannot be trained with Keras {keras.__version__}: its "
            f"{type(owner).__name__} has no {name} any more. Install keras 3.15, or choose "
            "training.strategy: one_device"
        )
        raise TrainingError(message)
    setattr(owner, name, function)
