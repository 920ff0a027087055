"""Attention between the tokens of a row, in several heads."""

from __future__ import annotations

from math import sqrt
from typing import Any

from dlrun.deep.backend import keras

ops = keras.ops


def attend(queries: Any, tokens: Any, *, heads: int, dropout: float) -> Any:
    """Apply scaled dot-product attention in several heads (Vaswani et al. 2017).

    Written with dense layers, as Keras' MultiHeadAttention takes twice as long to train on a
    CPU: it computes the gradient of its weights for every row before it sums them.

    Args:
        queries: (rows, queries, width), the width a multiple of `heads`.
        tokens: (rows, tokens, width), both keys and values.
        heads: of attention.
        dropout: share of the attention weights.

    Returns:
        (rows, queries, width).
    """
    width = tokens.shape[-1]

    def project(tensor: Any) -> Any:
        """Project a tensor and split it, (rows, heads, tokens, width / heads)."""
        mapped = keras.layers.Dense(width)(tensor)
        heads_last = ops.reshape(mapped, (-1, tensor.shape[1], heads, width // heads))
        return ops.transpose(heads_last, (0, 2, 1, 3))

    scores = ops.matmul(project(queries), ops.transpose(project(tokens), (0, 1, 3, 2)))
    weights = ops.softmax(scores / sqrt(width // heads))
    if dropout:
        weights = keras.layers.Dropout(dropout)(weights)
    mixed = ops.transpose(ops.matmul(weights, project(tokens)), (0, 2, 1, 3))
    joined = ops.reshape(mixed, (-1, queries.shape[1], width))
    return keras.layers.Dense(width)(joined)
