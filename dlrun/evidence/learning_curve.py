"""Learning curves: scores by training rows, their power laws, and where two of them cross.

`find_crossover` works on arrays of errors alone, so that a simulation can call it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from dlrun.catalog.metrics import get_metric
from dlrun.evidence.formatting import small
from dlrun.evidence.power_law import Errors, PowerLaw, errors_at, fit_power_law

if TYPE_CHECKING:
    import pandas as pd

    from dlrun.contract.candidate import Family
    from dlrun.contract.study import Study

EXTRAPOLATION: Final = 4  # times the largest size, up to which a power law is trusted
N_GRID: Final = 400  # sizes at which two laws are compared
N_SAMPLES: Final = 1000
MIN_SIZES: Final = 4  # for a law of three parameters
MIN_SPLITS: Final = 3  # for an interval
CROSSOVER_SHARE: Final = 0.9  # of the samples, for a claim
SUSPECTED_SHARE: Final = 0.7  # for a word about it
LEAD_SHARE: Final = 0.95
INTERVAL: Final = (0.005, 0.995)


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
        low: lower end of its 95 % interval.
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
    deep: str, classic: str, study: Study, probe_scores: pd.DataFrame
) -> Crossover | None:
    """Find the training rows from which the other candidate is better; None without curves.

    Args:
        deep: a candidate of the study.
        classic: another one.
        study: their scores on all training rows are the curves' last points.
        probe_scores: of the study.
    """
    metric = study.metrics[0]
    points = _points(probe_scores, study.trials, metric)
    if deep not in points or classic not in points:
        return None
    tables = [points[name].dropna() for name in (deep, classic)]
    common = tables[0].index.intersection(tables[1].index)
    if len(common) < MIN_SIZES:
        return Crossover(f"Too few sizes were measured for a learning curve: {len(common)}.")
    last = [float(table.loc[common[-1]].mean()) for table in tables]
    rope = study.rope
    if rope is None:
        row = get_metric(metric)
        rope = row.automatic_rope(row.sign * max(row.sign * score for score in last))
    return find_crossover(
        (deep, classic),
        common.to_numpy(dtype=np.float64),
        _errors(tables[0].loc[common].to_numpy(), metric),
        _errors(tables[1].loc[common].to_numpy(), metric),
        rope=rope,
        test_share=study.n_test_rows / (study.n_test_rows + float(common[-1])),
    )


def find_crossover(
    names: tuple[str, str],
    sizes: Errors,
    first: Errors,
    second: Errors,
    *,
    rope: float,
    test_share: float,
) -> Crossover:
    """Find the training rows from which one of two candidates is better, where there are some.

    A power law is fitted to the mean errors of each candidate, and again to samples of these means.
    Folds share training rows, so that the samples spread by 1 / splits + share / (1 - share) of the
    variance between splits (Nadeau & Bengio, 2003, "Inference for the generalization error"), and
    Student's t widens them, since that variance is itself an estimate.

    A crossover is claimed where at least 90 % of the samples have one with a lead beyond the ROPE
    on both sides of it, up to 4 × the largest size. Its interval contains 99 % of the samples: as
    crossovers are claimed by lucky studies sooner than by others, it covers the true one in about
    95 % of those. Likewise, that a candidate stays ahead is claimed where it leads at every size in
    95 % of the samples, and beyond the ROPE at the largest that was measured. The simulation of
    identical curves, and of others that cross, is in the tests.

    Args:
        names: of the candidates.
        sizes: (sizes,) training rows, ascending, at least four.
        first: (sizes, splits) errors of the first candidate; lower is better.
        second: (sizes, splits) errors of the second one on the same splits.
        rope: half width of the region of practical equivalence, in the unit of the errors.
        test_share: test rows ÷ (training + test rows) at the largest size.
    """
    grid = np.geomspace(sizes[0], EXTRAPOLATION * sizes[-1], N_GRID)
    curves = np.stack([first, second])
    mean = _gaps(sizes, curves.mean(axis=2)[None], grid)[0]
    n_splits = first.shape[1]
    if n_splits < MIN_SPLITS:
        return Crossover(_without_interval(names, mean, sizes, grid, n_splits))
    means = _sample_means(curves, test_share)
    found = _Gaps(names, sizes, grid, mean, _gaps(sizes, means, grid), rope)
    return found.crossover() or Crossover(found.lead() or found.doubt())


@dataclass(frozen=True)
class _Gaps:
    """By how much the second candidate is better, by the training rows.

    Attributes:
        sizes: (sizes,) that were measured.
        grid: (rows,) sizes at which the laws are compared.
        mean: (rows,) of the mean errors.
        samples: (samples, rows) of sampled means.
    """

    names: tuple[str, str]
    sizes: Errors
    grid: Errors
    mean: Errors
    samples: Errors
    rope: float

    @cached_property
    def sign(self) -> float:
        """Return 1 where the second candidate is better in the end, by the means; else -1."""
        return 1.0 if self.mean[-1] > 0 else -1.0

    @property
    def later(self) -> str:
        """Return the candidate that is better in the end, by the means."""
        return self.names[int(self.sign > 0)]

    @cached_property
    def crossings(self) -> NDArray[np.int64]:
        """Return the position behind the last crossing of each sample; 0: it has none."""
        return _crossing(self.samples)

    @cached_property
    def clear_share(self) -> float:
        """Return the share of samples with a lead beyond the ROPE on both sides of a crossing."""
        samples = self.sign * self.samples
        is_before = np.arange(len(self.grid)) < self.crossings[:, None]
        lead_before = np.where(is_before, -samples, -np.inf).max(axis=1)
        lead_after = np.where(is_before, -np.inf, samples).max(axis=1)
        is_clear = np.minimum(lead_before, lead_after) >= self.rope
        return float((is_clear & (self.crossings > 0)).mean())

    def crossover(self) -> Crossover | None:
        """Return the crossover where it can be claimed."""
        at = int(_crossing(self.mean[None])[0])
        if at == 0 or self.clear_share < CROSSOVER_SHARE:
            return None
        never = np.where(self.sign * self.samples[:, -1] > 0, 0, len(self.grid) - 1)
        ends = self.grid[np.where(self.crossings > 0, self.crossings, never)]
        low, high = np.quantile(ends, INTERVAL, method="nearest")
        rows = float(self.grid[at])
        sentence = (
            f"{self.later} is ahead from about {_rounded(rows)} training rows on "
            f"[{_rounded(low)}, {_rounded(high)}]."
        )
        return Crossover(sentence, rows, float(low), float(high), self.later)

    def lead(self) -> str | None:
        """Return in words where one candidate is ahead, if that can be claimed."""
        last = int(np.searchsorted(self.grid, self.sizes[-1]))
        sign = 1.0 if self.mean[last] > 0 else -1.0
        ahead, samples = self.names[int(sign > 0)], sign * self.samples
        is_clear = samples[:, last] >= self.rope
        if (is_clear & (samples > 0).all(axis=1)).mean() >= LEAD_SHARE:
            return _stays_ahead(ahead, self.sizes) + "."
        if (is_clear & (samples[:, : last + 1] > 0).all(axis=1)).mean() >= LEAD_SHARE:
            return (
                f"{ahead} is ahead {self._measured}; whether another overtakes with more is "
                "uncertain."
            )
        return None

    def doubt(self) -> str:
        """Return in words why nothing is claimed."""
        at = int(_crossing(self.mean[None])[0])
        if at and self.clear_share >= SUSPECTED_SHARE:
            return (
                f"The crossover is uncertain: {self.later} seems to overtake at about "
                f"{_rounded(self.grid[at])} training rows, but only {100 * self.clear_share:.0f} % "
                f"of the samples have a lead beyond {small(self.rope)} on both sides of it."
            )
        return (
            f"Neither a crossover nor a lasting lead of more than {small(self.rope)} is certain "
            f"{self._measured}."
        )

    @property
    def _measured(self) -> str:
        return f"from {self.sizes[0]:,.0f} to {self.sizes[-1]:,.0f} training rows"


def _without_interval(
    names: tuple[str, str], gap: Errors, sizes: Errors, grid: Errors, n_splits: int
) -> str:
    """Return what the means alone show, in words."""
    at, later = int(_crossing(gap[None])[0]), names[int(gap[-1] > 0)]
    result = (
        f"{later} seems to overtake at about {_rounded(grid[at])} training rows"
        if at
        else _stays_ahead(later, sizes, "seems to stay")
    )
    return f"{result}; how certain that is takes {MIN_SPLITS} splits, and there are {n_splits}."


def _stays_ahead(name: str, sizes: Errors, stays: str = "stays") -> str:
    reach = f"{sizes[0]:,.0f} to {EXTRAPOLATION * sizes[-1]:,.0f} training rows"
    return f"{name} {stays} ahead: no crossover from {reach} ({EXTRAPOLATION} × the largest size)"


def _sample_means(curves: Errors, test_share: float) -> Errors:
    """Draw mean errors, (samples, 2, sizes), from their multivariate t distribution.

    Args:
        curves: (2, sizes, splits).
        test_share: as in `find_crossover`.
    """
    n_splits = curves.shape[2]
    rng = np.random.default_rng(0)
    spread = (1 / n_splits + test_share / (1 - test_share)) / rng.chisquare(n_splits - 1, N_SAMPLES)
    drawn = rng.normal(size=(N_SAMPLES, n_splits)) * np.sqrt(spread)[:, None]
    mean = curves.mean(axis=2)
    means: Errors = mean + np.einsum("rk,csk->rcs", drawn, curves - mean[..., None])
    return means


def _gaps(sizes: Errors, means: Errors, grid: Errors) -> Errors:
    """Fit both laws to mean errors, (samples, 2, sizes), and return their gaps on the grid."""
    first, second = (errors_at(fit_power_law(sizes, means[:, each]), grid) for each in (0, 1))
    gaps: Errors = first - second
    return gaps


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
        fitted = fit_power_law(sizes, _errors(means.to_numpy(), metric)[None])
        law = PowerLaw(*(float(part[0]) for part in fitted))
    return LearningCurve(
        name, family, tuple(map(int, sizes)), tuple(means), tuple(defined.std(axis=1)), law
    )


def _errors(scores: Any, metric: str) -> Errors:
    """Return scores as errors that decrease towards zero."""
    values: Errors = np.asarray(scores, dtype=np.float64)
    return values if get_metric(metric).lower_is_better else 1.0 - values


def _crossing(gaps: Errors) -> NDArray[np.int64]:
    """Return the position behind the last change of sign in each row; 0 where there is none."""
    changes = np.sign(gaps[:, 1:]) != np.sign(gaps[:, :-1])
    last = changes.shape[1] - changes[:, ::-1].argmax(axis=1)
    return np.where(changes.any(axis=1), last, 0)


def _rounded(rows: float) -> str:
    """Format a number of rows with two significant digits."""
    return f"{float(f'{rows:.1e}'):,.0f}"
