"""Convolutional blocks over an image, a sound or a series (LeCun et al. 1998)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from dlrun.deep.architectures import mlp
from dlrun.deep.backend import keras
from dlrun.deep.blocks.flatten import flatten
from dlrun.deep.blocks.spatial import FeatureMap, as_feature_map
from dlrun.deep.inputs.groups import Group

LARGE: Final = 64  # side above which the first convolution has stride 2
SMALL: Final = 8  # side of an image's map up to which it is laid out


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
    """Make a vector of a group; settings as in `dlrun.catalog.architecture_settings.Cnn`."""
    features = as_feature_map(group, filters[0])
    stride = 2 if len(features.sides) > 1 and max(features.sides) > LARGE else 1
    for width in filters:
        tensor = mlp.normalize(features.convolve(width, kernel_size, stride), normalization)
        # Padding enters these statistics as zeros, in training and afterwards alike.
        tensor = keras.layers.Activation(activation)(tensor)
        features, stride = features.apply_mask(tensor, stride).max_pool(), 1
    tensor = _vector(features, group)
    if dropout:
        tensor = keras.layers.Dropout(dropout)(tensor)
    return mlp.stack(
        tensor, hidden=hidden, activation=activation, dropout=dropout, normalization="none"
    )


def _vector(features: FeatureMap, group: Group) -> Any:
    """Lay out a small image, average a larger one; average sounds and series over time."""
    if group.kind != "image":
        return flatten(features.mean())
    if max(features.sides) <= SMALL:
        return flatten(features.tensor)
    return keras.layers.GlobalAveragePooling2D()(features.tensor)
