"""The steps of a text, a sound or a series, and which of them are padding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from dlrun.deep.backend import keras
from dlrun.deep.inputs.groups import Group

ops = keras.ops


@dataclass(frozen=True)
class StepSequence:
    """Steps inside a network that is being built.

    Attributes:
        tensor: (rows, steps, width).
        mask: (rows, steps) bool, false at padding; None where there is no padding.
    """

    tensor: Any
    mask: Any

    def apply_mask(self, tensor: Any) -> StepSequence:
        """Return a tensor that was computed from the steps, with zeros at padding."""
        if self.mask is None:
            return StepSequence(tensor, None)
        return StepSequence(tensor * ops.cast(self.mask[:, :, None], tensor.dtype), self.mask)

    def fill_padding(self, value: float) -> Any:
        """Return the steps with a value at padding, (rows, steps, width)."""
        if self.mask is None:
            return self.tensor
        return ops.where(self.mask[:, :, None], self.tensor, ops.cast(value, self.tensor.dtype))

    def mean(self) -> Any:
        """Average the steps without padding, (rows, width) float32; zero where all is padding."""
        tensor = ops.cast(self.tensor, "float32")  # half precision cannot sum up many steps
        if self.mask is None:
            return ops.mean(tensor, axis=1)
        # Keras' own GlobalAveragePooling1D divides by zero where all is padding.
        mask = ops.cast(self.mask[:, :, None], "float32")
        return ops.sum(tensor * mask, axis=1) / ops.maximum(ops.sum(mask, axis=1), 1)


def as_sequence(group: Group, embedding: int = 1) -> StepSequence:
    """Take a group as steps, with zeros at padding.

    Args:
        group: a text, sound or series.
        embedding: length of the vector of a token, of a text alone.
    """
    tensor = group.expand()
    if group.encoding.n_codes:
        layer = keras.layers.Embedding(group.encoding.n_codes, embedding, mask_zero=True)
        tensor = layer(tensor)
    # Keras keeps the mask on the tensor. It is handed on by hand, as convolutions do not; and an
    # operation leaves it behind, which keeps Keras from warning that they do not.
    mask = getattr(tensor, "_keras_mask", None)
    return StepSequence(tensor, mask).apply_mask(tensor)
