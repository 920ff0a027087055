"""The distribution of each column, by class or against a target that is a number."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import pandas as pd

from dlrun.contract.dataset import Column, Dataset
from dlrun.contract.excerpt import Distribution, Quartiles
from dlrun.data.targets import target_kind
from dlrun.data.targets.classification import sort_labels
from dlrun.data.types import column_module

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Indicators = NDArray[np.float64]

MOST_ROWS: Final = 50_000  # evenly spaced ones of a larger table
MOST_COLUMNS: Final = 200  # that are looked at, the first ones
MOST_KEPT: Final = 24
N_BINS: Final = 24
N_QUANTILE_BINS: Final = 12
MOST_CATEGORIES: Final = 11  # beside "other"
MOST_LABELS: Final = 10
TAIL: Final = 0.005  # share of the rows at each end that the outermost bins take in
OTHER: Final = "other values"


@dataclass(frozen=True)
class _Bins:
    """The bin of each row, -1 where the value is missing."""

    codes: NDArray[np.int64]
    edges: tuple[float, ...] = ()
    names: tuple[str, ...] = ()
    is_date: bool = False

    @property
    def n(self) -> int:
        return len(self.names) or len(self.edges) - 1


def measure_columns(dataset: Dataset) -> tuple[int, list[Distribution]]:
    """Return how many rows were looked at, and the columns that say most of the target.

    Of columns that are no scalars some measures are taken, such as the words of a text. Of many
    classes the most frequent ones count.
    """
    part = _evenly(dataset)
    codes = _frequent(part)
    indicators = target_kind(part.target.task).indicators(part.y, codes)
    labels = tuple(part.target.labels[code] for code in codes)
    found = [
        _distribution(column, measure, values, labels, indicators)
        for column in part.columns[:MOST_COLUMNS]
        for measure, values in column_module(column.type).measures(column, part.frame[column.name])
    ]
    known = [each for each in found if each.missing < 1 and any(map(any, each.counts))]
    ranked = sorted(known, key=lambda each: -each.strength)
    return len(part), ranked[:MOST_KEPT]


def measure_target(dataset: Dataset) -> Distribution | None:
    """Return the distribution of a target that is a number, None of classes."""
    if dataset.target.labels:
        return None
    y = dataset.y[_places(len(dataset))]
    bins = _number_bins(y, y, by_quantiles=False)
    counts = (tuple(np.bincount(bins.codes, minlength=bins.n).tolist()),)
    return Distribution(
        dataset.target.name, "", 0.0, 0.0, bins.edges, bins.is_date, (), ("",), counts, ()
    )


def _evenly(dataset: Dataset) -> Dataset:
    return dataset if len(dataset) <= MOST_ROWS else dataset.take(_places(len(dataset)))


def _places(n: int) -> NDArray[np.int64]:
    """Return evenly spaced rows, all where they are few."""
    return np.arange(n) if n <= MOST_ROWS else np.linspace(0, n - 1, MOST_ROWS).astype(np.int64)


def _frequent(dataset: Dataset) -> list[int]:
    """Return the codes of the most frequent classes or labels, in their order."""
    if not dataset.target.labels:
        return []
    rows = target_kind(dataset.target.task).describe(dataset.y, dataset.target)
    ranked = np.argsort(-np.array([*rows.values()]), kind="stable")
    return sorted(ranked[:MOST_LABELS].tolist())


def _distribution(
    column: Column, measure: str, values: Any, labels: tuple[str, ...], indicators: Indicators
) -> Distribution:
    bins = _bin(values, by_quantiles=not labels)
    known = bins.codes >= 0
    empty = Distribution(
        column.name, measure, float(1 - known.mean()), _strength(bins, indicators), bins.edges,
        bins.is_date, bins.names, ("",), (), (),
    )  # fmt: skip
    if labels:
        counts = tuple(_counts(bins, column) for column in indicators.T)
        return replace(empty, labels=labels, counts=counts)
    every = np.ones(len(indicators))
    return replace(
        empty,
        counts=(_counts(bins, every),),
        quartiles=tuple(_quartiles(indicators[bins.codes == k, 0]) for k in range(bins.n)),
    )


def _quartiles(numbers: NDArray[np.float64]) -> Quartiles | None:
    if not len(numbers):
        return None
    low, middle, high = np.quantile(numbers, [0.25, 0.5, 0.75]).tolist()
    return low, middle, high


def _counts(bins: _Bins, weight: NDArray[np.float64]) -> tuple[int, ...]:
    known = bins.codes >= 0
    sums = np.bincount(bins.codes[known], weight[known], minlength=bins.n)
    return tuple(sums.astype(int).tolist())


def _strength(bins: _Bins, indicators: Indicators) -> float:
    """Return the share of variance between the bins, less that of chance (Kelley 1935)."""
    codes = bins.codes + 1  # missing values are a bin, too
    sizes = np.bincount(codes, minlength=bins.n + 1)
    n, n_bins = len(codes), int(np.sum(sizes > 0))
    deviations = indicators - indicators.mean(axis=0)
    total = float(np.sum(deviations**2))
    if total == 0 or n <= n_bins:
        return 0.0
    between = 0.0
    for values in deviations.T:
        sums = np.bincount(codes, values, minlength=bins.n + 1)
        between += float(np.sum(sums**2 / np.maximum(sizes, 1)))
    return max(0.0, 1 - (1 - between / total) * (n - 1) / (n - n_bins))


# --------------------------------------------------------------------------------------- bins


def _bin(values: Any, *, by_quantiles: bool) -> _Bins:
    if isinstance(values, pd.Categorical):
        return _category_bins(values)
    if values.dtype.kind == "M":
        seconds = values.astype("datetime64[s]").astype(np.float64)
        seconds[np.isnat(values)] = np.nan
        known = seconds[~np.isnan(seconds)]
        return replace(_number_bins(seconds, known, by_quantiles=by_quantiles), is_date=True)
    return _number_bins(values, values[~np.isnan(values)], by_quantiles=by_quantiles)


def _category_bins(values: pd.Categorical) -> _Bins:
    """Take the most frequent categories, and all others as one."""
    codes = np.asarray(values.codes, dtype=np.int64)
    counts = np.bincount(codes[codes >= 0], minlength=len(values.categories))
    kept = np.argsort(-counts, kind="stable")[:MOST_CATEGORIES]
    texts = [str(name) for name in values.categories]
    order = {name: place for place, name in enumerate(sort_labels(texts[k] for k in kept))}
    kept = np.array(sorted(kept[counts[kept] > 0], key=lambda k: order[texts[k]]), dtype=np.int64)
    names = [texts[k] for k in kept]
    places = np.full(len(counts) + 1, len(kept), dtype=np.int64)
    places[kept], places[-1] = np.arange(len(kept)), -1
    if np.sum(counts > 0) > len(kept):
        names.append(OTHER)
    return _Bins(places[codes], names=tuple(names))


def _number_bins(
    values: NDArray[np.float64], known: NDArray[np.float64], *, by_quantiles: bool
) -> _Bins:
    """Cut numbers at whole numbers where there are few, at quantiles, or evenly."""
    if not len(known):
        return _Bins(np.full(len(values), -1), edges=(0.0, 1.0))
    edges = _edges(known, by_quantiles=by_quantiles)
    codes = np.clip(np.searchsorted(edges, values, side="right") - 1, 0, len(edges) - 2)
    return _Bins(np.where(np.isnan(values), -1, codes), edges=tuple(edges.tolist()))


def _edges(known: NDArray[np.float64], *, by_quantiles: bool) -> NDArray[np.float64]:
    low, high = float(known.min()), float(known.max())
    is_wide = high - low >= N_BINS
    if bool(np.all(known % 1 == 0)) and not (is_wide and by_quantiles):
        if is_wide:
            low, high = np.rint(np.quantile(known, [TAIL, 1 - TAIL])).tolist()
        step = max(1, ceil((high - low + 1) / N_BINS))  # each bin has as many whole numbers
        return np.arange(low - 0.5, high + step, step, dtype=np.float64)
    edges: NDArray[np.float64]
    distinct = np.unique(known)
    if by_quantiles and 1 < len(distinct) <= N_QUANTILE_BINS:
        return _between(distinct)
    if by_quantiles:
        edges = np.unique(np.quantile(known, np.linspace(TAIL, 1 - TAIL, N_QUANTILE_BINS + 1)))
    else:
        ends = np.quantile(known, [TAIL, 1 - TAIL])
        edges = np.linspace(ends[0], ends[1], N_BINS + 1)
    if edges[0] == edges[-1]:
        reach = abs(edges[0]) * 0.01 or 1.0
        return np.array([edges[0] - reach, edges[0] + reach])
    return edges


def _between(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return edges half way between ascending values, and as far beyond the first and the last."""
    middles = (values[1:] + values[:-1]) / 2
    first, last = 2 * values[0] - middles[0], 2 * values[-1] - middles[-1]
    return np.concatenate([[first], middles, [last]])
