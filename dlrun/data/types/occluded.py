"""A cell in which one part after the other is replaced by that of a reference cell."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray


@dataclass(frozen=True)
class Occluded:
    """Versions of a cell, each without one of its parts.

    Attributes:
        cells: one for each part.
        shape: of the parts, as in `ColumnAttribution`: the last dimension varies fastest.
        tokens: the parts of a text; else empty.
    """

    cells: tuple[Any, ...]
    shape: tuple[int, ...]
    tokens: tuple[str, ...] = ()


def replace_parts(
    cell: NDArray[Any], reference: NDArray[Any], parts: Iterable[tuple[slice, ...]]
) -> tuple[NDArray[Any], ...]:
    """Return copies of an array, in each of which one part is that of the reference."""
    return tuple(_with_part(cell, reference, part) for part in parts)


def _with_part(
    cell: NDArray[Any], reference: NDArray[Any], part: tuple[slice, ...]
) -> NDArray[Any]:
    changed = cell.copy()
    changed[part] = reference[part]
    return changed
