"""What the places of a network's variables add, as attributions of the raw columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dlrun.catalog.columns import COLUMN_KINDS
from dlrun.contract.attribution import ColumnAttribution
from dlrun.deep.inputs.layer_names import layer_name
from dlrun.deep.inputs.text import Tokenizer
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
    return tuple(found[column.name] for column in parts.columns)


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
