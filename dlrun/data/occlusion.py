"""Occlusion: what a part of a row adds is what an output loses when the part is replaced.

Zeiler & Fergus (2014) cover one patch of an image after the other. It suits anything that predicts,
and every type of column: a part is a column of a table, a patch, a word, or a stretch of a sound or
a series. What two parts only do together, and what one does that another does as well, is missed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from math import nan
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api.types import union_categoricals

from dlrun.contract.attribution import Attribution, ColumnAttribution
from dlrun.contract.candidate import Predictions
from dlrun.contract.dataset import Column, Target
from dlrun.data.targets import target_kind
from dlrun.data.types import column_module
from dlrun.data.types.decode import as_cells

METHOD: Final = "occlusion"
MOST_VARIANTS: Final = 4096  # rows that are predicted at once, of one row at least all
Predict = Callable[[pd.DataFrame], Predictions]


@dataclass
class _Variants:
    """Rows with one part replaced, as positions in pools of cells.

    Attributes:
        rows: of each variant, the row that it is made of.
        replaced: column → variant → the cell in place of the row's.
    """

    rows: list[int] = field(default_factory=list)
    replaced: dict[str, dict[int, Any]] = field(default_factory=dict)

    def add(self, row: int, column: str, cells: Sequence[Any]) -> None:
        """Add a variant of a row for each cell."""
        own = self.replaced.setdefault(column, {})
        for cell in cells:
            own[len(self.rows)] = cell
            self.rows.append(row)

    def frame(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the variants as typed rows."""
        return pd.DataFrame({name: self._column(frame[name], str(name)) for name in frame})

    def _column(self, values: pd.Series[Any], name: str) -> Any:
        places, own = np.array(self.rows, dtype=np.int64), self.replaced.get(name, {})
        places[[*own]] = len(values) + np.arange(len(own))
        return _appended(values, [*own.values()]).take(places)


def _appended(values: pd.Series[Any], cells: Sequence[Any]) -> Any:
    """Return typed cells, more of them at their end."""
    if isinstance(values.dtype, pd.CategoricalDtype):
        names = pd.Index(sorted({cell for cell in cells if not pd.isna(cell)}), dtype="str")
        more = pd.Categorical(cells, categories=names)
        return union_categoricals([values.array, more], sort_categories=True)
    added = pd.Series(as_cells(cells, len(cells)), dtype=values.dtype)
    return pd.concat([values, added]).array


def explain_by_occlusion(
    predict: Predict,
    columns: Sequence[Column],
    target: Target,
    frame: pd.DataFrame,
    outputs: NDArray[np.int64],
    reference: pd.DataFrame,
) -> list[Attribution]:
    """Explain typed rows by what an output loses without each of their parts.

    All variants of a row are predicted in one call. An attribution has no baseline, since the
    weights of the parts do not sum to anything that is known.

    Args:
        predict: of a fitted candidate.
        columns: that it sees.
        target: of its predictions.
        frame: the rows; not changed.
        outputs: (rows,) the class or label that is explained, 0 where the target is a number.
        reference: one typed row (see `make_reference`).

    Returns:
        One for each row.
    """
    explained, task = list[Attribution](), target_kind(target.task)
    for rows, variants, parts in _batches(columns, frame, reference):
        found = predict(variants.frame(frame))
        values = task.margins(found, outputs[variants.rows])
        whole = 0
        for row in rows:
            weights = tuple(_weights(columns, parts[row], values, whole))
            facts = METHOD, int(outputs[row]), task.margin_unit(), float(values[whole]), nan
            explained.append(Attribution(*facts, weights))
            whole += 1 + sum(len(each.cells) for each in parts[row])
    return explained


def _batches(
    columns: Sequence[Column], frame: pd.DataFrame, reference: pd.DataFrame
) -> Iterator[tuple[list[int], _Variants, dict[int, list[Any]]]]:
    """Yield some rows, their variants, each row as it is before its own, and the parts."""
    rows, variants, parts = list[int](), _Variants(), dict[int, list[Any]]()
    for row in range(len(frame)):
        rows.append(row)
        variants.rows.append(row)
        parts[row] = []
        for column in columns:
            cell, other = frame[column.name].iloc[row], reference[column.name].iloc[0]
            found = column_module(column.type).occlude(column, cell, other)
            parts[row].append(found)
            variants.add(row, column.name, found.cells)
        if len(variants.rows) >= MOST_VARIANTS or row == len(frame) - 1:
            yield rows, variants, parts
            rows, variants, parts = [], _Variants(), {}


def _weights(
    columns: Sequence[Column], parts: Sequence[Any], values: NDArray[np.float64], whole: int
) -> Iterator[ColumnAttribution]:
    """Yield the weights of each column's parts; `whole` is the place of the row as it is."""
    start = whole + 1
    for column, found in zip(columns, parts, strict=True):
        lost = values[whole] - values[start : start + len(found.cells)]
        yield ColumnAttribution(column.name, lost.reshape(found.shape), found.tokens)
        start += len(found.cells)
