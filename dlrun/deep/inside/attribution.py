"""Why a network predicts a row as it does: the methods that suit it, and their attributions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dlrun.contract.attribution import Attribution
from dlrun.deep.backend import keras
from dlrun.deep.inputs.groups import FrameReader
from dlrun.deep.inside.by_column import to_columns
from dlrun.deep.inside.forward import TrainedParts
from dlrun.deep.inside.integrated_gradients import integrate_gradients
from dlrun.deep.inside.variables import find_entries

if TYPE_CHECKING:
    import pandas as pd


def suiting_methods(parts: TrainedParts) -> tuple[str, ...]:
    """Return the methods that suit a network and its columns, the best first."""
    if not all(_has_parts(parts, name) for name in parts.groups):
        return ()
    return ("integrated_gradients",)


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
        explained.append(_METHODS[method](parts, row, own, output, lengthened))
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
    parts: TrainedParts, row: pd.DataFrame, own: Any, output: int, reference: Any
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


_METHODS = {"integrated_gradients": _integrated_gradients}
