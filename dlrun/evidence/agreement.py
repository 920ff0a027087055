"""Whether two candidates have the same reasons: the rank correlation of their weights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import nan
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dlrun.contract.reasons import CellReasons, Reasons, RowReasons

FEWEST: Final = 3  # parts whose ranks are compared
NEXT_WORDS: Final = 4  # among which the word of a token is looked for
Grid = Sequence[Sequence[float]]


def agreement(first: Reasons, second: Reasons) -> float:
    """Return the mean rank correlation (Spearman) of two candidates' weights of the same rows.

    Single values of a row are compared with each other; an image, sound, text or series by its
    parts, where the resolutions differ at the coarser one. NaN where nothing can be compared.
    """
    others = {row.row_id: row for row in second.rows}
    found = [
        rank_correlation(own, theirs)
        for row in first.rows
        if row.row_id in others
        for own, theirs in _pairs(row, others[row.row_id])
    ]
    known = [value for value in found if not np.isnan(value)]
    return float(np.mean(known)) if known else nan


def rank_correlation(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Return Spearman's correlation; NaN of fewer than three values or of equal ones."""
    if len(first) < FEWEST or np.ptp(first) == 0 or np.ptp(second) == 0:
        return nan
    return float(pd.Series(first).corr(pd.Series(second), method="spearman"))


def _pairs(
    first: RowReasons, second: RowReasons
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    theirs = {cell.column: cell for cell in second.cells}
    shared = [(cell, theirs[cell.column]) for cell in first.cells if cell.column in theirs]
    single = [(own, other) for own, other in shared if own.shown.form == "plain"]
    yield (
        np.array([own.weights[0][0] for own, _ in single]),
        np.array([other.weights[0][0] for _, other in single]),
    )
    for own, other in shared:
        if own.tokens and other.tokens:
            few, many = sorted((own, other), key=lambda cell: len(cell.tokens))
            yield np.array(few.weights[0]), _by_words(few.tokens, many)
        elif own.shown.form != "plain":
            shape = tuple(np.minimum(np.shape(own.weights), np.shape(other.weights)))
            yield resampled(own.weights, shape).ravel(), resampled(other.weights, shape).ravel()


def _by_words(words: Sequence[str], cell: CellReasons) -> NDArray[np.float64]:
    """Sum the weights of a text's tokens over the words in which they stand."""
    sums = np.zeros(len(words))
    place, rest = 0, words[0].casefold()
    for token, weight in zip(cell.tokens, cell.weights[0], strict=True):
        for other in range(place, min(place + NEXT_WORDS, len(words))):
            text = rest if other == place else words[other].casefold()
            at = text.find(token.casefold())
            if at >= 0:
                place, rest = other, text[at + len(token) :]
                sums[other] += weight
                break
    return sums


def resampled(grid: Grid, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """Sum a grid of weights to a coarser one; a part that lies in two cells is divided."""
    values = np.array(grid, dtype=np.float64)
    for axis, n in enumerate(shape):
        values = np.apply_along_axis(_summed, axis, values, n)
    return values


def _summed(line: NDArray[np.float64], n: int) -> NDArray[np.float64]:
    total = np.concatenate([[0.0], np.cumsum(line)])
    edges = np.linspace(0, len(line), n + 1)
    return np.diff(np.interp(edges, np.arange(len(line) + 1), total))
