"""Trained tensors that no input changes, out of Keras' own layers."""

from __future__ import annotations

from math import prod
from typing import Any

from dlrun.deep.backend import keras

ops = keras.ops


def trainable_tensor(rows: Any, shape: tuple[int, ...], start: Any) -> Any:
    """Make a trained tensor, (1, *shape), to be broadcast over rows.

    A dense layer on a single one: a weight outside a layer would need a class of our own. It
    costs next to nothing, and what is multiplied by it is far cheaper than an EinsumDense whose
    weights stand for every position.

    Args:
        rows: any tensor (rows, width) of the network.
        shape: of the tensor.
        start: a Keras initializer.
    """
    one = ops.ones_like(rows[:1, :1], dtype="float32")
    flat = keras.layers.Dense(prod(shape), use_bias=False, kernel_initializer=start)(one)
    return ops.reshape(flat, (-1, *shape))  # nothing, where there are no rows
