"""What the units of a network look for: their filters, and the rows that excite them most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Box = tuple[tuple[int, int], ...]
"""For each axis the first place and the one past the last."""

UnitForm = Literal["image", "sound", "line", "quote", "table"]
"""What a layer's units see: pictures, spectrograms, lines over steps, words, or columns."""


@dataclass(frozen=True)
class ExcitingRow:
    """A training row that excites a unit.

    Attributes:
        row_id: as in `Dataset.row_ids`.
        truth: its class, labels or number, in words.
        activation: the largest of the unit in this row.
        box: the part of the row's picture (down, across) or lines (steps) from which at least 95 %
            of the unit's gradient comes; empty: it has no place there.
        words: of a text, what stands before, the words that the unit looks at, and what follows;
            empty for other columns.
        lines: of a series, (channels, steps) as the network gets them; empty for other columns.
    """

    row_id: int
    truth: str
    activation: float
    box: Box = ()
    words: tuple[str, ...] = ()
    lines: tuple[tuple[float, ...], ...] = ()


@dataclass(frozen=True)
class UnitColumn:
    """A column whose values are unusual in the rows that excite a unit.

    Attributes:
        column: its name.
        leaning: high, low, or the category that is frequent among the rows.
        values: of these rows: their range, or the share of the category.
        usual: the middle half of all rows, or the share of the category among them.
        distance: of the means, in standard deviations of all rows; positive where it is higher.
        weight: the unit's gradient by the standardised column, mean over these rows; NaN for
            columns that are no numbers. In a first dense layer it is the weight itself.
    """

    column: str
    leaning: str
    values: str
    usual: str
    distance: float
    weight: float


@dataclass(frozen=True)
class Unit:
    """A unit of a layer: a neuron, or a channel of a feature map.

    Attributes:
        number: its place in the layer, counted from 0.
        active: share of all places of all rows at which its activation is positive.
        told_by_target: share of the variance of its largest activation over rows that the target
            explains, from 0 to 1.
        filter: a picture of its weights, MIME type and content as in a data URI after "data:";
            empty where it is no convolution on the input.
        filter_lines: (channels, steps) of its weights on a series; empty elsewhere.
        sheet: the pictures of its rows in one, `PER_LINE` a line; empty without pictures.
        rows: that excite it most, the most exciting first.
        columns: of a table, the most unusual first.
    """

    number: int
    active: float
    told_by_target: float
    rows: tuple[ExcitingRow, ...]
    filter: str = ""
    filter_lines: tuple[tuple[float, ...], ...] = ()
    sheet: str = ""
    columns: tuple[UnitColumn, ...] = ()


@dataclass(frozen=True)
class UnitLayer:
    """Some units of a layer.

    Attributes:
        layer: its name in the network.
        kind: its class, such as Conv2D.
        n_units: how many it has.
        column: that its units are shown by; empty for a table.
        form: of what is shown.
        sides: of a picture, in pixels, or frames and bands: height and width; else empty.
        units: the chosen ones.
    """

    layer: str
    kind: str
    n_units: int
    column: str
    form: UnitForm
    sides: tuple[int, ...]
    units: tuple[Unit, ...]


@dataclass(frozen=True)
class NetworkUnits:
    """Units of some layers of a network, from the input side.

    Attributes:
        n_rows: training rows that were looked at.
        layers: in the order of the network.
        filters: pictures of the first filters on the input, as `Unit.filter`.
    """

    n_rows: int
    layers: tuple[UnitLayer, ...]
    filters: tuple[str, ...] = ()
