"""The protocols of fitted candidates that can be looked into."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, Self, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from dlrun.contract.candidate import Fitted


@dataclass(frozen=True)
class SeenLayer:
    """A layer whose activations are seen.

    Attributes:
        name: in the network.
        kind: its class, such as Conv2D.
        shape: of its output for one row, None where it is free.
    """

    name: str
    kind: str
    shape: tuple[int | None, ...]


@runtime_checkable
class SeesInside(Protocol):
    """A fitted network that returns what its layers make of rows."""

    @property
    def layers(self) -> tuple[SeenLayer, ...]:
        """Return the layers that are seen, in the order of the network; the head's input last."""

    def encoded(self, frame: pd.DataFrame) -> Mapping[str, NDArray[Any]]:
        """Return the encoded rows, column group → (rows, …): numbers, or int64 codes."""

    def activations(self, frame: pd.DataFrame) -> tuple[NDArray[np.float32], ...]:
        """Return the activations of each layer, pooled to (rows, width).

        Those of few numbers are laid out; of others the mean and the largest value of each channel
        are taken over all places but padding.
        """

    def randomized(self, seed: int) -> Self:
        """Return the network with fresh random weights."""


@runtime_checkable
class Wraps(Protocol):
    """A fitted candidate that hands rows on to another one."""

    def unwrap(self, frame: pd.DataFrame) -> tuple[Fitted, pd.DataFrame]:
        """Return the candidate within, and the rows as it gets them."""
