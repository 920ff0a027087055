"""How many rows a network can take at once in the memory of a GPU."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from math import prod
from typing import Any, Final

from dlrun.deep.backend import tf
from dlrun.system.gpus import free_gpu_bytes

LEAST_BYTES: Final = 2**32  # of a GPU whose driver does not tell
MOST_BYTES: Final = 2**32  # at once; more rows are no faster
SHARE: Final = 1 / 8  # of the free memory
COPIES: Final = 8  # of the largest tensor of a layer: its inputs, its result, and room to work
NUMBER_BYTES: Final = 4


def rows_in_memory(models: tuple[Any, ...], longest: int) -> int | None:
    """Return the rows that Keras models predict at once; None on a CPU, whose caches are small.

    Args:
        models: functional ones.
        longest: what stands for a dimension that is not fixed.
    """
    if not tf.config.list_logical_devices("GPU"):
        return None
    largest = max(size for model in models for size in _sizes(model, longest))
    return int(budget_bytes() / (COPIES * NUMBER_BYTES * largest))


def budget_bytes() -> float:
    """Return the memory of the GPU for the rows that are predicted at once."""
    return min(MOST_BYTES, SHARE * _free_bytes())


def _free_bytes() -> float:
    in_use = tf.config.experimental.get_memory_info("GPU:0")["current"]
    return float(max(0, _free_at_first() - in_use))


@cache
def _free_at_first() -> int:
    """Return the free memory once: what TensorFlow has taken since, it keeps for its tensors."""
    in_use = tf.config.experimental.get_memory_info("GPU:0")["current"]
    return (free_gpu_bytes() or LEAST_BYTES) + int(in_use)


def _sizes(model: Any, longest: int) -> Iterator[int]:
    """Yield the numbers that layers make of a row, also in the models among them."""
    for layer in model.layers:
        if hasattr(layer, "layers"):
            yield from _sizes(layer, longest)
        for tensor in _outputs(layer):
            shape = [longest if size is None else size for size in tensor.shape[1:]]
            yield max(1, prod(shape))
            n_heads = getattr(layer, "num_heads", 0)  # the scores of an attention
            if n_heads and len(shape) > 1:
                yield int(n_heads * shape[0] ** 2)


def _outputs(layer: Any) -> list[Any]:
    """Return the outputs of a layer in its functional model; none where it has several or none."""
    try:
        return tf.nest.flatten(layer.output)  # type: ignore[no-any-return]
    except (AttributeError, ValueError):
        return []
