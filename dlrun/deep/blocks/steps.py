"""The steps of a text, a sound or a series, and which of them are there rather than padding."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, Final

from dlrun.deep.backend import keras
from dlrun.deep.inputs.groups import Group
from dlrun.deep.inputs.text import TextEncoding

FAST_TEXT: Final = 64  # width of an averaged text

ops = keras.ops


@dataclass(frozen=True)
class StepSequence:
    """Steps inside a network that is being built.

    Attributes:
        tensor: (rows, steps, width).
        mask: (rows, steps) bool, true where a step is there; None where all are.
    """

    tensor: Any
    mask: Any

    def cleared(self, tensor: Any) -> StepSequence:
        """Take what a layer made of the steps, with zeros where there is padding."""
        if self.mask is None:
            return StepSequence(tensor, None)
        return StepSequence(tensor * ops.cast(self.mask[:, :, None], tensor.dtype), self.mask)

    def filled(self, value: float) -> Any:
        """Give the steps with a value where there is padding, (rows, steps, width)."""
        if self.mask is None:
            return self.tensor
        return ops.where(self.mask[:, :, None], self.tensor, ops.cast(value, self.tensor.dtype))

    def mean(self) -> Any:
        """Average the steps that are there, (rows, width); zero where there is none."""
        tensor = ops.cast(self.tensor, "float32")  # half precision cannot sum up many steps
        if self.mask is None:
            return ops.mean(tensor, axis=1)
        # Keras' own GlobalAveragePooling1D divides by zero where there is none.
        there = ops.cast(self.mask[:, :, None], "float32")
        return ops.sum(tensor * there, axis=1) / ops.maximum(ops.sum(there, axis=1), 1)


def as_sequence(group: Group, embedding: int = 1) -> StepSequence:
    """Take a group as steps, zero where there is padding.

    Args:
        group: a text, sound or series.
        embedding: length of the vector that stands for a token, of a text alone.
    """
    tensor = group.expand()
    if isinstance(group.encoding, TextEncoding):
        layer = keras.layers.Embedding(group.encoding.n_codes, embedding, mask_zero=True)
        tensor = layer(tensor)
    # Keras keeps the mask on the tensor. It is handed on by hand, as convolutions do not; and an
    # operation leaves it behind, which keeps Keras from warning that they do not.
    mask = getattr(tensor, "_keras_mask", None)
    return StepSequence(tensor, mask).cleared(tensor)


def average_tokens(group: Group) -> Any:
    """Average the vectors of a text's tokens, as fastText does (Joulin et al. 2017)."""
    return as_sequence(group, FAST_TEXT).mean()


def flatten_steps(group: Group) -> Any:
    """Put the steps of a series one after the other, (rows, steps · width)."""
    tensor = group.expand()
    return ops.reshape(tensor, (-1, prod(tensor.shape[1:])))
