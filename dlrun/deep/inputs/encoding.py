"""What an encoding is: the way of one group of columns from raw values into a network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from numpy.typing import NDArray

from dlrun.contract.dataset import Column, ColumnType

if TYPE_CHECKING:
    import pandas as pd

Read = Callable[["pd.DataFrame"], NDArray[Any]]
"""Typed rows → their group, (rows, *group.shape) of `group.dtype`."""
Fit = Callable[[Sequence[Column], "pd.DataFrame", Any], "Encoding"]
"""Columns of one group, the training rows, the settings of their type → what was learned."""


@dataclass(frozen=True)
class Spec:
    """The shape of one row, None where it is free, and the dtype."""

    shape: tuple[int | None, ...]
    dtype: str


class Encoding(Protocol):
    """What was learned about a group of columns, and its way into a network.

    Raw columns are read into one group; the group is encoded, which is frozen and done once for
    a whole table; encoded rows are augmented while training; what is encoded is expanded inside
    the network, where weights may be trained. All of it is made of Keras' own layers and
    operations, so that the saved network needs Keras alone.

    Sequences of different lengths carry a last channel that is 1 where there is a step and 0
    where there is padding; `expand` masks by it.
    """

    @property
    def kind(self) -> ColumnType:
        """Say of which type the columns are."""

    @property
    def names(self) -> tuple[str, ...]:
        """Name the columns in their order within the group."""

    @property
    def raw(self) -> Spec:
        """Describe each raw column."""

    @property
    def group(self) -> Spec:
        """Describe the group that raw columns are read into."""

    @property
    def encoded(self) -> Spec:
        """Describe the encoded group."""

    def read(self, inputs: list[Any]) -> Any:
        """Join raw columns, (rows, *raw.shape) each, to a group."""

    def encode(self, group: Any) -> Any:
        """Encode a group."""

    def expand(self, encoded: Any) -> Any:
        """Make the tensor that an architecture receives.

        (rows, width) for number, category and datetime; (rows, height, width, channels) for an
        image; (rows, steps, channels) for a series or a log-mel sound; (rows, tokens) whole
        numbers for text, 0 where it has ended.
        """
