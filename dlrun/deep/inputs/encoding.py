"""The way of one group of columns from raw values into a network."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from numpy.typing import NDArray

from dlrun.catalog.columns import COLUMN_KINDS

if TYPE_CHECKING:
    import pandas as pd

Read = Callable[["pd.DataFrame"], NDArray[Any]]
"""Typed rows → their group, (rows, *group.shape) of `group.dtype`."""


Blocks = tuple[tuple[Any, ...], ...]
"""Trained variables of a pretrained network in blocks, from the input side."""


@dataclass(frozen=True)
class Spec:
    """The shape of one row, None where it is free, and the dtype."""

    shape: tuple[int | None, ...]
    dtype: str


def is_joined(kind: str, n_columns: int) -> bool:
    """Return whether so many columns of a kind are one input of a network, side by side."""
    most = COLUMN_KINDS[kind].max_inputs
    return most is not None and n_columns > most


@dataclass(frozen=True)
class Encoding(ABC):
    """What was fitted to a group of columns, and their way into a network.

    Raw columns are read into one group; the group is encoded, which is frozen and done once for
    a whole table; encoded rows are augmented while training; what is encoded is expanded inside
    the network, where weights may be trained. All of it is made of Keras' own layers and
    operations, so that the saved network needs Keras alone.

    Sequences of different lengths carry a last channel that is 1 at a step and 0 at padding;
    `expand` masks by it.

    Attributes:
        kind: of the columns.
        is_pretrained: whether a pretrained network makes the vectors of its rows.
        names: of the columns, in their order within the group.
    """

    kind: ClassVar[str]
    is_pretrained: ClassVar[bool] = False

    names: tuple[str, ...]

    @property
    @abstractmethod
    def raw(self) -> Spec:
        """Describe each raw column."""

    @property
    @abstractmethod
    def group(self) -> Spec:
        """Describe the group that raw columns are read into."""

    @property
    def is_joined(self) -> bool:
        """Return whether the raw columns enter the network as one group already."""
        return is_joined(self.kind, len(self.names))

    @property
    def encoded(self) -> Spec:
        """Describe the encoded group."""
        return self.group

    @property
    def saved(self) -> Encoding:
        """Return the encoding of a saved network, whose raw input may be another."""
        return self

    @property
    def n_codes(self) -> int:
        """Count the codes of tokens; 0 where steps are vectors already."""
        return 0

    @abstractmethod
    def read(self, inputs: list[Any]) -> Any:
        """Join raw columns, (rows, *raw.shape) each, to a group."""

    def encode(self, group: Any) -> Any:
        """Encode a group."""
        return group

    def expand(self, encoded: Any) -> Any:
        """Make the tensor that an architecture receives.

        (rows, width) for number, category and datetime; (rows, height, width, channels) for an
        image; (rows, steps, channels) for a series or log-mel frames; (rows, tokens) codes for
        text, 0 where it has ended.
        """
        return encoded

    def blocks(self, _body: Any) -> Blocks:
        """Return the trained variables of a pretrained network in a body that `expand` is in."""
        return ()

    def flatten(self, encoded: Any) -> Any:
        """Make a vector, (rows, width), with hardly any weights."""
        return self.expand(encoded)
