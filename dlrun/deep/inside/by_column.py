"""What the places of a network's variables add, as attributions of the raw columns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dlrun.catalog.columns import COLUMN_KINDS
from dlrun.contract.attribution import ColumnAttribution
from dlrun.deep.inputs.layer_names import layer_name
from dlrun.deep.inputs.text import Tokenizer
from dlrun.deep.inside.attention_rollout import COLUMNS
from dlrun.deep.inside.forward import TrainedParts
from dlrun.deep.inside.variables import Variable

if TYPE_CHECKING:
    import pandas as pd


def to_columns(
    parts: TrainedParts,
    added: Sequence[tuple[Variable, NDArray[np.float64]]],
    row: pd.DataFrame,
) -> tuple[ColumnAttribution, ...]:
    """Sum what places add over each raw column's own, in the order of the columns.

    Args:
        parts: of the network.
        added: variables, and what their places add.
        row: one typed row.
    """
    found: dict[str, ColumnAttribution] = {}
    for name, columns in parts.groups.items():
        own = [values for variable, values in added if variable.group == name]
        if COLUMN_KINDS[columns[0].type].is_grouped:
            weights = np.sum(own, axis=0)
            for column, weight in zip(columns, weights, strict=True):
                found[column.name] = ColumnAttribution(column.name, np.asarray(weight))
        else:
            (column,) = columns
            found[column.name] = _of_cell(parts, name, own, row[column.name].iloc[0])
    return _in_order(parts, found)


def _of_cell(
    parts: TrainedParts, name: str, own: Sequence[NDArray[np.float64]], cell: Any
) -> ColumnAttribution:
    """Sum over the parts of an image, a text, a sound or a series."""
    (column,) = parts.groups[name]
    if column.type in ("image", "text"):
        weights = np.sum([each.sum(axis=-1) for each in own], axis=0)
        if column.type == "image":
            return ColumnAttribution(column.name, weights)
        tokens = tokens_of(parts, name, cell)
        return ColumnAttribution(column.name, weights[: len(tokens)], tokens)
    weights = np.sum(own, axis=0)[..., : parts.n_values(name)]
    if column.type == "series":
        return ColumnAttribution(column.name, weights[: len(cell)])
    return ColumnAttribution(column.name, weights if weights.shape[1] > 1 else weights[:, 0])


def tokens_of(parts: TrainedParts, name: str, text: str) -> tuple[str, ...]:
    """Return the tokens of a text that enter a network, in their order."""
    if name in parts.readers:
        return parts.readers[name].tokens(text)
    (column,) = parts.groups[name]
    config = parts.model.get_layer(layer_name("text", column.name)).get_config()
    tokenizer = Tokenizer(config["standardize"], config["split"])
    found = tokenizer.tokens(text, config["output_sequence_length"])
    return tuple(each if isinstance(each, str) else each.decode() for each in found)


def maps_to_columns(
    parts: TrainedParts, maps: Mapping[str, NDArray[np.float64]]
) -> tuple[ColumnAttribution, ...]:
    """Return the maps of groups as attributions of their columns, in the order of the columns."""
    found = {}
    for name, values in maps.items():
        (column,) = parts.groups[name]
        weights = values[:, None] if column.type == "series" else values
        found[column.name] = ColumnAttribution(column.name, weights)
    return _in_order(parts, found)


def shares_to_columns(
    parts: TrainedParts, shares: Mapping[str, NDArray[np.float64]], row: pd.DataFrame
) -> tuple[ColumnAttribution, ...]:
    """Return what tokens share as attributions of columns, in the order of the columns.

    Args:
        parts: of the network.
        shares: of `roll_out`.
        row: one typed row.
    """
    if COLUMNS in shares:
        names = [column.name for columns in parts.groups.values() for column in columns]
        # The first token is no column; the parts of a date, which is the last, have one each.
        own = np.split(shares[COLUMNS][1:], range(1, len(names)))
        return _in_order(
            parts,
            {
                name: ColumnAttribution(name, np.asarray(each.sum()))
                for name, each in zip(names, own, strict=True)
            },
        )
    found = {}
    for name, weights in shares.items():
        (column,) = parts.groups[name]
        if column.type == "text":
            tokens = tokens_of(parts, name, row[column.name].iloc[0])
            found[column.name] = ColumnAttribution(column.name, weights[: len(tokens)], tokens)
        elif column.type == "image":
            found[column.name] = ColumnAttribution(column.name, _on_patches(column.shape, weights))
        else:
            is_series = column.type == "series"
            each = weights[:, None] if is_series else weights
            found[column.name] = ColumnAttribution(column.name, each)
    return _in_order(parts, found)


def _on_patches(sides: Sequence[int], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Lay out square patches of an image, (rows of patches, patches), or one after the other."""
    for side in range(1, max(sides) + 1):
        grid = [ceil(length / side) for length in sides[:2]]
        if prod(grid) == len(weights):
            return weights.reshape(grid)
    return weights[:, None]


def _in_order(
    parts: TrainedParts, found: Mapping[str, ColumnAttribution]
) -> tuple[ColumnAttribution, ...]:
    return tuple(found[column.name] for column in parts.columns if column.name in found)
