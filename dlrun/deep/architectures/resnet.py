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
    """Make a vector of a group; settings as in `dlrun.catalog.architecture_settings.Resnet`."""
    features = as_feature_map(group, width)
    if max(features.sides) > LARGE:
        features = _convolve(features, width, 7, 2).max_pool()
    else:
        features = _convolve(features, width, 3, 1)
    for stage in range(STAGES):
        for block in range((depth - 2) // (2 * STAGES)):
            features = _block(features, width * 2**stage, 2 if stage and not block else 1)
    vector = _activate(features).mean()
    bands = tuple(range(1, len(vector.shape) - 1))
    vector = ops.mean(vector, axis=bands) if bands else vector
    return keras.layers.Dropout(dropout)(vector) if dropout else vector


def _block(features: FeatureMap, width: int, stride: int) -> FeatureMap:
    """Add two convolutions of a map to the map itself."""
    active = _activate(features)
    inner = _activate(_convolve(active, width, 3, stride))
    outer = _convolve(inner, width, 3, 1)
    if stride > 1:
        # A strided 1 × 1 shortcut would ignore three of four places (He et al. 2019).
        features = _convolve(active.average_pool(stride), width, 1, 1)
    return FeatureMap(features.tensor + outer.tensor, features.mask)


def _activate(features: FeatureMap) -> FeatureMap:
    tensor = mlp.normalize(features.tensor, "batch")
    return features.apply_mask(keras.layers.ReLU()(tensor))


def _convolve(features: FeatureMap, width: int, size: int, stride: int) -> FeatureMap:
    tensor = features.convolve(width, size, stride, use_bias=False, kernel_initializer="he_normal")
    return features.apply_mask(tensor, stride)
