"""Encoder blocks of a transformer over tokens, patches of an image, or steps (Vaswani et al. 2017).

Normalisation stands before attention and feedforward layers (Xiong et al. 2020), and what comes
out is averaged. An image is cut into patches as by ViT (Dosovitskiy et al. 2021), and a long
sound or series into patches of several steps as by PatchTST (Nie et al. 2023). A convolution
looks at them first, without which it takes many more rows (Xiao et al. 2021).
"""

from __future__ import annotations

from math import ceil, prod
from typing import Any, Final, Literal

import numpy as np

from dlrun.deep.backend import keras
from dlrun.deep.blocks.steps import StepSequence, as_sequence
from dlrun.deep.blocks.trainable_tensor import trainable_tensor
from dlrun.deep.inputs.groups import Group

PATCHES: Final = {"image": (2, 64), "audio": (1, 256), "series": (1, 256)}  # least side, most
NEIGHBOURS: Final = 3  # patches along each side that a token is made of
SLOWEST: Final = 10_000  # of the sinusoids, as in the paper
SPREAD: Final = 0.02  # of learned places at the start, as in BERT and ViT

layers, ops = keras.layers, keras.ops


def build(
    group: Group,
    *,
    blocks: int,
    width: int,
    heads: int,
    feedforward: int,
    dropout: float,
    positions: Literal["learned", "sinusoidal"],
    patch: int | Literal["auto"],
) -> Any:
    """Make a vector of a group; settings as in `dlrun.catalog.architectures.Transformer`."""
    steps = _place(_cut(group, width, patch), width, positions)
    tensor = layers.Dropout(dropout)(steps.tensor) if dropout else steps.tensor
    for _ in range(blocks):
        tensor += _attend(tensor, steps.mask, width, heads, dropout)
        tensor += _feed_forward(tensor, width, feedforward, dropout)
    return StepSequence(layers.LayerNormalization()(tensor), steps.mask).mean()


def _cut(group: Group, width: int, patch: int | Literal["auto"]) -> StepSequence:
    """Take a group as (rows, patches, numbers of a patch)."""
    if group.kind == "text":
        return as_sequence(group, width)
    # A single value says little, and attention compares shapes: a convolution makes some first.
    if group.kind == "image":
        image = group.expand()
        side = _side(patch, group.kind, image.shape[1:3])
        patches = ops.image.extract_patches(image, (side, side), padding="same")
        seen = layers.Conv2D(width, NEIGHBOURS, padding="same", activation="gelu")(patches)
        return StepSequence(ops.reshape(seen, (-1, prod(seen.shape[1:3]), width)), None)
    steps = as_sequence(group)
    steps = _cut_steps(steps, _side(patch, group.kind, steps.tensor.shape[1:2]))
    layer = layers.Conv1D(width, NEIGHBOURS, padding="same", activation="gelu")
    return steps.apply_mask(layer(steps.tensor))


def _side(patch: int | Literal["auto"], kind: str, shape: tuple[int, ...]) -> int:
    """Choose the smallest power of two that leaves not too many patches."""
    if patch != "auto":
        return patch
    side, most = PATCHES[kind]
    while prod(ceil(length / side) for length in shape) > most:
        side *= 2
    return side


def _cut_steps(steps: StepSequence, size: int) -> StepSequence:
    """Join every `size` steps; a patch is there where any of its steps is."""
    if size == 1:
        return steps
    n_steps, width = steps.tensor.shape[1:]
    n_patches = ceil(n_steps / size)
    missing = n_patches * size - n_steps
    tensor = ops.pad(steps.tensor, ((0, 0), (0, missing), (0, 0)))
    mask = steps.mask
    if mask is not None:
        parted = ops.reshape(ops.pad(mask, ((0, 0), (0, missing))), (-1, n_patches, size))
        mask = ops.any(parted, axis=2)
    return StepSequence(ops.reshape(tensor, (-1, n_patches, size * width)), mask)


def _place(
    steps: StepSequence, width: int, positions: Literal["learned", "sinusoidal"]
) -> StepSequence:
    """Project patches to the transformer's width, and tell each one's place."""
    tensor = layers.Dense(width)(steps.tensor)
    if positions == "learned":
        start = keras.initializers.RandomNormal(stddev=SPREAD)
        places = trainable_tensor(tensor[:, 0], tensor.shape[1:], start)
    else:
        places = _waves(tensor)
    return StepSequence(tensor + ops.cast(places, tensor.dtype), steps.mask)


def _waves(tensor: Any) -> Any:
    """Tell places by sines and cosines of several lengths, (1, places, width)."""
    width = tensor.shape[2]
    places = ops.cumsum(ops.ones_like(tensor[:1, :, :1], dtype="float32"), axis=1) - 1
    rates = np.power(SLOWEST, -np.arange(0, width, 2, dtype=np.float32) / width)
    return ops.concatenate([ops.sin(places * rates), ops.cos(places * rates)], 2)[:, :, :width]


def _attend(tensor: Any, mask: Any, width: int, heads: int, dropout: float) -> Any:
    normal = layers.LayerNormalization()(tensor)
    layer = layers.MultiHeadAttention(heads, width // heads, dropout=dropout)
    seen = None if mask is None else mask[:, None, :]
    attended = layer(normal, normal, attention_mask=seen)
    return layers.Dropout(dropout)(attended) if dropout else attended


def _feed_forward(tensor: Any, width: int, hidden: int, dropout: float) -> Any:
    normal = layers.LayerNormalization()(tensor)
    tensor = layers.Dense(width)(layers.Dense(hidden, activation="gelu")(normal))
    return layers.Dropout(dropout)(tensor) if dropout else tensor
