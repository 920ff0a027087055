"""Convolutions over the steps of a series, averaged over its length: FCN (Wang et al. 2017)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dlrun.deep.architectures.mlp import MOMENTUM
from dlrun.deep.backend import keras
from dlrun.deep.blocks.steps import StepSequence, as_sequence
from dlrun.deep.distributed.replicas import synchronized
from dlrun.deep.inputs.groups import Group


def build(
    group: Group, *, filters: Sequence[int], kernel_sizes: Sequence[int], dropout: float
) -> Any:
    """Make a vector of a series; settings as in `dlrun.catalog.architecture_settings.Fcn`."""
    steps = as_sequence(group)
    for width, size in zip(filters, kernel_sizes, strict=True):
        layer = keras.layers.Conv1D(width, size, padding="same", use_bias=False)
        steps = activate(steps, layer(steps.tensor))
    vector = steps.mean()
    return keras.layers.Dropout(dropout)(vector) if dropout else vector


def activate(steps: StepSequence, tensor: Any) -> StepSequence:
    """Normalise and rectify the output of a layer on the steps."""
    return steps.apply_mask(keras.layers.ReLU()(normalize(tensor, steps)))


def normalize(tensor: Any, steps: StepSequence) -> Any:
    """Normalise a batch by its steps without padding."""
    layer = synchronized(keras.layers.BatchNormalization(momentum=MOMENTUM))
    return layer(tensor, mask=steps.mask)
