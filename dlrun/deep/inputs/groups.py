"""Column groups: the columns of a kind, or one image, sound, text or series, taken together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
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


class CellReader(Protocol):
    """Turns the typed cells of a column into a group."""

    def read(self, cells: Sequence[Any]) -> NDArray[Any]:
        """Return (rows, *group.shape)."""


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
    def is_pretrained(self) -> bool:
        """Say whether a pretrained network makes the vectors of its rows."""
        return self.encoding.is_pretrained

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
    columns: Sequence[Column],
    frame: pd.DataFrame,
    preprocessing: Preprocessing,
    pretrained: Mapping[str, Encoding] | None = None,
) -> dict[str, Encoding]:
    """Fit the encoding of each group to the training rows, but of those that have one."""
    encodings = dict(pretrained or {})
    for name, group in group_columns(columns).items():
        if name not in encodings:
            kind = group[0].type
            encodings[name] = _load(kind).fit(group, frame, getattr(preprocessing, kind))
    return {name: encodings[name] for name in group_columns(columns)}


@dataclass(frozen=True)
class UnreadRows:
    """Rows of a group that are read when they are taken; all are of one shape.

    Attributes:
        shape: (rows, *group.shape).
    """

    frame: pd.DataFrame
    from_frame: Read
    shape: tuple[int, ...]

    def __getitem__(self, rows: slice) -> NDArray[Any]:
        return self.from_frame(self.frame.iloc[rows])


@dataclass(frozen=True)
class FrameReader:
    """Reads typed columns into groups, as the network's own reader does from raw columns.

    Attributes:
        large: names of groups of images, sounds and series, all of whose rows are of one shape.
    """

    reads: Mapping[str, Read]
    large: frozenset[str] = frozenset()

    def read(self, frame: pd.DataFrame) -> dict[str, NDArray[Any]]:
        """Return the groups, each (rows, *group.shape)."""
        return {name: read(frame) for name, read in self.reads.items()}

    def open(self, frame: pd.DataFrame) -> dict[str, NDArray[Any] | UnreadRows]:
        """Return the groups, of which the large ones are read in the pieces that are taken."""
        return {
            name: self._unread(frame, read) if name in self.large else read(frame)
            for name, read in self.reads.items()
        }

    def _unread(self, frame: pd.DataFrame, read: Read) -> UnreadRows:
        return UnreadRows(frame, read, (len(frame), *read(frame.iloc[:1]).shape[1:]))


def frame_reader(
    columns: Sequence[Column], model: Any, readers: Mapping[str, CellReader] | None = None
) -> FrameReader:
    """Make the reader of typed columns that agrees with a Keras model that reads raw ones.

    Args:
        columns: of the dataset.
        model: takes raw columns.
        readers: of the groups of one column that a pretrained network reads.
    """
    reads: dict[str, Read] = {}
    large = set()
    for name, group in group_columns(columns).items():
        if readers and name in readers:
            reads[name] = partial(_read_cells, group[0].name, readers[name])
        else:
            reads[name] = _load(group[0].type).make_reader(group, model)
            large |= {name} if COLUMN_KINDS[group[0].type].is_array else set()
    return FrameReader(reads, frozenset(large))


def _read_cells(column: str, reader: CellReader, frame: pd.DataFrame) -> NDArray[Any]:
    return reader.read(list(frame[column]))


def _load(kind: str) -> InputKind:
    return cast(InputKind, load_part("dlrun.deep.inputs", kind))
