"""Column groups: the columns of a kind, or one image, sound, text or series, taken together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, cast

from numpy.typing import NDArray

from dlrun.catalog.columns import COLUMN_KINDS
from dlrun.catalog.parts import load_part
from dlrun.contract.dataset import Column
from dlrun.deep.inputs.encoding import Encoding, Read
from dlrun.recipe.preprocessing import Preprocessing

if TYPE_CHECKING:
    import pandas as pd


class InputKind(Protocol):
    """The module of `deep.inputs` that has the name of a kind of columns."""

    def fit(self, columns: Sequence[Column], frame: pd.DataFrame, settings: Any) -> Encoding:
        """Fit the encoding of one group to the training rows."""

    def make_reader(self, columns: Sequence[Column], model: Any) -> Read:
        """Make the reader of typed rows that agrees with a Keras model that reads raw ones."""


@dataclass(frozen=True)
class Group:
    """A group inside a network that is being built.

    Attributes:
        encoded: the Keras tensor of the encoded group.
    """

    encoding: Encoding
    encoded: Any

    @property
    def kind(self) -> str:
        """Return the kind of its columns."""
        return self.encoding.kind

    @property
    def is_table(self) -> bool:
        """Say whether its columns are single values, so that `expand` makes a vector."""
        return COLUMN_KINDS[self.kind].is_grouped

    def expand(self) -> Any:
        """Make the tensor that an architecture receives; each call makes weights of its own."""
        return self.encoding.expand(self.encoded)

    def flatten(self) -> Any:
        """Make a vector, (rows, width), with hardly any weights."""
        return self.encoding.flatten(self.encoded)


def group_columns(columns: Sequence[Column]) -> dict[str, tuple[Column, ...]]:
    """Part columns into groups, named by their kind: text, text_2 and so on."""
    groups: dict[str, tuple[Column, ...]] = {}
    for kind, row in COLUMN_KINDS.items():
        matching = tuple(column for column in columns if column.type == kind)
        if row.is_grouped and matching:
            groups[kind] = matching
        elif matching:
            names = [kind, *(f"{kind}_{number}" for number in range(2, len(matching) + 1))]
            groups.update({name: (column,) for name, column in zip(names, matching, strict=True)})
    return groups


def fit_encodings(
    columns: Sequence[Column], frame: pd.DataFrame, preprocessing: Preprocessing
) -> dict[str, Encoding]:
    """Fit the encoding of each group to the training rows."""
    encodings = {}
    for name, group in group_columns(columns).items():
        kind = group[0].type
        encodings[name] = _load(kind).fit(group, frame, getattr(preprocessing, kind))
    return encodings


@dataclass(frozen=True)
class FrameReader:
    """Reads typed columns into groups, as the network's own reader does from raw columns."""

    reads: Mapping[str, Read]

    def read(self, frame: pd.DataFrame) -> dict[str, NDArray[Any]]:
        """Return the groups, each (rows, *group.shape)."""
        return {name: read(frame) for name, read in self.reads.items()}


def frame_reader(columns: Sequence[Column], model: Any) -> FrameReader:
    """Make the reader of typed columns that agrees with a Keras model that reads raw ones."""
    groups = group_columns(columns).items()
    return FrameReader(
        {name: _load(group[0].type).make_reader(group, model) for name, group in groups}
    )


def _load(kind: str) -> InputKind:
    return cast(InputKind, load_part("dlrun.deep.inputs", kind))
