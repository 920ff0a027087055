"""Whether one column alone gives the target, which is a leak more often than good luck.

Both measures sort a sample of the rows once, so that they cost little on wide and on long tables.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pandas.api import types

from dlrun.data.targets import Y

N_ROWS: Final = 20_000  # evenly spaced, on which a column is measured
MIN_ROWS: Final = 20  # fewer fall in order by chance
ROWS_PER_VALUE: Final = 5  # at least, on average, where single values are looked at
MAX_UNEXPLAINED: Final = 0.02  # of the rows outside the largest class
MIN_CORRELATION: Final = 0.9995  # its square is .999
MAX_MISSING: Final = 0.1  # of the rows, for a correlation


def gives_class(values: pd.Series[Any], classes: Y) -> bool:
    """Return whether a column separates the classes, but for 2 % of what chance leaves open.

    Either each of its values, of which missing is one, has rows of one class; or the rows, sorted
    by the column, fall into one block for each class.

    Args:
        values: (rows,) typed cells that are no arrays.
        classes: (rows,) class codes.
    """
    if len(classes) < MIN_ROWS:
        return False
    values, classes = _sample(values, classes)
    n_open = len(classes) - int(np.bincount(classes).max())
    n_allowed = int(MAX_UNEXPLAINED * n_open)
    codes = pd.factorize(values, use_na_sentinel=False)[0]
    n_classes, n_values = len(np.unique(classes)), int(codes.max()) + 1
    if n_values < n_classes or n_classes == 1:
        return False
    if n_values <= max(n_classes, len(codes) / ROWS_PER_VALUE):
        counts = np.zeros((n_values, int(classes.max()) + 1), dtype=np.int64)
        np.add.at(counts, (codes, classes), 1)
        return int(len(codes) - counts.max(axis=1).sum()) <= n_allowed
    if not _is_ordered(values):
        return False
    ordered = classes[np.lexsort((classes, values))]
    n_changes = int(np.count_nonzero(np.diff(ordered)))
    return n_changes <= n_classes - 1 + 2 * n_allowed


def gives_number(values: pd.Series[Any], numbers: Y) -> bool:
    """Return whether a column follows the numbers: as a line, in its ranks, or value by value.

    Args:
        values: (rows,) typed cells that are no arrays.
        numbers: (rows,) of the target.
    """
    if len(numbers) < MIN_ROWS:
        return False
    values, numbers = _sample(values, numbers)
    present = values.notna().to_numpy()
    if _is_ordered(values):
        if present.sum() < max(3, (1 - MAX_MISSING) * len(present)):
            return False
        x, y = values[present].to_numpy().astype(np.float64), numbers[present]
        return _correlate(x, y) or _correlate(_ranks(x), _ranks(y))
    codes = pd.factorize(values, use_na_sentinel=False)[0]
    if int(codes.max()) + 1 > len(codes) / ROWS_PER_VALUE:
        return False
    means = np.bincount(codes, numbers) / np.bincount(codes)
    spread = float(np.var(numbers))
    return float(np.var(numbers - means[codes])) <= (1 - MIN_CORRELATION**2) * spread


def _sample(values: pd.Series[Any], y: Y) -> tuple[pd.Series[Any], Y]:
    if len(y) <= N_ROWS:
        return values, y
    rows = np.linspace(0, len(y) - 1, N_ROWS).astype(np.int64)
    return values.iloc[rows], y[rows]


def _is_ordered(values: pd.Series[Any]) -> bool:
    return types.is_numeric_dtype(values.dtype) or types.is_datetime64_dtype(values.dtype)


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the number of smaller distinct values of each."""
    return np.unique(values, return_inverse=True)[1].astype(np.float64)


def _correlate(first: NDArray[np.float64], second: NDArray[np.float64]) -> bool:
    if first.std() == 0 or second.std() == 0:
        return False
    return abs(float(np.corrcoef(first, second)[0, 1])) >= MIN_CORRELATION
