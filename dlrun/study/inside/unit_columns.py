"""The columns whose values are unusual in the rows that excite a unit."""

from __future__ import annotations

from math import nan
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dlrun.contract.units import UnitColumn

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from dlrun.contract.dataset import Column

MOST_COLUMNS: Final = 3
LARGE: Final = 1000  # from which a number is written without decimals
UNUSUAL: Final = 0.5  # standard deviations from the mean of all rows


def unusual_columns(
    columns: Sequence[Column],
    frame: pd.DataFrame,
    rows: NDArray[np.int64],
    weights: Mapping[str, float],
) -> tuple[UnitColumn, ...]:
    """Return the columns of single values in which some rows are unusual, the strangest first.

    Args:
        columns: of the dataset.
        frame: typed rows, all that were looked at.
        rows: positions of those that excite the unit.
        weights: column → gradient of the unit by its standardised numbers.
    """
    found = [
        _compare(column, frame[column.name], rows, weights.get(column.name, nan))
        for column in columns
        if column.type in ("number", "category", "datetime")
    ]
    unusual = [each for each in found if each and abs(each.distance) >= UNUSUAL]
    return tuple(sorted(unusual, key=lambda each: -abs(each.distance))[:MOST_COLUMNS])


def _compare(
    column: Column, values: pd.Series[Any], rows: NDArray[np.int64], weight: float
) -> UnitColumn | None:
    if column.type == "category":
        return _compare_shares(column.name, values.astype("str"), rows)
    numbers = _numbers(values)
    known = numbers[np.isfinite(numbers)]
    shown = numbers[rows][np.isfinite(numbers[rows])]
    if not len(shown) or not known.std() > 0:
        return None
    distance = float((shown.mean() - known.mean()) / known.std())
    low, high = np.percentile(known, [25, 75])
    is_date = column.type == "datetime"
    return UnitColumn(
        column.name,
        (("late" if is_date else "high") if distance > 0 else ("early" if is_date else "low")),
        _span(shown.min(), shown.max(), is_date=is_date),
        _span(low, high, is_date=is_date),
        distance,
        weight,
    )


def _compare_shares(
    name: str, values: pd.Series[str], rows: NDArray[np.int64]
) -> UnitColumn | None:
    """Compare the share of the category that is most over-represented among the rows."""
    all_shares = values.value_counts(normalize=True)
    shares = values.iloc[rows].value_counts(normalize=True)
    if shares.empty:
        return None
    usual = all_shares.loc[shares.index]
    spread = np.sqrt((usual * (1 - usual)).to_numpy())
    distances = np.divide(
        (shares - usual).to_numpy(), spread, out=np.zeros(len(shares)), where=spread > 0
    )
    best = int(distances.argmax())
    value = str(shares.index[best])
    return UnitColumn(
        name, value, f"{shares.iloc[best]:.0%}", f"{usual.iloc[best]:.0%}",
        float(distances[best]), nan,
    )  # fmt: skip


def _numbers(values: pd.Series[Any]) -> NDArray[np.float64]:
    if values.dtype.kind != "M":
        return values.to_numpy(dtype=np.float64)
    seconds = values.to_numpy().astype("datetime64[s]")
    numbers: NDArray[np.float64] = seconds.astype(np.float64)
    return np.where(np.isnat(seconds), np.nan, numbers)


def _span(low: float, high: float, *, is_date: bool) -> str:
    if is_date:
        ends = [str(np.datetime64(int(each), "s").astype("datetime64[D]")) for each in (low, high)]
    else:
        ends = [f"{each:,.0f}" if abs(each) >= LARGE else f"{each:.3g}" for each in (low, high)]
    return " – ".join(dict.fromkeys(ends))
