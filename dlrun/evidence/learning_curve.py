"""Learning curves: how the error falls with the training rows, and where one side overtakes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from dlrun.catalog.metrics import get_metric

if TYPE_CHECKING:
    import pandas as pd

    from dlrun.contract.candidate import Family

REACH: Final = 4  # times the rows at hand; beyond it a power law is a guess
EXPONENTS: Final = np.linspace(0.05, 2.0, 40)
GRID: Final = 400  # sizes at which two laws are compared
N_DRAWS: Final = 1000
FEWEST_SIZES: Final = 4  # for a law of three numbers
FEWEST_SPLITS: Final = 3  # for an interval

Errors = NDArray[np.float64]


@dataclass(frozen=True)
class PowerLaw:
    """A power law of the error, `floor + scale · n^-exponent`, of n training rows."""

    floor: float
    scale: float
    exponent: float


@dataclass(frozen=True)
class LearningCurve:
    """A candidate's test scores by its training rows.

    Attributes:
        sizes: (n,) training rows, rising.
        scores: (n,) means over the splits.
        spreads: (n,) standard deviations over the splits; NaN for a single one.
        law: of its error; None where there are too few sizes.
    """

    candidate: str
    family: Family
    sizes: tuple[int, ...]
    scores: tuple[float, ...]
    spreads: tuple[float, ...]
    law: PowerLaw | None


@dataclass(frozen=True)
class Crossover:
    """Where the better of two candidates changes.

    Attributes:
        sentence: what is known of it.
        n_rows: training rows from which `later` is ahead; None where that is not within reach.
        low: lower end of its 95 % bootstrap interval.
        high: upper end.
        later: the candidate that is ahead from there on.
    """

    sentence: str
    n_rows: float | None = None
    low: float | None = None
    high: float | None = None
    later: str | None = None


def learning_curves(
    measurements: pd.DataFrame, trials: pd.DataFrame, metric: str
) -> list[LearningCurve]:
    """Gather the curve of every candidate that was measured on parts of its training rows.

    Args:
        measurements: of a study, see `dlrun.contract.study.Study`.
        trials: of the study; they are the curves' last points.
        metric: the study's primary metric.
    """
    points = _points(measurements, trials, metric)
    families = trials.drop_duplicates("candidate").set_index("candidate")["family"]
    return [_curve(name, families[name], table, metric) for name, table in points.items()]


def crossover(
    deep: str, classic: str, measurements: pd.DataFrame, trials: pd.DataFrame, metric: str
) -> Crossover | None:
    """Find the training rows from which the other candidate is ahead; None without curves.

    A power law is fitted to the mean error of each candidate. The splits are resampled, both
    laws fitted anew, and the interval taken over all crossings; it is shown only where nearly
    every resample crosses within 4 × the rows at hand.
    """
    points = _points(measurements, trials, metric)
    if deep not in points or classic not in points:
        return None
    tables = [points[name].dropna() for name in (deep, classic)]
    common = tables[0].index.intersection(tables[1].index)
    first, second = (
        _errors(table.loc[common].to_numpy(), metric) for table in tables
    )  # (sizes, splits)
    sizes = common.to_numpy(dtype=np.float64)
    if len(sizes) < FEWEST_SIZES:
        return Crossover(f"Too few sizes were measured for a learning curve: {len(sizes)}.")
    reach = np.geomspace(sizes[0], REACH * sizes[-1], GRID)
    lead = _at(_fit(sizes, first.mean(axis=1)), reach) - _at(
        _fit(sizes, second.mean(axis=1)), reach
    )
    place = _crossing(lead[None], reach)[0]
    ahead = classic if lead[-1] > 0 else deep
    if np.isnan(place):
        return Crossover(
            f"{ahead} stays ahead: no crossover within reach of this data, from {sizes[0]:,.0f} to "
            f"{reach[-1]:,.0f} training rows ({REACH} × those at hand)."
        )
    return _with_interval(ahead, place, sizes, first, second, reach)


def _with_interval(
    ahead: str, place: float, sizes: Errors, first: Errors, second: Errors, reach: Errors
) -> Crossover:
    n_splits = first.shape[1]
    if n_splits < FEWEST_SPLITS:
        return Crossover(
            f"{ahead} seems to overtake at about {_rounded(place)} training rows, but how sure "
            f"that is takes {FEWEST_SPLITS} splits, and here are {n_splits}."
        )
    rng = np.random.default_rng(0)
    drawn = rng.integers(0, n_splits, (N_DRAWS, n_splits))
    leads = _at(_fit(sizes, first[:, drawn].mean(axis=2).T), reach) - _at(
        _fit(sizes, second[:, drawn].mean(axis=2).T), reach
    )
    crossings = _crossing(leads, reach)
    share = np.isnan(crossings).mean()
    if share > 0.05:  # noqa: PLR2004 - the ends of a 95 % interval would be out of reach
        return Crossover(
            f"No crossover within reach of this data is sure: {ahead} seems to overtake at about "
            f"{_rounded(place)} training rows, but in {100 * share:.0f} % of the resamples "
            "nobody does."
        )
    low, high = np.nanquantile(crossings, [0.025, 0.975])
    sentence = (
        f"{ahead} is ahead from about {_rounded(place)} training rows on "
        f"[{_rounded(low)}, {_rounded(high)}]."
    )
    return Crossover(sentence, float(place), float(low), float(high), ahead)


# ------------------------------------------------------------------------------------- points


def _points(
    measurements: pd.DataFrame, trials: pd.DataFrame, metric: str
) -> dict[str, pd.DataFrame]:
    """Return candidate → scores by training rows (index) and split (columns).

    Folds differ by a row or two: the sizes of the first split stand for all.
    """
    curve = measurements[measurements["aspect"] == "learning_curve"]
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
    known = table.dropna(how="all")
    means = known.mean(axis=1)
    sizes = known.index.to_numpy(dtype=np.float64)
    law = None
    if len(sizes) >= FEWEST_SIZES:
        fitted = _fit(sizes, _errors(means.to_numpy(), metric))
        law = PowerLaw(*(float(part[0]) for part in fitted))
    return LearningCurve(
        name, family, tuple(map(int, sizes)), tuple(means), tuple(known.std(axis=1)), law
    )


def _errors(scores: Any, metric: str) -> Errors:
    """Turn scores into errors that fall towards zero."""
    values: Errors = np.asarray(scores, dtype=np.float64)
    return values if get_metric(metric).lower_is_better else 1.0 - values


# ------------------------------------------------------------------------------------ the law


def _fit(sizes: Errors, errors: Errors) -> tuple[Errors, Errors, Errors]:
    """Fit `floor + scale · n^-exponent` by least squares of the relative errors.

    For each exponent of a grid the other two are linear and have a solution; neither may be
    negative.

    Args:
        sizes: (sizes,) training rows.
        errors: (sizes,) or (draws, sizes).

    Returns:
        floor, scale and exponent, (draws,) each.
    """
    errors = np.atleast_2d(errors)
    weights = 1.0 / np.maximum(np.abs(errors), 1e-12)
    powers = sizes[None] ** -EXPONENTS[:, None]
    best = [np.full(len(errors), np.inf), *(np.zeros(len(errors)) for _ in range(3))]
    for exponent, power in zip(EXPONENTS, powers, strict=True):
        floor, scale = _line(power, errors, weights)
        loss = (((floor[:, None] + scale[:, None] * power - errors) * weights) ** 2).sum(axis=1)
        is_better = loss < best[0]
        found = (loss, floor, scale, np.full(len(errors), exponent))
        best = [np.where(is_better, new, old) for new, old in zip(found, best, strict=True)]
    return best[1], best[2], best[3]


def _line(power: Errors, errors: Errors, weights: Errors) -> tuple[Errors, Errors]:
    """Solve for floor and scale by weighted least squares, neither below zero."""
    squared = weights**2
    total = squared.sum(axis=1)
    mean_power = (squared * power).sum(axis=1) / total
    mean_error = (squared * errors).sum(axis=1) / total
    centred = power - mean_power[:, None]
    scale = (squared * centred * errors).sum(axis=1) / (squared * centred**2).sum(axis=1)
    scale = np.maximum(scale, 0.0)
    floor = mean_error - scale * mean_power
    through_zero = (squared * power * errors).sum(axis=1) / (squared * power**2).sum(axis=1)
    return np.maximum(floor, 0.0), np.where(floor < 0, np.maximum(through_zero, 0.0), scale)


def _at(law: tuple[Errors, Errors, Errors], sizes: Errors) -> Errors:
    floor, scale, exponent = (part[:, None] for part in law)
    values: Errors = floor + scale * sizes[None] ** -exponent
    return values[0] if len(values) == 1 else values


def _crossing(leads: Errors, reach: Errors) -> Errors:
    """Return the last size at which a lead changes its sign, NaN where it never does."""
    changes = np.sign(leads[:, 1:]) != np.sign(leads[:, :-1])
    last = changes.shape[1] - 1 - changes[:, ::-1].argmax(axis=1)
    return np.where(changes.any(axis=1), reach[last + 1], np.nan)


def _rounded(rows: float) -> str:
    """Write a number of rows with two digits."""
    return f"{float(f'{rows:.1e}'):,.0f}"
