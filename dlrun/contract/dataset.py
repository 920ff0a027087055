"""The data: typed columns, the target, and the rows of each split."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

    from dlrun.contract.note import Note


@dataclass(frozen=True)
class Lag:
    """An earlier value of a raw column.

    Attributes:
        of: the raw column.
        steps: how many rows earlier.
        order: the raw column by whose times the rows are ordered.
    """

    of: str
    steps: int
    order: str


@dataclass(frozen=True)
class Column:
    """A feature column of a dataset.

    The type determines the cells of the column in `Dataset.frame`:
    number float64 (NaN is missing) · category pandas Categorical of str (NaN is missing) ·
    datetime datetime64[us], naive UTC (NaT is missing) · text str ("" is missing) ·
    and one NumPy array in each cell of an object column for
    image (height, width, channels) uint8, all zeros where missing ·
    audio (samples,) float32 from -1 to 1, one channel, at most `shape` long, none where missing ·
    series (steps, channels) float32, at most `shape` long, NaN within and no step where missing.

    Attributes:
        type: the name of a row of `dlrun.catalog.columns`.
        shape: of the cells of an image (height, width, channels), a sound (samples,) or a series
            (steps, channels); empty for the other types.
        rate: samples per second of a sound, else 0.
        parts: the raw columns whose numbers are the steps of a wide series, else empty.
        lag: what the column is computed from, where it is an earlier value of another one.
        format: how its texts are written: of dates as in `strptime`, empty for ISO 8601; of
            numbers the decimal mark, empty where they are plain; of streamed texts "inline" where
            the cells are no names of files.
        missing: raw values that stand for a missing one.
    """

    name: str
    type: str
    shape: tuple[int, ...] = ()
    rate: int = 0
    parts: tuple[str, ...] = ()
    lag: Lag | None = None
    format: str = ""
    missing: tuple[str, ...] = ()


@dataclass(frozen=True)
class Target:
    """What is predicted for each row.

    Attributes:
        task: the name of a row of `dlrun.catalog.tasks`.
        labels: of classes in the order of their codes, or of a label set; empty for a number.
    """

    name: str
    task: str
    labels: tuple[str, ...] = ()
    dtype: Literal["str", "int", "float", "bool"] = "str"  # of the label, in the user's file

    @property
    def is_binary(self) -> bool:
        """Return whether there are exactly two classes; the second label is the positive one."""
        return len(self.labels) == 2  # noqa: PLR2004


class Stream(Protocol):
    """Rows on disk whose training rows are read once per epoch; picklable."""

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Count the training, validation and test rows of the whole table."""

    @property
    def classes(self) -> tuple[int, ...]:
        """Return the codes of the classes among all training rows; none for regression."""

    @property
    def digest(self) -> str:
        """Return a fingerprint of the rows in each part, whatever their order."""

    def whole(self) -> Stream:
        """Return the stream of the rows of all three parts, as training rows."""

    def deal(self, n_parts: int, *key: int) -> tuple[int, ...]:
        """Count the training rows of the parts that workers read, which the key sets."""

    def chunks(self, *key: int, part: int = 0, n_parts: int = 1) -> Iterator[Dataset]:
        """Yield all training rows once, some thousand at a time, in an order set by the key.

        Args:
            key: sets the order, and the parts.
            part: to read; every row is in one part.
            n_parts: into how many parts the rows are dealt.
        """


@dataclass(frozen=True)
class TextFormat:
    """How text tables are read.

    Attributes:
        encoding: as Python names it; auto: found in the bytes.
        separator: of fields, " " for any run of blanks; auto: found in the first rows.
        decimal: the decimal mark; auto: found in the first rows.
        header: whether the first row has the names of the columns; auto: found in the first rows.
        names: of the columns, in place of those in the file.
        na: what is missing in every column, beside the empty cell; None: what pandas takes for it.
        is_padded: blanks around the texts are no part of them; found in the first rows.
    """

    encoding: str = "auto"
    separator: str = "auto"
    decimal: str = "auto"
    header: Literal["auto", "first", "none"] = "auto"
    names: tuple[str, ...] = ()
    na: tuple[str, ...] | None = None
    is_padded: bool = False


AUTO: Final = TextFormat()


@dataclass(frozen=True)
class Dataset:
    """Typed columns and the target, one row per example.

    Attributes:
        frame: the feature columns in the order of `columns`, then those of `history`, dtypes as in
            `Column`, RangeIndex.
        y: (rows,) int64 class codes or float64 numbers, or (rows, labels) int64 of label sets.
        row_ids: (rows,) int64 row numbers in the source, counted before rows were dropped.
        split_values: (rows,) the group or the time of each row, by which a split is made, or
            "train", "validation" or "test" where the source has its own parts; else None.
        digest: SHA-256 (hex, 36 characters) of the whole dataset, also in a subset of it.
        history: earlier values of the target, which only the naive baselines read: the last one,
            then those of a season ago; empty unless rows are split by time.
        notes: changes of the data and warnings about it.
        format: how its text files were read.
        stream: the source of all training rows, where those in memory are a sample; else None.
    """

    name: str
    source: str
    columns: tuple[Column, ...]
    target: Target
    frame: pd.DataFrame
    y: NDArray[Any]
    row_ids: NDArray[np.int64]
    split_values: NDArray[Any] | None = None
    digest: str = ""
    history: tuple[Column, ...] = ()
    notes: tuple[Note, ...] = ()
    format: TextFormat = AUTO
    stream: Stream | None = None

    def __len__(self) -> int:
        return len(self.y)

    def take(self, rows: NDArray[np.int64]) -> Dataset:
        """Return the subset of these rows, in this order."""
        return replace(
            self,
            frame=self.frame.iloc[rows].reset_index(drop=True),
            y=self.y[rows],
            row_ids=self.row_ids[rows],
            split_values=None if self.split_values is None else self.split_values[rows],
        )


@dataclass(frozen=True)
class Split:
    """Row positions of one fold, identical for every candidate.

    `repeat` and `fold` count from 0; `index` numbers the splits of a study from 0.
    `seed` differs from split to split; initial weights and the order of rows derive from it.
    `is_refit` says that the validation rows are cut from the training part that the data brings: a
    candidate that does not need them is fitted once more, on both, before it is tested.
    """

    repeat: int
    fold: int
    index: int
    seed: int
    train: NDArray[np.int64]
    validation: NDArray[np.int64]
    test: NDArray[np.int64]
    is_refit: bool = False


@dataclass(frozen=True)
class Splits:
    """All splits of a study; only studies with the same digest are compared."""

    splits: tuple[Split, ...]
    digest: str
