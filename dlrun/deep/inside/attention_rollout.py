"""Attention roll-out (Abnar and Zuidema 2020): whom tokens attend to, through all layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dlrun.catalog.columns import COLUMN_KINDS
from dlrun.deep.backend import keras
from dlrun.deep.inside.dependencies import Place, Traced, at_places, trace
from dlrun.deep.inside.forward import TrainedParts

WEIGHTS_RANK: Final = 4  # rows, heads, queries, tokens

COLUMNS: Final = ""
Layers = Mapping[str, Sequence[Place]]
"""The name of a group of tokens, or COLUMNS where these are the tokens → its attention layers."""


def find_attention(parts: TrainedParts) -> dict[str, list[Place]]:
    """Find the attention layers whose tokens are parts of a cell, or the columns of a table."""
    found: dict[frozenset[str], list[Place]] = {}

    def see(operation: Any, place: Place, traced: Traced, shape: tuple[int | None, ...]) -> Traced:
        is_softmax = type(operation).__name__ == "Softmax" and len(shape) == WEIGHTS_RANK
        if is_softmax or isinstance(operation, keras.layers.MultiHeadAttention):
            found.setdefault(traced.groups, []).append(place)
        return traced

    trace(parts, see)
    everything = frozenset(parts.groups)
    if set(found) == {everything} and _has_a_token_for_each_column(parts):
        return {COLUMNS: found[everything]}
    single = {name: layers for (name, *others), layers in found.items() if not others}
    return {name: layers for name, layers in single.items() if not _is_table(parts, name)}


def _is_table(parts: TrainedParts, name: str) -> bool:
    return COLUMN_KINDS[parts.groups[name][0].type].is_grouped


def _has_a_token_for_each_column(parts: TrainedParts) -> bool:
    """Say whether it is known which tokens are a column's: all parts of a date are of one."""
    return all(
        _is_table(parts, name) and (columns[0].type != "datetime" or len(columns) == 1)
        for name, columns in parts.groups.items()
    )


def roll_out(
    parts: TrainedParts, layers: Layers, row: Mapping[str, Any], output: int
) -> dict[str, NDArray[np.float64]]:
    """Multiply the attention of all layers, half of which stays where it is for the residual.

    Args:
        parts: of the network.
        layers: of `find_attention`.
        row: its groups, (1, *group.shape) each.
        output: the class or label.

    Returns:
        The share of each token in what the network ends with, (tokens,), which sum to 1.
    """
    scores: dict[Place, NDArray[np.float64]] = {}
    places = {place for listed in layers.values() for place in listed}

    def change(place: Place, operation: Any, args: Any, kwargs: Any) -> Any:
        if place not in places:
            return operation(*args, **kwargs)
        if isinstance(operation, keras.layers.MultiHeadAttention):
            tensor, weights = operation(*args, **kwargs, return_attention_scores=True)
        else:
            tensor = weights = operation(*args, **kwargs)
        scores[place] = weights.numpy()[0].astype(np.float64).mean(axis=0)
        return tensor

    inputs = {name: parts.encode(name, row[name]) for name in parts.groups}
    parts.explained(inputs, output, at_places(change))
    return {
        name: join_layers([scores[place] for place in listed]) for name, listed in layers.items()
    }


def join_layers(layers: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Return the share of each token in the mean of those that the last layer gives, (tokens,).

    Args:
        layers: (queries, tokens) from the first on, the mean over heads; fewer queries than
            tokens are the first ones.
    """
    joined = np.eye(layers[0].shape[1])
    for weights in layers:
        joined = (weights + np.eye(*weights.shape)) / 2 @ joined
    # Padding is what no token attends to; it is none of the mean.
    is_token = layers[0].max(axis=0) > 0
    shares: NDArray[np.float64] = joined[is_token[: len(joined)]].mean(axis=0)
    return shares
