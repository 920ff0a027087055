"""Residual networks over an image or a sound: the pre-activation ResNet of He et al. (2016)."""

from __future__ import annotations

from typing import Any, Final

from dlrun.deep.architectures import mlp
from dlrun.deep.backend import keras
from dlrun.deep.blocks.spatial import FeatureMap, as_feature_map
from dlrun.deep.inputs.groups import Group

STAGES: Final = 3  # each halves the sides and doubles the width of the one before
LARGE: Final = 64  # side above which a map is shrunk by four first, as for ImageNet

ops = keras.ops


def build(group: Group, *, depth: int, width: int, dropout: float) -> Any:
    """Make a vector of a group; settings as in `dlrun.catalog.architectures.Resnet`."""
    found = as_feature_map(group, width)
    if max(found.sides) > LARGE:
        found = _follow(found, width, 7, 2).pooled()
    else:
        found = _follow(found, width, 3, 1)
    for stage in range(STAGES):
        for block in range((depth - 2) // (2 * STAGES)):
            found = _block(found, width * 2**stage, 2 if stage and not block else 1)
    vector = _activate(found).mean()
    bands = tuple(range(1, len(vector.shape) - 1))
    vector = ops.mean(vector, axis=bands) if bands else vector
    return keras.layers.Dropout(dropout)(vector) if dropout else vector


def _block(found: FeatureMap, width: int, stride: int) -> FeatureMap:
    """Add what two convolutions make of a map to the map itself."""
    active = _activate(found)
    inner = _activate(_follow(active, width, 3, stride))
    outer = _follow(inner, width, 3, 1)
    if stride > 1:
        # A strided shortcut would not see three of four places (He et al. 2019).
        found = _follow(active.averaged(stride), width, 1, 1)
    return FeatureMap(found.tensor + outer.tensor, found.there)


def _activate(found: FeatureMap) -> FeatureMap:
    tensor = mlp.normalize(found.tensor, "batch")
    return found.followed(keras.layers.ReLU()(tensor))


def _follow(found: FeatureMap, width: int, size: int, stride: int) -> FeatureMap:
    tensor = found.convolve(width, size, stride, use_bias=False, kernel_initializer="he_normal")
    return found.followed(tensor, stride)
