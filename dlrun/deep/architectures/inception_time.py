"""Inception modules with residual connections over a series (Ismail Fawaz et al. 2020)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from dlrun.deep.architectures.fcn import activate, normalize
from dlrun.deep.backend import keras
from dlrun.deep.blocks.steps import StepSequence, as_sequence
from dlrun.deep.inputs.groups import Group

RESIDUAL: Final = 3  # modules under each residual connection
POOL: Final = 3  # steps
LOWEST: Final = -65504.0  # of float16

layers = keras.layers


def build(
    group: Group,
    *,
    depth: int,
    filters: int,
    bottleneck: int,
    kernel_sizes: Sequence[int],
    residual: bool,
    dropout: float,
) -> Any:
    """Make a vector of a series; settings as in `architecture_settings.InceptionTime`."""
    steps = before = as_sequence(group)
    for number in range(1, depth + 1):
        steps = activate(steps, _module(steps, filters, bottleneck, kernel_sizes))
        if residual and number % RESIDUAL == 0:
            steps = before = _add(before, steps)
    vector = steps.mean()
    return layers.Dropout(dropout)(vector) if dropout else vector


def _module(steps: StepSequence, filters: int, bottleneck: int, kernel_sizes: Sequence[int]) -> Any:
    """Concatenate convolutions of several sizes and a pooling."""
    tensor = steps.tensor
    narrow = tensor
    if tensor.shape[-1] > 1:
        narrow = layers.Conv1D(bottleneck, 1, use_bias=False)(tensor)
    parts = [
        layers.Conv1D(filters, size, padding="same", use_bias=False)(narrow)
        for size in kernel_sizes
    ]
    pool = layers.MaxPooling1D(POOL, strides=1, padding="same")
    pooled = steps.apply_mask(pool(steps.fill_padding(LOWEST))).tensor
    parts.append(layers.Conv1D(filters, 1, use_bias=False)(pooled))
    return layers.Concatenate(axis=2)(parts)


def _add(before: StepSequence, steps: StepSequence) -> StepSequence:
    """Add the residual connection, projected to the same width."""
    residual = layers.Conv1D(steps.tensor.shape[-1], 1, use_bias=False)(before.tensor)
    residual = normalize(residual, before)
    return steps.apply_mask(layers.ReLU()(layers.Add()([residual, steps.tensor])))
