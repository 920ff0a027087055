"""Convolutional blocks over an image, a sound or a series (LeCun et al. 1998)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from dlrun.deep.architectures import mlp
from dlrun.deep.backend import keras
from dlrun.deep.blocks.spatial import FeatureMap, as_feature_map, flatten
from dlrun.deep.inputs.groups import Group

LARGE: Final = 64  # side above which the first convolution takes every second place
SMALL: Final = 8  # side of an image's map whose places are kept apart


def build(
    group: Group,
    *,
    filters: Sequence[int],
    kernel_size: int,
    hidden: Sequence[int],
    activation: str,
    dropout: float,
    normalization: str,
) -> Any:
    """Make a vector of a group; settings as in `dlrun.catalog.architectures.Cnn`."""
    found = as_feature_map(group, filters[0])
    stride = 2 if len(found.sides) > 1 and max(found.sides) > LARGE else 1
    for width in filters:
        tensor = mlp.normalize(found.convolve(width, kernel_size, stride), normalization)
        # Padding enters these statistics as zeros, in training and afterwards alike.
        tensor = keras.layers.Activation(activation)(tensor)
        found, stride = found.followed(tensor, stride).pooled(), 1
    tensor = _vector(found, group)
    if dropout:
        tensor = keras.layers.Dropout(dropout)(tensor)
    return mlp.stack(
        tensor, hidden=hidden, activation=activation, dropout=dropout, normalization="none"
    )


def _vector(found: FeatureMap, group: Group) -> Any:
    """Keep the places of a small image and the bands of a sound apart; average over the rest."""
    if group.kind != "image":
        return flatten(found.mean())
    if max(found.sides) <= SMALL:
        return flatten(found.tensor)
    return keras.layers.GlobalAveragePooling2D()(found.tensor)
