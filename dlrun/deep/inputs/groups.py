"""Column groups: all columns of one type, fitted, read and encoded together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from numpy.typing import NDArray

from dlrun.contract import Column
from dlrun.deep.inputs.categories import Table, fit_categories, lookup_tables, read_categories
from dlrun.deep.inputs.datetimes import fit_datetimes, read_datetimes
from dlrun.deep.inputs.numbers import fit_numbers, read_numbers
from dlrun.recipe.preprocessing import Preprocessing

if TYPE_CHECKING:
    import pandas as pd


class Encoding(Protocol):
    """What was learned about the columns of one type, and the way from raw columns to a network.

    Raw columns, (rows, 1) each, are read into one group, (rows, columns); the group is encoded,
    (rows, n_encoded), which is frozen and done once for a whole table; what is encoded is
    expanded inside the network, where weights may be trained.
    """

    raw_dtype: str
    group_dtype: str
    encoded_dtype: str

    @property
    def names(self) -> tuple[str, ...]:
        """Name the columns in their order within the group."""

    @property
    def n_encoded(self) -> int:
        """Count the encoded columns."""

    def read(self, inputs: list[Any]) -> Any:
        """Join raw columns to a group."""

    def encode(self, group: Any) -> Any:
        """Encode a group."""

    def expand(self, encoded: Any) -> Any:
        """Make the tensor that an architecture receives, (rows, width) float."""


FITS: Final[Mapping[str, Callable[..., Encoding]]] = {
    "number": fit_numbers,
    "category": fit_categories,
    "datetime": fit_datetimes,
}


def fit_encodings(
    columns: Sequence[Column], frame: pd.DataFrame, preprocessing: Preprocessing
) -> dict[str, Encoding]:
    """Learn from the training rows how the columns of each type are encoded."""
    return {
        kind: FITS[kind](names, frame, getattr(preprocessing, kind))
        for kind, names in names_by_type(columns).items()
    }


def names_by_type(columns: Sequence[Column]) -> dict[str, tuple[str, ...]]:
    """Return the column names of each type that occurs."""
    return {
        kind: tuple(column.name for column in columns if column.type == kind)
        for kind in FITS
        if any(column.type == kind for column in columns)
    }


@dataclass(frozen=True)
class FrameReader:
    """Reads typed columns into groups, as the network's own reader does from raw columns.

    Attributes:
        names: the columns of each type.
        tables: for each category column, value → code.
    """

    names: Mapping[str, tuple[str, ...]]
    tables: Sequence[Table]

    def read(self, frame: pd.DataFrame) -> dict[str, NDArray[Any]]:
        """Return the groups, each (rows, columns) in its `group_dtype`."""
        groups: dict[str, NDArray[Any]] = {}
        if "number" in self.names:
            groups["number"] = read_numbers(frame, self.names["number"])
        if "category" in self.names:
            groups["category"] = read_categories(frame, self.names["category"], self.tables)
        if "datetime" in self.names:
            groups["datetime"] = read_datetimes(frame, self.names["datetime"])
        return groups


def frame_reader(columns: Sequence[Column], model: Any) -> FrameReader:
    """Make the reader of typed columns that agrees with a Keras model that reads raw ones."""
    names = names_by_type(columns)
    return FrameReader(names, lookup_tables(model, len(names.get("category", ()))))
