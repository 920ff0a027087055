"""Convolutions over the words of a text, and the strongest answer of each filter (Kim 2014)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dlrun.deep.backend import keras
from dlrun.deep.blocks.flatten import concatenate
from dlrun.deep.blocks.steps import as_sequence
from dlrun.deep.inputs.groups import Group


def build(
    group: Group, *, embedding: int, filters: int, kernel_sizes: Sequence[int], dropout: float
) -> Any:
    """Make a vector of a text; settings as in `dlrun.catalog.architecture_settings.TextCnn`."""
    words = as_sequence(group, embedding)
    pooled = []
    for size in kernel_sizes:
        layer = keras.layers.Conv1D(filters, size, padding="same", activation="relu")
        # Zero at padding is the least that ReLU gives.
        activated = words.apply_mask(layer(words.tensor)).tensor
        pooled.append(keras.layers.GlobalMaxPooling1D()(activated))
    vector = concatenate(pooled)
    return keras.layers.Dropout(dropout)(vector) if dropout else vector
