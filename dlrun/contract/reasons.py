"""Why a candidate predicts a few rows as it does, as values that are kept and drawn."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan

from dlrun.contract.excerpt import ShownCell


@dataclass(frozen=True)
class CellReasons:
    """What the parts of a cell add to an output.

    Attributes:
        column: its name.
        shown: the cell; of a sound its outline.
        weights: of its parts: one row of one, of a single value; one row of (tokens,), of a text;
            (rows, columns) of an image; (stretches, channels) of a series, (stretches, bands) of a
            sound, the lowest band first.
        tokens: of a text, in their order; else empty.
        shape: of a cell that is an array, as in `Column`; else empty.
    """

    column: str
    shown: ShownCell
    weights: tuple[tuple[float, ...], ...]
    tokens: tuple[str, ...] = ()
    shape: tuple[int, ...] = ()


@dataclass(frozen=True)
class RowReasons:
    """What the cells of a row add to an output.

    Attributes:
        row_id: of the row.
        truth: in words.
        prediction: in words.
        output: the class or label that is explained; empty where the target is a number.
        value: the output.
        baseline: of the method; NaN where it has none.
        residual: what the weights leave unexplained; NaN without a baseline.
        cells: of single values those of the largest weights.
        left: the sum of the weights of columns that are left out.
    """

    row_id: int
    truth: str
    prediction: str
    output: str
    value: float
    baseline: float
    residual: float
    cells: tuple[CellReasons, ...]
    left: float = 0.0


@dataclass(frozen=True)
class Reasons:
    """Why a candidate predicts some test rows as it does.

    Attributes:
        method: a row of `ATTRIBUTIONS`.
        unit: of the weights, as in `Attribution`.
        rows: the same of every candidate of a study.
        randomised: mean rank correlation of the weights with those of the same network with random
            weights (Adebayo et al. 2018); NaN where there is none.
    """

    method: str
    unit: str
    rows: tuple[RowReasons, ...]
    randomised: float = nan
