"""Learning curves: scores by training rows, their power laws, and where two of them cross."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from dlrun.catalog.metrics import get_metric

if TYPE_CHECKING:
    import pandas as pd

    from dlrun.contract.candidate import Family

EXTRAPOLATION: Final = 4  # times the largest size, up to which a power law is trusted
EXPONENTS: Final = np.linspace(0.05, 2.0, 40)
N_GRID: Final = 400  # sizes at which two laws are compared
N_RESAMPLES: Final = 1000
MIN_SIZES: Final = 4  # for a law of three parameters
MIN_SPLITS: Final = 3  # for an interval

Errors = NDArray[np.float64]


@dataclass(frozen=True)
class PowerLaw:
    """The error of n training rows, `asymptote + scale · n^-exponent`."""

    asymptote: float
    scale: float
    exponent: float


@dataclass(frozen=True)
class LearningCurve:
    """A candidate's test scores by its training rows.

    Attributes:
        sizes: (n,) training rows, ascending.
        scores: (n,) means over the splits.
        sds: (n,) standard deviations over the splits; NaN for a single one.
        law: fitted to its error; None with too few sizes.
    """

    candidate: str
    family: Family
    sizes: tuple[int, ...]
    scores: tuple[float, ...]
    sds: tuple[float, ...]
    law: PowerLaw | None


@dataclass(frozen=True)
class Crossover:
    """The number of training rows from which another of two candidates is better.

    Attributes:
        sentence: the result in words.
        n_rows: training rows from which `later` is better; None without a certain crossover.
        low: lower end of its 95 % bootstrap interval.
        high: upper end.
        later: the candidate that is better from there on.
    """

    sentence: str
    n_rows: float | None = None
    low: float | None = None
    high: float | None = None
    later: str | None = None


def learning_curves(
    probe_scores: pd.DataFrame, trials: pd.DataFrame, metric: str
) -> list[LearningCurve]:
    """Return the curve of every candidate that was trained on parts of its training rows.

    Args:
        probe_scores: of a study, see `dlrun.contract.study.Study`.
        trials: of the study; they are the curves' last points.
        metric: the study's primary metric.
    """
    points = _points(probe_scores, trials, metric)
    families = trials.drop_duplicates("candidate").set_index("candidate")["family"]
    return [_curve(name, families[name], table, metric) for name, table in points.items()]


def crossover(
    deep: str, classic: str, probe_scores: pd.DataFrame, trials: pd.DataFrame, metric: str
) -> Crossover | None:
    """Find the training rows from which the other candidate is better; None without curves.

    A power law is fitted to the mean error of each candidate, and again on bootstrap samples of
    the splits, whose crossings give the interval. It is given only where at least 95 % of the
    samples cross below 4 × the largest size.
    """
    points = _points(probe_scores, trials, metric)
    if deep not in points or classic not in points:
        return None
    tables = [points[name].dropna() for name in (deep, classic)]
    common = tables[0].index.intersection(tables[1].index)
    first, second = (
        _errors(table.loc[common].to_numpy(), metric) for table in tables
    )  # (sizes, splits)
    sizes = common.to_numpy(dtype=np.float64)
    if len(sizes) < MIN_SIZES:
        return Crossover(f"Too few sizes were measured for a learning curve: {len(sizes)}.")
    grid = np.geomspace(sizes[0], EXTRAPOLATION * sizes[-1], N_GRID)
    gap = _at(_fit(sizes, first.mean(axis=1)), grid) - _at(_fit(sizes, second.mean(axis=1)), grid)
    crossing = _crossing(gap[None], grid)[0]
    later = classic if gap[-1] > 0 else deep
    if np.isnan(crossing):
        return Crossover(
            f"{later} stays ahead: no crossover from {sizes[0]:,.0f} to {grid[-1]:,.0f} training "
            f"rows ({EXTRAPOLATION} × the largest size)."
        )
    return _with_interval(later, crossing, sizes, first, second, grid)


def _with_interval(
    later: str, crossing: float, sizes: Errors, first: Errors, second: Errors, grid: Errors
) -> Crossover:
    n_splits = first.shape[1]
    if n_splits < MIN_SPLITS:
        return Crossover(
            f"{later} seems to overtake at about {_rounded(crossing)} training rows; an interval "
            f"of that needs {MIN_SPLITS} splits, and there are {n_splits}."
        )
    drawn = np.random.default_rng(0).integers(0, n_splits, (N_RESAMPLES, n_splits))
    gaps = _at(_fit(sizes, first[:, drawn].mean(axis=2).T), grid) - _at(
        _fit(sizes, second[:, drawn].mean(axis=2).T), grid
    )
    crossings = _crossing(gaps, grid)
    share = np.isnan(crossings).mean()
    if share > 0.05:  # noqa: PLR2004 - the ends of a 95 % interval would be undefined
        return Crossover(
            f"The crossover is uncertain: {later} seems to overtake at about "
            f"{_rounded(crossing)} training rows, but {100 * share:.0f} % of the bootstrap samples "
            "have no crossover."
        )
    low, high = np.nanquantile(crossings, [0.025, 0.975])
    sentence = (
        f"{later} is ahead from about {_rounded(crossing)} training rows on "
        f"[{_rounded(low)}, {_rounded(high)}]."
    )
    return Crossover(sentence, float(crossing), float(low), float(high), later)


# ------------------------------------------------------------------------------------- points


def _points(
    probe_scores: pd.DataFrame, trials: pd.DataFrame, metric: str
) -> dict[str, pd.DataFrame]:
    """Return candidate → scores by training rows of the first split (index) and split (columns)."""
    curve = probe_scores[probe_scores["aspect"] == "learning_curve"]
    points = {}
    for name, own in curve.groupby("candidate", sort=False):
        table = own.pivot_table(index="level", columns="step", values="score", dropna=False)
        whole = trials[trials["candidate"] == name].set_index("step")[metric]
        table.loc[1.0] = whole.reindex(table.columns)
        sizes = own.groupby("level")["n_train"].first()
        largest = sizes.index.max()
        table.index = [*sizes, round(sizes[largest] / largest)]
        points[str(name)] = table
    return points


def _curve(name: str, family: Family, table: pd.DataFrame, metric: str) -> LearningCurve:
    defined = table.dropna(how="all")
    means = defined.mean(axis=1)
    sizes = defined.index.to_numpy(dtype=np.float64)
    law = None
    if len(sizes) >= MIN_SIZES:
        fitted = _fit(sizes, _errors(means.to_numpy(), metric))
        law = PowerLaw(*(float(part[0]) for part in fitted))
    return LearningCurve(
        name, family, tuple(map(int, sizes)), tuple(means), tuple(defined.std(axis=1)), law
    )


def _errors(scores: Any, metric: str) -> Errors:
    """Return scores as errors that decrease towards zero."""
    values: Errors = np.asarray(scores, dtype=np.float64)
    return values if get_metric(metric).lower_is_better else 1.0 - values


# ------------------------------------------------------------------------------------ the law


def _fit(sizes: Errors, errors: Errors) -> tuple[Errors, Errors, Errors]:
    """Fit `asymptote + scale · n^-exponent` by least squares of the relative errors.

    For each exponent of a grid the other two, neither below zero, have a closed form.

    Args:
        sizes: (sizes,) training rows.
        errors: (sizes,) or (samples, sizes).

    Returns:
        asymptote, scale and exponent, (samples,) each.
    """
    errors = np.atleast_2d(errors)
    weights = 1.0 / np.maximum(np.abs(errors), 1e-12)
    powers = sizes[None] ** -EXPONENTS[:, None]
    best = [np.full(len(errors), np.inf), *(np.zeros(len(errors)) for _ in range(3))]
    for exponent, power in zip(EXPONENTS, powers, strict=True):
        asymptote, scale = _line(power, errors, weights)
        loss = (((asymptote[:, None] + scale[:, None] * power - errors) * weights) ** 2).sum(axis=1)
        is_better = loss < best[0]
        found = (loss, asymptote, scale, np.full(len(errors), exponent))
        best = [np.where(is_better, new, old) for new, old in zip(found, best, strict=True)]
    return best[1], best[2], best[3]


def _line(power: Errors, errors: Errors, weights: Errors) -> tuple[Errors, Errors]:
    """Solve for asymptote and scale by weighted least squares, neither below zero."""
    squared = weights**2
    total = squared.sum(axis=1)
    mean_power = (squared * power).sum(axis=1) / total
    mean_error = (squared * errors).sum(axis=1) / total
    centred = power - mean_power[:, None]
    scale = (squared * centred * errors).sum(axis=1) / (squared * centred**2).sum(axis=1)
    scale = np.maximum(scale, 0.0)
    asymptote = mean_error - scale * mean_power
    through_zero = (squared * power * errors).sum(axis=1) / (squared * power**2).sum(axis=1)
    return np.maximum(asymptote, 0.0), np.where(asymptote < 0, np.maximum(through_zero, 0.0), scale)


def _at(law: tuple[Errors, Errors, Errors], sizes: Errors) -> Errors:
    asymptote, scale, exponent = (part[:, None] for part in law)
    values: Errors = asymptote + scale * sizes[None] ** -exponent
    return values[0] if len(values) == 1 else values


def _crossing(gaps: Errors, grid: Errors) -> Errors:
    """Return the last size at which a gap changes its sign, (samples,); NaN where none does."""
    changes = np.sign(gaps[:, 1:]) != np.sign(gaps[:, :-1])
    last = changes.shape[1] - 1 - changes[:, ::-1].argmax(axis=1)
    return np.where(changes.any(axis=1), grid[last + 1], np.nan)


def _rounded(rows: float) -> str:
    """Format a number of rows with two significant digits."""
    return f"{float(f'{rows:.1e}'):,.0f}"
