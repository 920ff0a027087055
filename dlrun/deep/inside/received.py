"""A row as a network gets it: standardised numbers, and ids with the words that they stand for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dlrun.contract.dataset import Column
from dlrun.contract.trace import InputValue, ReceivedInput
from dlrun.deep.inputs.category import MISSING_CODE, UNSEEN_CODE, lookup_tables
from dlrun.deep.inputs.groups import group_columns
from dlrun.deep.inputs.layer_names import layer_name
from dlrun.deep.inputs.text import PADDING, UNKNOWN
from dlrun.deep.inside.formulas import spread_of

MOST_VALUES: Final = 256  # numbers of a tensor that are kept one by one

Row = NDArray[np.float64]


def received_inputs(
    columns: Sequence[Column], model: Any, encoded: Mapping[str, Row]
) -> tuple[ReceivedInput, ...]:
    """Return what enters a network of one row.

    Args:
        columns: of the network.
        model: the whole one, with its vocabularies.
        encoded: group → the encoded row, without the axis of rows.
    """
    return tuple(
        ReceivedInput(
            kind=group[0].type,
            columns=tuple(column.name for column in group),
            shape=encoded[name].shape,
            spread=spread_of(encoded[name]),
            values=tuple(_values(group, model, encoded[name])),
        )
        for name, group in group_columns(columns).items()
    )


def _values(group: Sequence[Column], model: Any, row: Row) -> Iterator[InputValue]:
    """Yield the numbers of a group one by one; none of what is too large to be read."""
    kind, names = group[0].type, [column.name for column in group]
    if kind == "category":
        yield from _categories(names, model, row)
    elif kind == "text":
        yield from _tokens(names[0], model, row)
    elif row.ndim == 1 and row.size <= MOST_VALUES:
        is_aligned = len(names) == row.size
        for place, value in enumerate(row):
            name = names[place] if is_aligned else f"{', '.join(names)} [{place}]"
            yield InputValue(name, float(value))


def _categories(names: Sequence[str], model: Any, row: Row) -> Iterator[InputValue]:
    for name, table, value in zip(names, lookup_tables(model, len(names)), row, strict=True):
        words = {code: word for word, code in table.items()}
        words |= {MISSING_CODE: "missing", UNSEEN_CODE: "not among the training rows"}
        yield InputValue(name, float(value), words.get(int(value), ""))


def _tokens(name: str, model: Any, row: Row) -> Iterator[InputValue]:
    """Yield the ids of a text until it ends; a pretrained network keeps its words to itself."""
    known = {layer.name for layer in model.layers}
    layer = layer_name("text", name)
    words = model.get_layer(layer).get_vocabulary() if layer in known else []
    n_used = int(np.flatnonzero(row).max(initial=-1)) + 1
    for place, value in enumerate(row[: min(n_used, MOST_VALUES)]):
        code = int(value)
        word = "unknown" if code == UNKNOWN and words else ""
        if not word and code != PADDING and code < len(words):
            word = str(words[code])
        yield InputValue(f"{name} [{place}]", float(value), word)
