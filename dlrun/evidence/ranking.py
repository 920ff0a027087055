"""Mean ranks of candidates over data sets, and how far apart they must be to differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import inf, sqrt
from typing import TYPE_CHECKING, Final

import numpy as np
from scipy.special import fdtrc

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Numbers = NDArray[np.float64]

LEVEL: Final = 0.05


@dataclass(frozen=True)
class Ranking:
    """The mean ranks of candidates over data sets (Demšar 2006).

    Demšar, 2006, "Statistical comparisons of classifiers over multiple data sets".

    Attributes:
        ranks: candidate → mean rank, the best first; 1 is the best on every data set.
        n: data sets.
        chi2: Friedman's statistic.
        p_value: of no difference, by the F statistic of Iman & Davenport (1980).
        critical_difference: of two mean ranks at the 5 % level, by the Nemenyi test.
    """

    ranks: Mapping[str, float]
    n: int
    chi2: float
    p_value: float
    critical_difference: float

    @property
    def groups(self) -> tuple[tuple[str, ...], ...]:
        """Return the largest groups of candidates that the tests do not tell apart, best first.

        The Nemenyi test follows a Friedman test that finds a difference; where it finds none, all
        candidates are one group.
        """
        names = list(self.ranks)
        if self.p_value >= LEVEL:
            return (tuple(names),)
        found: list[tuple[str, ...]] = []
        for start, first in enumerate(names):
            near = [
                name
                for name in names[start:]
                if self.ranks[name] - self.ranks[first] < self.critical_difference
            ]
            if len(near) > 1 and not any(set(near) <= set(each) for each in found):
                found.append(tuple(near))
        return tuple(found)


def rank_candidates(names: Sequence[str], scores: Numbers) -> Ranking:
    """Rank candidates on every data set, and test whether their mean ranks differ.

    Args:
        names: of the candidates, at least two.
        scores: (data sets, candidates), higher is better; equal scores share their ranks.
    """
    from scipy.stats import rankdata

    n, k = scores.shape
    means = rankdata(-scores, axis=1).mean(axis=0)
    chi2 = 12 * n / (k * (k + 1)) * float(np.sum(means**2) - k * (k + 1) ** 2 / 4)
    return Ranking(
        ranks={names[place]: float(means[place]) for place in np.argsort(means, kind="stable")},
        n=n,
        chi2=chi2,
        p_value=_p_value(chi2, n, k),
        critical_difference=critical_difference(n, k),
    )


def critical_difference(n: int, k: int) -> float:
    """Return by how much two of k mean ranks over n data sets differ at the 5 % level (Nemenyi)."""
    from scipy.stats import studentized_range

    quantile = float(studentized_range.ppf(1 - LEVEL, k, inf)) / sqrt(2)
    return quantile * sqrt(k * (k + 1) / (6 * n))


def _p_value(chi2: float, n: int, k: int) -> float:
    room = n * (k - 1) - chi2
    if room <= 0:  # every data set has the same order
        return 0.0
    return float(fdtrc(k - 1, (k - 1) * (n - 1), max(0.0, (n - 1) * chi2 / room)))
