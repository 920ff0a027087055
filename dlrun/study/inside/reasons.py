"""Why a candidate predicts a few test rows as it does; the same rows for every candidate."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import ceil, nan
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dlrun.catalog.columns import COLUMN_KINDS
from dlrun.contract.candidate import Predictions
from dlrun.contract.excerpt import ShownCell
from dlrun.contract.reasons import CellReasons, Reasons, RowReasons
from dlrun.contract.sees_inside import SeesInside
from dlrun.data.targets import target_kind
from dlrun.data.types import column_module
from dlrun.data.types.sequence import even_slices
from dlrun.evidence.agreement import rank_correlation
from dlrun.study.reasons import explain_rows

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from dlrun.contract.attribution import Attribution, ColumnAttribution
    from dlrun.contract.dataset import Column, Dataset
    from dlrun.contract.inside import Inside
    from dlrun.study.inside.context import InsideContext

N_ROWS: Final = 6
N_WORST: Final = 3  # of them, as far as the study knows rows that candidates predict badly
MOST_VALUES: Final = 40  # single values of a row that are kept
FINEST: Final = 16  # parts along each side of what is kept
OUTLINE: Final = 120  # stretches of a sound's outline


def add_reasons(context: InsideContext, inside: Inside) -> Inside:
    """Explain a few test rows: some that candidates predict worst, and some of the others.

    What is explained is the output of the true class, or the first true label, so that all
    candidates explain the same. A candidate that looks at nothing has no reasons.
    """
    test, saved = context.test, context.saved
    if saved.reference is None or not context.shows_rows:
        return inside
    rows = choose_rows(test, context.worst, context.seed)
    chosen, kind = test.take(rows), target_kind(test.target.task)
    labels = test.target.labels
    truth = Predictions(kind.indicators(chosen.y, range(len(labels))))
    outputs = kind.outputs(truth)
    found = explain_rows(saved, chosen.frame, outputs=outputs)
    if not any(part.weights.any() for each in found for part in each.columns):
        return inside
    texts = kind.row_texts(chosen.y, saved.fitted.predict(chosen.frame), labels)
    kept = tuple(
        _row(each, chosen, place, texts[place], saved.facts.columns)
        for place, each in enumerate(found)
    )
    likeness = _likeness_of_random(context, chosen.frame, found)
    return replace(inside, reasons=Reasons(found[0].method, found[0].unit, kept, likeness))


def _likeness_of_random(
    context: InsideContext, frame: pd.DataFrame, found: Sequence[Attribution]
) -> float:
    """Return how alike the weights are to those of the network with random weights.

    Adebayo et al. (2018): a method whose maps hardly change with the weights shows the data, not
    what was learned. It is the mean rank correlation; NaN of what is no network.
    """
    fitted = context.saved.fitted
    if not isinstance(fitted, SeesInside):
        return nan
    random = replace(context.saved, fitted=fitted.randomized(context.seed))
    outputs = np.array([each.output for each in found], dtype=np.int64)
    others = explain_rows(random, frame, outputs=outputs, method=found[0].method)
    alike = [
        rank_correlation(_joined(own), _joined(other))
        for own, other in zip(found, others, strict=True)
    ]
    known = [value for value in alike if value == value]  # noqa: PLR0124
    return _short(float(np.mean(known))) if known else nan


def _joined(found: Attribution) -> NDArray[np.float64]:
    return np.concatenate([part.weights.ravel() for part in found.columns])


def choose_rows(test: Dataset, worst: Sequence[int], seed: int) -> NDArray[np.int64]:
    """Return the places of a few test rows, ascending.

    Args:
        test: the test rows.
        worst: ids of rows that candidates predict badly, the worst first; some may be elsewhere.
        seed: draws the others, of different strata first.
    """
    places = dict(zip(test.row_ids.tolist(), range(len(test)), strict=True))
    known = [places[row] for row in dict.fromkeys(worst) if row in places][:N_WORST]
    strata = target_kind(test.target.task).strata(test.y)
    order = np.random.default_rng(seed).permutation(len(test)).tolist()
    seen: dict[int, int] = {}
    ranks = {}
    for place in order:  # the first of each stratum, then the second of each
        stratum = int(strata[place])
        seen[stratum] = seen.get(stratum, 0) + 1
        ranks[place] = seen[stratum]
    others = sorted((place for place in order if place not in known), key=ranks.__getitem__)
    return np.sort(np.array([*known, *others][:N_ROWS], dtype=np.int64))


def _row(
    found: Attribution,
    rows: Dataset,
    place: int,
    texts: tuple[str, str],
    columns: Sequence[Column],
) -> RowReasons:
    kinds = {column.name: column for column in columns}
    ordered = sorted(found.columns, key=lambda part: -float(np.abs(part.weights).sum()))
    single = [part for part in ordered if not part.weights.ndim]
    dropped = {part.column for part in single[MOST_VALUES:]}
    cells = tuple(
        cell_reasons(part, kinds[part.column], rows.frame[part.column].iloc[place])
        for part in ordered
        if part.column not in dropped
    )
    left = sum(float(part.weights) for part in single[MOST_VALUES:])
    labels = rows.target.labels
    return RowReasons(
        int(rows.row_ids[place]),
        *texts,
        labels[found.output] if labels else "",
        _short(found.value),
        _short(found.baseline),
        _short(found.residual),
        cells,
        _short(left),
    )


def cell_reasons(part: ColumnAttribution, column: Column, cell: Any) -> CellReasons:
    """Return what the parts of a typed cell add, summed to what can be drawn."""
    grid = np.atleast_2d(part.weights)
    if part.weights.ndim == 1 and COLUMN_KINDS[column.type].is_array:
        grid = grid.T  # (stretches, 1)
    if column.rate and part.weights.ndim > 1:  # a spectrogram's, which is a network's
        grid = grid[: _heard(grid, len(cell) / column.shape[0])]
    coarse = grid if part.parts else _pooled(grid)
    weights = tuple(tuple(_short(value) for value in line) for line in coarse)
    shape = tuple(getattr(cell, "shape", ()))
    return CellReasons(part.column, _shown(column, cell), weights, part.parts, shape)


def _heard(grid: NDArray[np.float64], share: float) -> int:
    """Count the frames up to the end of a sound; networks pad it with silence to the longest."""
    known = np.flatnonzero(grid.any(axis=1))
    last = int(known[-1]) + 1 if len(known) else 0
    return max(last, ceil(share * len(grid)), 1)


def _short(value: float) -> float:
    return float(f"{value:.4g}")


def _pooled(grid: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sum weights to at most `FINEST` parts along each side."""
    for axis, side in enumerate(grid.shape):
        if side > FINEST:
            starts = [each.start for each in even_slices(side, FINEST)]
            grid = np.add.reduceat(grid, starts, axis=axis)
    return grid


def _shown(column: Column, cell: Any) -> ShownCell:
    """Return a cell as it is drawn: of a sound how loud it is over time, not its samples."""
    shown = column_module(column.type).show(column, cell)
    if shown.form != "sound":
        return shown
    peaks = [float(np.abs(cell[each]).max()) for each in even_slices(len(cell), OUTLINE)]
    return ShownCell("line", shown.text, lines=(tuple(map(_short, peaks)),))
