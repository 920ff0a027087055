"""Why a fitted candidate predicts a row as it does: what each part of the row adds to an output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray


@dataclass(frozen=True)
class ColumnAttribution:
    """What the parts of one column of a row add to an output.

    Attributes:
        column: its name.
        weights: float64, in the unit of the output; () of a number, a category or a date,
            (tokens,) of a text, (height, width) of an image, (frames, bands) or (frames,) of a
            sound, the lowest band first, (steps, channels) of a series. The resolution may be
            coarser than that of the cell.
        parts: the tokens of a text, in their order; else empty.
    """

    column: str
    weights: NDArray[np.float64]
    parts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Attribution:
    """Why a candidate predicts a row as it does, by one method.

    Attributes:
        method: a row of `ATTRIBUTIONS`.
        output: the number of the class or label; 0 where the target is a number.
        unit: of the weights: logit, log-odds, probability, attention; empty: the target's own.
        value: the output for the row, in this unit.
        baseline: the output for the reference row; NaN where the method has none.
        columns: in the order of the candidate's columns; without those that it does not see.
    """

    method: str
    output: int
    unit: str
    value: float
    baseline: float
    columns: tuple[ColumnAttribution, ...]

    @property
    def residual(self) -> float:
        """Return what the weights leave unexplained; NaN where the method has no baseline."""
        total = sum(float(each.weights.sum()) for each in self.columns)
        return self.value - self.baseline - total


@runtime_checkable
class Explains(Protocol):
    """A fitted candidate that knows from its own structure what each part of a row adds."""

    @property
    def attribution_methods(self) -> tuple[str, ...]:
        """Return the methods that suit it and its columns, the first by default."""

    def explain(
        self,
        frame: pd.DataFrame,
        outputs: NDArray[np.int64],
        reference: pd.DataFrame,
        method: str | None = None,
    ) -> list[Attribution]:
        """Explain typed rows (see `Column`).

        Args:
            frame: the rows; not changed.
            outputs: (rows,) the class whose output is explained, 0 where the target is a number.
            reference: one typed row, with which the rows are compared: means, the most frequent
                category, an empty text, silence (see `make_reference`).
            method: one of `attribution_methods`; None: the first.

        Returns:
            One for each row.
        """
