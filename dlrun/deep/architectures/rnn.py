"""Recurrent layers over the steps of a text, a sound or a series."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from dlrun.deep.backend import keras
from dlrun.deep.blocks.steps import as_sequence
from dlrun.deep.inputs.groups import Group

CELLS: Final = {
    "lstm": keras.layers.LSTM,
    "gru": keras.layers.GRU,
    "simple": keras.layers.SimpleRNN,
}

ops = keras.ops


def build(
    group: Group,
    *,
    cell: str,
    units: Sequence[int],
    bidirectional: bool,
    dropout: float,
    embedding: int,
) -> Any:
    """Make a vector of a sequence; settings as in `dlrun.catalog.architecture_settings.Rnn`.

    The cells are those of Hochreiter & Schmidhuber (1997), Cho et al. (2014) and Elman (1990).
    """
    steps = as_sequence(group, embedding)
    tensor, mask = steps.tensor, _unmask_first(steps.mask)
    for number, width in enumerate(units, start=1):
        layer = CELLS[cell](width, return_sequences=number < len(units))
        if bidirectional:
            layer = keras.layers.Bidirectional(layer)
        tensor = layer(tensor, mask=mask)
        if dropout:
            tensor = keras.layers.Dropout(dropout)(tensor)
    return tensor


def _unmask_first(mask: Any) -> Any:
    """Unmask every first step: NVIDIA's kernels refuse rows that are all padding."""
    if mask is None:
        return None
    return ops.concatenate([ops.ones_like(mask[:, :1]), mask[:, 1:]], axis=1)
