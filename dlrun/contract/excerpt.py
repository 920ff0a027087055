"""An excerpt of the data, kept with a study: the distribution of columns, and a few whole rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Quartiles = tuple[float, float, float]
CellForm = Literal["plain", "quote", "image", "sound", "line"]


@dataclass(frozen=True)
class ShownCell:
    """A cell as people see or hear it.

    Attributes:
        form: a plain value, a quoted text, an image, a sound, or lines over steps.
        text: the value, the quotation, or a description of what is no text.
        media: of an image or sound: MIME type and content, as in a data URI after "data:".
        lines: of a series: (channels, steps), None where a value is missing.
    """

    form: CellForm
    text: str
    media: str = ""
    lines: tuple[tuple[float | None, ...], ...] = ()


@dataclass(frozen=True)
class Distribution:
    """How the values of a column are distributed over bins, by class or against a number.

    Attributes:
        column: its name.
        measure: what of its cells is counted, such as "words"; empty: the values themselves.
        missing: share of the rows without a value.
        strength: share of the target's variance that the bins explain, from 0 to 1 (the
            correlation ratio, or Goodman & Kruskal's tau of classes), less what chance explains.
        edges: ends of the bins of numbers, one more than there are bins; empty for categories.
        is_date: whether the edges are seconds since 1970.
        names: of the categories; empty for numbers.
        labels: the classes or labels that are counted; one empty name without classes.
        counts: (labels, bins) rows.
        quartiles: of a target that is a number, its lower quartile, median and upper quartile in
            each bin, None in a bin without rows; empty for classes.
    """

    column: str
    measure: str
    missing: float
    strength: float
    edges: tuple[float, ...]
    is_date: bool
    names: tuple[str, ...]
    labels: tuple[str, ...]
    counts: tuple[tuple[int, ...], ...]
    quartiles: tuple[Quartiles | None, ...]


@dataclass(frozen=True)
class DataExcerpt:
    """What a study keeps of its rows.

    Attributes:
        n_rows: that the distributions are of.
        n_columns: of the dataset.
        target: the distribution of a target that is a number; None for classes.
        columns: distributions, those first that say most of the target.
        rows: row id → column → cell, of rows that candidates predict badly.
        inputs: row id → the value of the only column, where that and the target are numbers; of
            all rows, or of some where they are many.
    """

    n_rows: int
    n_columns: int
    target: Distribution | None
    columns: tuple[Distribution, ...]
    rows: Mapping[int, Mapping[str, ShownCell]]
    inputs: Mapping[int, float] = field(default_factory=dict)
