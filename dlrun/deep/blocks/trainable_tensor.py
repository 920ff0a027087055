"""Trained tensors that do not depend on the inputs, made of Keras' own layers."""

from __future__ import annotations

from math import prod
from typing import Any

from dlrun.deep.backend import keras

ops = keras.ops


def trainable_tensor(rows: Any, shape: tuple[int, ...], start: Any) -> Any:
    """Make a trained tensor, (1, *shape), to be broadcast over rows.

    It is a dense layer on a single 1: a weight outside a layer would need a class of our own. To
    multiply by it is far cheaper than an EinsumDense with weights for every position.

    Args:
        rows: any tensor (rows, width) of the network.
        shape: of the tensor.
        start: a Keras initializer.
    """
    one = ops.ones_like(rows[:1, :1], dtype="float32")
    flat = keras.layers.Dense(prod(shape), use_bias=False, kernel_initializer=start)(one)
    return ops.reshape(flat, (-1, *shape))  # empty without rows
