"""Permutation importance of the columns, and its rank correlation between two candidates."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import nan
from typing import TYPE_CHECKING, Final

import numpy as np

from dlrun.catalog.metrics import get_metric

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from dlrun.contract.candidate import Family

CUMULATIVE_SHARE: Final = 0.95  # of the sum of all drops
N_TOP: Final = 5


@dataclass(frozen=True)
class Importance:
    """How much worse a candidate's score is with each column permuted (Breiman 2001).

    Attributes:
        names: columns, or parts of an image, sound or series; the most important first.
        drops: by how much the primary metric is worse, in its unit, mean over splits.
        sds: standard deviations over the splits; NaN for a single one.
        stability: mean Kendall tau between the rankings of two splits; NaN for a single one.
        n_needed: number of columns that make up 95 % of all drops.
    """

    candidate: str
    family: Family
    names: tuple[str, ...]
    drops: tuple[float, ...]
    sds: tuple[float, ...]
    stability: float
    n_needed: int


@dataclass(frozen=True)
class Agreement:
    """The agreement of two candidates' rankings of the columns.

    Attributes:
        tau: Kendall's rank correlation of their drops, from -1 to 1.
        n_shared: columns among the first `top` of both.
    """

    tau: float
    n_shared: int
    top: int


def importances(probe_scores: pd.DataFrame, trials: pd.DataFrame, metric: str) -> list[Importance]:
    """Return the importance of the columns for every candidate for which it was measured."""
    measured = probe_scores[probe_scores["aspect"] == "importance"]
    return [
        _importance(str(name), own, trials[trials["candidate"] == name], metric)
        for name, own in measured.groupby("candidate", sort=False)
    ]


def agree(first: Importance, second: Importance) -> Agreement:
    """Compare two candidates' rankings of the same columns."""
    order = list(first.names)
    other = dict(zip(second.names, second.drops, strict=True))
    top = min(N_TOP, max(1, len(order) // 2))
    shared = set(first.names[:top]) & set(second.names[:top])
    tau = _tau(np.array(first.drops), np.array([other[name] for name in order]))
    return Agreement(tau, len(shared), top)


def _importance(name: str, measured: pd.DataFrame, trials: pd.DataFrame, metric: str) -> Importance:
    sign = get_metric(metric).sign
    scores = measured.pivot_table(index="name", columns="step", values="score", sort=False)
    plain = trials.set_index("step")[metric].reindex(scores.columns)
    drops = -sign * (scores - plain)
    drops = drops.loc[drops.mean(axis=1).sort_values(ascending=False, kind="stable").index]
    means = drops.mean(axis=1)
    return Importance(
        candidate=name,
        family=trials["family"].iloc[0],
        names=tuple(map(str, drops.index)),
        drops=tuple(means),
        sds=tuple(drops.std(axis=1)),
        stability=_stability(drops.to_numpy()),
        n_needed=_n_needed(means.to_numpy()),
    )


def _stability(drops: NDArray[np.float64]) -> float:
    taus = [_tau(first, second) for first, second in combinations(drops.T, 2)]
    return float(np.mean(taus)) if taus else nan


def _n_needed(means: NDArray[np.float64]) -> int:
    worth = np.clip(means, 0.0, None)
    if not worth.sum():
        return 0
    return int(np.searchsorted(np.cumsum(worth), CUMULATIVE_SHARE * worth.sum() * (1 - 1e-9)) + 1)


def _tau(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    from scipy.stats import kendalltau

    if len(first) < 2:  # noqa: PLR2004 - there is no order of one
        return nan
    return float(kendalltau(first, second).statistic)
