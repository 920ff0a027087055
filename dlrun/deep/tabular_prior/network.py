"""The network of `tabular_prior`: all rows of a table in, classes of its last rows out."""

from __future__ import annotations

from functools import cached_property
from math import sqrt
from typing import Any, Final

from dlrun.deep.backend import keras, tf
from dlrun.deep.tabular_prior.limits import CELL, GROUP, IDENTITY, MAX_CLASSES

ops = keras.ops

FLOOR: Final = 1e-3
"""The least share of votes of a class; its logarithm is a logit."""
ABSENT: Final = -1e4


class CellAttention(keras.layers.Layer):  # type: ignore[misc]
    """Dot-product attention in several heads (Vaswani et al. 2017).

    Its scale grows with the logarithm of the number of tokens (Nakanishi 2025), so that it can be
    used on more rows than it was trained on.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = keras.layers.Dense(width, use_bias=False)
        self.key = keras.layers.Dense(width, use_bias=False)
        self.value = keras.layers.Dense(width, use_bias=False)
        self.join = keras.layers.Dense(width, use_bias=False, kernel_initializer="zeros")

    def call(self, queries: Any, tokens: Any) -> Any:
        """Let queries (…, n, width) attend to tokens (…, m, width)."""
        query, key, value = (
            self._split(layer(given))
            for layer, given in (
                (self.query, queries), (self.key, tokens), (self.value, tokens)
            )
        )  # fmt: skip
        n_tokens = ops.cast(ops.shape(tokens)[-2], query.dtype)
        # The more tokens there are, the sharper, so that weight is not spread thin over them.
        sharpness = ops.log(n_tokens + 1) / sqrt(query.shape[-1])
        scores = ops.matmul(sharpness * query, ops.swapaxes(key, -1, -2))
        mixed = ops.swapaxes(ops.matmul(ops.softmax(scores), value), 2, 3)
        return self.join(ops.reshape(mixed, ops.shape(queries)))

    def _split(self, tensor: Any) -> Any:
        *outer, tokens, width = ops.shape(tensor)
        split = ops.reshape(tensor, (*outer, tokens, self.heads, width // self.heads))
        return ops.swapaxes(split, 2, 3)


class TableBlock(keras.layers.Layer):  # type: ignore[misc]
    """Attention between the columns of a row, then between the rows of a column.

    Rows attend to training rows alone (Hollmann et al. 2025).
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norms = [keras.layers.RMSNormalization() for _ in range(3)]
        self.columns = CellAttention(width, heads)
        self.rows = CellAttention(width, heads)
        self.widen = keras.layers.Dense(2 * width, activation="relu")
        self.narrow = keras.layers.Dense(width, kernel_initializer="zeros")

    def call(self, cells: Any, n_train: Any) -> Any:
        """Transform (tables, tokens, rows, width); the first `n_train` rows are training rows."""
        by_row = ops.swapaxes(self.norms[0](cells), 1, 2)
        cells = cells + ops.swapaxes(self.columns(by_row, by_row), 1, 2)
        by_column = self.norms[1](cells)
        cells = cells + self.rows(by_column, by_column[:, :, :n_train])
        return cells + self.narrow(self.widen(self.norms[2](cells)))


class ContextNetwork(keras.Model):  # type: ignore[misc]
    """A transformer that learns a table from its context, without a change of its weights.

    Tokens are small groups of columns and one token of the label; blocks attend in two directions,
    as in TabPFN's second version (Hollmann et al. 2025) and in nanoTabPFN (Pfefferle et al. 2025).
    The answer is a vote of the training rows, weighted by attention to them, which treats all
    classes alike, and a linear correction.
    """

    def __init__(self, width: int, heads: int, blocks: int) -> None:
        super().__init__()
        self.width, self.heads = width, heads
        self.cell = keras.layers.Dense(width)
        self.identity = keras.layers.Dense(width, use_bias=False)
        self.label = keras.layers.Dense(width, use_bias=False)
        self.unknown = self.add_weight(shape=(width,), initializer="zeros", name="unknown")
        self.blocks = [TableBlock(width, heads) for _ in range(blocks)]
        self.norm = keras.layers.RMSNormalization()
        self.asking = keras.layers.Dense(width, use_bias=False)
        self.answering = keras.layers.Dense(width, use_bias=False)
        self.correction = keras.layers.Dense(MAX_CLASSES, kernel_initializer="zeros")

    def call(self, cells: Any, identity: Any, labels: Any) -> Any:
        """Classify the rows without a label.

        Args:
            cells: (tables, tokens, rows, GROUP * CELL) float32, training rows first.
            identity: (tables, tokens, IDENTITY) random float32.
            labels: (tables, training rows, MAX_CLASSES) float32, one-hot.

        Returns:
            Logits, (tables, rows without a label, MAX_CLASSES); far below 0 of an absent class.
        """
        n_train = ops.shape(labels)[1]
        known = self.label(labels)
        unknown = ops.zeros_like(cells[:, 0, n_train:, :1]) + self.unknown
        columns = self.cell(cells) + self.identity(identity)[:, :, None]
        label = ops.concatenate([known, unknown], axis=1)
        tokens = ops.concatenate([label[:, None], columns], axis=1)
        for block in self.blocks:
            tokens = block(tokens, n_train=n_train)
        rows = self.norm(tokens[:, 0])
        asked = rows[:, n_train:]
        answers = self.answering(rows[:, :n_train])
        sharpness = ops.log(ops.cast(n_train + 1, rows.dtype)) / sqrt(rows.shape[-1])
        scores = ops.matmul(sharpness * self.asking(asked), ops.swapaxes(answers, 1, 2))
        votes = ops.matmul(ops.softmax(scores), labels)
        is_absent = 1 - ops.max(labels, axis=1, keepdims=True)
        return ops.log(votes + FLOOR) + self.correction(asked) + ABSENT * is_absent

    @cached_property
    def compiled_call(self) -> Any:
        """Return `call` for tables of any size, one at a time, compiled once."""
        signature = [
            tf.TensorSpec([1, None, None, None]), tf.TensorSpec([1, None, IDENTITY]),
            tf.TensorSpec([1, None, MAX_CLASSES]),
        ]  # fmt: skip
        return tf.function(self, input_signature=signature)


def new_network(width: int = 64, heads: int = 4, blocks: int = 3) -> Any:
    """Return a network with fresh weights."""
    network = ContextNetwork(width, heads, blocks)
    cells = ops.zeros((1, 1, 3, GROUP * CELL))
    network(cells, ops.zeros((1, 1, IDENTITY)), ops.zeros((1, 2, MAX_CLASSES)))
    return network
