"""A transformer encoder over tokens, patches of an image, or steps (Vaswani et al. 2017).

Layers are normalised before attention and feedforward (Xiong et al. 2020), and the outputs
averaged. Images are split into patches as by ViT (Dosovitskiy et al. 2021), long sounds and series
into patches of several steps as by PatchTST (Nie et al. 2023). They first pass a convolution,
without which training needs many more rows (Xiao et al. 2021).
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
KERNEL: Final = 3  # size of the convolution over patches
MAX_PERIOD: Final = 10_000  # of the sinusoids, as in the paper
STD: Final = 0.02  # of initial position embeddings, as in BERT and ViT

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
    """Make a vector of a group; settings as in `architecture_settings.Transformer`."""
    steps = _embed_positions(_split(group, width, patch), width, positions)
    tensor = layers.Dropout(dropout)(steps.tensor) if dropout else steps.tensor
    for _ in range(blocks):
        tensor += _attend(tensor, steps.mask, width, heads, dropout)
        tensor += _feed_forward(tensor, width, feedforward, dropout)
    return StepSequence(layers.LayerNormalization()(tensor), steps.mask).mean()


def _split(group: Group, width: int, patch: int | Literal["auto"]) -> StepSequence:
    """Split a group into patches, (rows, patches, width of a patch)."""
    if group.kind == "text":
        return as_sequence(group, width)
    # Attention compares vectors: a convolution makes them of single values.
    if group.kind == "image":
        image = group.expand()
        side = _side(patch, group.kind, image.shape[1:3])
        patches = ops.image.extract_patches(image, (side, side), padding="same")
        convolved = layers.Conv2D(width, KERNEL, padding="same", activation="gelu")(patches)
        return StepSequence(ops.reshape(convolved, (-1, prod(convolved.shape[1:3]), width)), None)
    steps = as_sequence(group)
    steps = _split_steps(steps, _side(patch, group.kind, steps.tensor.shape[1:2]))
    layer = layers.Conv1D(width, KERNEL, padding="same", activation="gelu")
    return steps.apply_mask(layer(steps.tensor))


def _side(patch: int | Literal["auto"], kind: str, shape: tuple[int, ...]) -> int:
    """Choose the smallest power of two that gives at most the allowed number of patches."""
    if patch != "auto":
        return patch
    side, most = PATCHES[kind]
    while prod(ceil(length / side) for length in shape) > most:
        side *= 2
    return side


def _split_steps(steps: StepSequence, size: int) -> StepSequence:
    """Join every `size` steps; a patch is padding where all of its steps are."""
    if size == 1:
        return steps
    n_steps, width = steps.tensor.shape[1:]
    n_patches = ceil(n_steps / size)
    missing = n_patches * size - n_steps
    tensor = ops.pad(steps.tensor, ((0, 0), (0, missing), (0, 0)))
    mask = steps.mask
    if mask is not None:
        grouped = ops.reshape(ops.pad(mask, ((0, 0), (0, missing))), (-1, n_patches, size))
        mask = ops.any(grouped, axis=2)
    return StepSequence(ops.reshape(tensor, (-1, n_patches, size * width)), mask)


def _embed_positions(
    steps: StepSequence, width: int, positions: Literal["learned", "sinusoidal"]
) -> StepSequence:
    """Project patches to the transformer's width, and add the embeddings of their positions."""
    tensor = layers.Dense(width)(steps.tensor)
    if positions == "learned":
        start = keras.initializers.RandomNormal(stddev=STD)
        embedded = trainable_tensor(tensor[:, 0], tensor.shape[1:], start)
    else:
        embedded = _sinusoids(tensor)
    return StepSequence(tensor + ops.cast(embedded, tensor.dtype), steps.mask)


def _sinusoids(tensor: Any) -> Any:
    """Compute sines and cosines of several periods, (1, positions, width)."""
    width = tensor.shape[2]
    positions = ops.cumsum(ops.ones_like(tensor[:1, :, :1], dtype="float32"), axis=1) - 1
    rates = np.power(MAX_PERIOD, -np.arange(0, width, 2, dtype=np.float32) / width)
    return ops.concatenate([ops.sin(positions * rates), ops.cos(positions * rates)], 2)[
        :, :, :width
    ]


def _attend(tensor: Any, mask: Any, width: int, heads: int, dropout: float) -> Any:
    normal = layers.LayerNormalization()(tensor)
    layer = layers.MultiHeadAttention(heads, width // heads, dropout=dropout)
    attention_mask = None if mask is None else mask[:, None, :]
    attended = layer(normal, normal, attention_mask=attention_mask)
    return layers.Dropout(dropout)(attended) if dropout else attended


def _feed_forward(tensor: Any, width: int, hidden: int, dropout: float) -> Any:
    normal = layers.LayerNormalization()(tensor)
    tensor = layers.Dense(width)(layers.Dense(hidden, activation="gelu")(normal))
    return layers.Dropout(dropout)(tensor) if dropout else tensor
