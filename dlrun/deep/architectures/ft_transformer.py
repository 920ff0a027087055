"""A transformer over columns, each of which is a token: FT-Transformer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any, Final

import numpy as np

from dlrun.deep.backend import keras
from dlrun.deep.blocks.attention import attend
from dlrun.deep.blocks.trainable_tensor import trainable_tensor
from dlrun.deep.inputs.category import FIRST_CODE, CategoryEncoding
from dlrun.deep.inputs.datetime import PERIODS, DatetimeEncoding, Part
from dlrun.deep.inputs.groups import Group
from dlrun.deep.inputs.number import NumberEncoding

EXPANSION: Final = 4 / 3  # of a token inside the dense layers

ops = keras.ops


def build(
    groups: Mapping[str, Group],
    *,
    width: int,
    blocks: int,
    heads: int,
    dropout: float,
    attention_dropout: float,
    encode: str | None,
) -> Any:
    """Apply attention among the tokens of all columns, and return an additional summary token.

    Gorishniy, Rubachev, Khrulkov and Babenko, "Revisiting deep learning models for tabular data"
    (2021): normalised before each step but for the first attention, with gated dense layers. The
    group of numbers embeds them already as `encode` says. Settings as in
    `dlrun.catalog.architecture_settings.FtTransformer`.

    Returns:
        A Keras tensor, (rows, width).
    """
    tokens = [tokenize(group, width) for group in groups.values()]
    start = _uniform(width)
    summary = ops.zeros_like(tokens[0][:, :1]) + trainable_tensor(
        tokens[0][:, 0], (1, width), start
    )
    tensor = keras.layers.Concatenate(axis=1)([summary, *tokens])
    for block in range(blocks):
        keys = keras.layers.LayerNormalization()(tensor) if block else tensor
        if block == blocks - 1:  # only the summary is used afterwards
            tensor, queries = tensor[:, :1], keys[:, :1]
        else:
            queries = keys
        tensor = tensor + attend(queries, keys, heads=heads, dropout=attention_dropout)
        tensor = tensor + _gated(keras.layers.LayerNormalization()(tensor), dropout)
    return ops.relu(keras.layers.LayerNormalization()(tensor[:, 0]))


def _gated(tensor: Any, dropout: float) -> Any:
    """Apply ReGLU (Shazeer 2020): a dense layer gated by another one, then back to the width."""
    width = tensor.shape[-1]
    units = round(width * EXPANSION)
    gated = keras.layers.Dense(units)(tensor) * keras.layers.Dense(units, "relu")(tensor)
    if dropout:
        gated = keras.layers.Dropout(dropout)(gated)
    return keras.layers.Dense(width)(gated)


def tokenize(group: Group, width: int) -> Any:
    """Embed a group as tokens, (rows, tokens, width); one where it is no table."""
    encoding, encoded = group.encoding, group.encoded
    if isinstance(encoding, NumberEncoding):
        return encoding.embed(encoded, width)
    if isinstance(encoding, CategoryEncoding):
        return _look_up(encoded, encoding.vocabularies, width)
    if isinstance(encoding, DatetimeEncoding):
        return _map_parts(encoded, encoding.parts, width)
    return keras.layers.Dense(width)(group.flatten())[:, None]


def _look_up(codes: Any, vocabularies: Sequence[Sequence[str]], width: int) -> Any:
    """Embed all codes by one table, each column's after those of the columns before."""
    n_codes = [FIRST_CODE + len(vocabulary) for vocabulary in vocabularies]
    *offsets, n_all = accumulate(n_codes, initial=0)
    table = keras.layers.Embedding(n_all, width, embeddings_initializer=_uniform(width))
    return table(codes + np.array(offsets))


def _map_parts(encoded: Any, parts: Sequence[Part], width: int) -> Any:
    """Embed each part of a date together with its sine and cosine."""
    sizes = [3 if part.name in PERIODS else 1 for part in parts]
    ends = list(accumulate(sizes))
    tokens = [
        keras.layers.Dense(width)(encoded[:, end - size : end])
        for size, end in zip(sizes, ends, strict=True)
    ]
    return ops.stack(tokens, axis=1)


def _uniform(width: int) -> Any:
    return keras.initializers.RandomUniform(-(width**-0.5), width**-0.5)
