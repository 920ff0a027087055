"""Why a network predicts a row as it does: the methods that suit it, and their attributions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from dlrun.contract.attribution import Attribution
from dlrun.deep.backend import keras
from dlrun.deep.inputs.groups import FrameReader
from dlrun.deep.inside.attention_rollout import find_attention, roll_out
from dlrun.deep.inside.by_column import maps_to_columns, shares_to_columns, to_columns
from dlrun.deep.inside.forward import TrainedParts
from dlrun.deep.inside.grad_cam import find_maps, map_gradients
from dlrun.deep.inside.integrated_gradients import integrate_gradients
from dlrun.deep.inside.variables import find_entries

if TYPE_CHECKING:
    import pandas as pd

Groups = Mapping[str, NDArray[Any]]
Method = Callable[[TrainedParts, "pd.DataFrame", Groups, int, Groups], Attribution]
"""Network, one typed row, its groups, the output and the reference's groups → why."""


def suiting_methods(parts: TrainedParts) -> tuple[str, ...]:
    """Return the methods that suit a network and its columns, the one by default first.

    Grad-CAM has no part in a network with attention, whose convolutions only make its tokens.
    """
    methods = []
    if all(_has_parts(parts, name) for name in parts.groups):
        methods.append("integrated_gradients")
    if find_attention(parts):
        methods.append("attention_rollout")
    elif find_maps(parts):
        methods.append("grad_cam")
    return tuple(methods)


def _has_parts(parts: TrainedParts, name: str) -> bool:
    """Say whether the network itself makes numbers of the parts of a cell."""
    (column, *_) = parts.groups[name]
    entering = parts.entering(name)
    if entering.dtype.startswith("float"):
        return name not in parts.readers
    row = np.zeros([1, *(side or 1 for side in entering.shape[1:])], entering.dtype)
    found = find_entries(parts, name, parts.encode(name, row))
    is_embedded = any(isinstance(layer, keras.layers.Embedding) for _, layer, _ in found)
    return is_embedded if column.type == "text" else bool(found)


def explain_rows(
    parts: TrainedParts,
    reader: FrameReader,
    frame: pd.DataFrame,
    outputs: NDArray[np.int64],
    reference: pd.DataFrame,
    method: str,
) -> list[Attribution]:
    """Explain typed rows by a method that suits; see `Explains`."""
    explained, other = [], reader.read(reference)
    for position, output in enumerate(outputs.tolist()):
        row = frame.iloc[[position]]
        own = reader.read(row)
        lengthened = {name: _lengthen(rows, own[name]) for name, rows in other.items()}
        explained.append(METHODS[method](parts, row, own, output, lengthened))
    return explained


def _lengthen(reference: NDArray[Any], row: NDArray[Any]) -> NDArray[Any]:
    """Cut or pad the ids of tokens to as many as the row has; other groups have one shape."""
    if reference.shape == row.shape:
        return reference
    padded = np.zeros_like(row)
    n_tokens = min(row.shape[1], reference.shape[1])
    padded[:, :n_tokens] = reference[:, :n_tokens]
    return padded


def _integrated_gradients(
    parts: TrainedParts, row: pd.DataFrame, own: Groups, output: int, reference: Groups
) -> Attribution:
    integral, added = integrate_gradients(parts, own, output, reference)
    return Attribution(
        "integrated_gradients",
        output,
        parts.unit,
        integral.end,
        integral.start,
        to_columns(parts, added, row),
    )


def _grad_cam(
    parts: TrainedParts, _row: pd.DataFrame, own: Groups, output: int, _reference: Groups
) -> Attribution:
    value, maps = map_gradients(parts, find_maps(parts), own, output)
    columns = maps_to_columns(parts, maps)
    return Attribution("grad_cam", output, parts.unit, value, np.nan, columns)


def _attention_rollout(
    parts: TrainedParts, row: pd.DataFrame, own: Groups, output: int, _reference: Groups
) -> Attribution:
    shares = roll_out(parts, find_attention(parts), own, output)
    columns = shares_to_columns(parts, shares, row)
    return Attribution("attention_rollout", output, "attention", 1.0, np.nan, columns)


METHODS: Final[Mapping[str, Method]] = {
    "integrated_gradients": _integrated_gradients,
    "attention_rollout": _attention_rollout,
    "grad_cam": _grad_cam,
}
