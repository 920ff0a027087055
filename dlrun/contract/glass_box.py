"""How a glass box decides, in values that are kept and shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable


@dataclass(frozen=True)
class TreeRule:
    """The way from the root of a tree to one of its leaves.

    Attributes:
        conditions: all of which a row meets, in words.
        prediction: of such rows, in words.
        share: of the training rows that meet them.
    """

    conditions: tuple[str, ...]
    prediction: str
    share: float


@dataclass(frozen=True)
class AddedTerm:
    """A part of a sum, such as the curve of one column.

    Attributes:
        name: of the feature.
        strength: mean absolute amount that it adds to an output over the training rows.
    """

    name: str
    strength: float


@dataclass(frozen=True)
class GlassBox:
    """How a glass box gets from the columns to a prediction.

    Attributes:
        rules: of a tree, of which each row meets one; empty for others.
        terms: of a sum, the strongest first; empty for others.
    """

    rules: tuple[TreeRule, ...] = ()
    terms: tuple[AddedTerm, ...] = ()


@runtime_checkable
class Readable(Protocol):
    """A fitted candidate that may be a glass box."""

    def read_glass_box(self) -> GlassBox | None:
        """Return how it decides; None where it is no shallow tree and no sum of curves."""
