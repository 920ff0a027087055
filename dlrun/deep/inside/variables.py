"""What moves from the reference to a row when a network is explained."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlrun.catalog.columns import COLUMN_KINDS
from dlrun.deep.backend import keras, tf
from dlrun.deep.inside.forward import TrainedParts
from dlrun.deep.inside.graph import UNKNOWN, Call, enters_numbers, evaluate, unknown_output

Key = str | tuple[int, int]
"""The name of a group of numbers; or the id of an operation, and which of its calls."""

REFERENCE, ROW = 0, 1  # places among the rows of a group


@dataclass(frozen=True)
class Variable:
    """A tensor of numbers within a network, of one row.

    Attributes:
        start: of the reference, (*shape) float32.
        end: of the row.
        shares: (columns, *shape) what each column adds to their difference; None: each place is
            of one column.
    """

    group: str
    key: Key
    start: NDArray[np.float32]
    end: NDArray[np.float32]
    shares: NDArray[np.float32] | None = None


def find_variables(
    parts: TrainedParts, row: Mapping[str, Any], reference: Mapping[str, Any]
) -> Iterator[Variable]:
    """Find where a network's numbers begin, for a row and for the reference.

    Numbers, dates, sounds and series are numbers where they are encoded, the pixels of an image
    where they are no longer bytes. Codes of tokens and categories begin as vectors: the embedding
    of a word starts at zero, as padding is, that of a category at the reference's. The length of a
    row is its own throughout.

    Args:
        parts: of the network.
        row: its groups, (1, *group.shape) each.
        reference: the same of the reference.
    """
    for name, columns in parts.groups.items():
        kind = columns[0].type
        rows = np.concatenate([reference[name], row[name]])
        if COLUMN_KINDS[kind].is_grouped and kind != "number":
            rows = np.concatenate([rows, _substitute(rows)])
        if parts.entering(name).dtype.startswith("float"):
            encoded = parts.encode(name, rows).numpy()
            if kind in ("audio", "series"):
                encoded = _lengthen(encoded, parts.n_values(name))
            yield _variable(name, name, encoded)
            continue
        for key, layer, made in find_entries(parts, name, parts.encode(name, rows)):
            if kind != "text":
                yield _variable(name, key, made)
            elif isinstance(layer, keras.layers.Embedding) and len(made) == len(rows):
                is_same = (rows[REFERENCE] == rows[ROW])[:, None]
                is_masked = layer.mask_zero or name in parts.pretrained
                start = 0 if is_masked else made[REFERENCE]
                start = np.where(is_same, made[ROW], np.float32(start))
                yield Variable(name, key, start, made[ROW])


def _variable(group: str, key: Key, rows: NDArray[np.float32]) -> Variable:
    start, end, *substituted = rows
    shares = np.stack(substituted) - start if substituted else None
    return Variable(group, key, start, end, shares)


def _substitute(rows: NDArray[Any]) -> NDArray[Any]:
    """Return the reference with one column after the other as in the row, (columns, columns)."""
    is_own = np.eye(rows.shape[1], dtype=bool)
    substituted: NDArray[Any] = np.where(is_own, rows[ROW], rows[REFERENCE])
    return substituted


def _lengthen(encoded: NDArray[np.float32], n_values: int) -> NDArray[np.float32]:
    """Give the reference the length of the row where a last channel is 1 up to that."""
    if encoded.shape[-1] == n_values:
        return encoded
    values, mask = encoded[..., :n_values], encoded[ROW, ..., n_values:]
    start = np.concatenate([values[REFERENCE] * mask, mask], axis=-1)
    return np.stack([start, encoded[ROW]])


def find_entries(
    parts: TrainedParts, name: str, rows: Any
) -> list[tuple[Key, Any, NDArray[np.float32]]]:
    """Find where numbers are made of a group of codes or bytes.

    Returns:
        Key, operation, and what it makes of the rows, (rows, *shape) float32.
    """
    found: list[tuple[Key, Any, NDArray[np.float32]]] = []
    calls: Counter[int] = Counter()

    def call(operation: Any, args: Any, kwargs: Any) -> Any:
        if any(each is UNKNOWN for each in keras.tree.flatten((args, kwargs))):
            return unknown_output(operation)
        output = operation(*args, **kwargs)
        if not enters_numbers(args, kwargs, output):
            return output
        found.append((_key(operation, calls), operation, tf.cast(output, tf.float32).numpy()))
        return UNKNOWN

    if name in parts.frozen:
        evaluate(parts.frozen[name], rows, call)
    else:
        evaluate(
            parts.body, {each: rows if each == name else UNKNOWN for each in parts.groups}, call
        )
    return found


def replacing(values: Mapping[Key, Any]) -> Call:
    """Return what computes operations, with other numbers where these begin."""
    calls: Counter[int] = Counter()

    def call(operation: Any, args: Any, kwargs: Any) -> Any:
        output = operation(*args, **kwargs)
        if not enters_numbers(args, kwargs, output):
            return output
        key = _key(operation, calls)
        if key not in values:
            return output
        moved = tf.cast(values[key], output.dtype)
        moved._keras_mask = getattr(output, "_keras_mask", None)
        return moved

    return call


def _key(operation: Any, calls: Counter[int]) -> Key:
    calls[id(operation)] += 1
    return id(operation), calls[id(operation)]
