"""The plan of a search: what is searched, how settings are scored, and when it ends."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan
from typing import Final

from dlrun.contract.search import SearchTrial
from dlrun.study.search.inner import InnerFolds
from dlrun.study.search.sampler import MOST_TRIALS, Space

SLACK: Final = 1.05  # of a budget: a fit that is expected to end within is begun
MOST_FAILURES: Final = 5  # from the first trial on, after which no success is expected


@dataclass(frozen=True)
class SearchPlan:
    """How the settings of one candidate are searched, on every split alike.

    Attributes:
        space: key of `Candidate.settings` → its values.
        sampler: its name in the recipe.
        n_trials: None: as many as the seconds allow.
        seconds: of fitting, the default's included; None: as many as the trials take.
        inner: what settings are scored on; None: the validation rows.
    """

    space: Space
    sampler: str
    n_trials: int | None
    seconds: float | None = None
    inner: InnerFolds | None = None

    @property
    def digest(self) -> str:
        """Return what distinguishes its results from those of other plans, hex."""
        return hashlib.sha256(repr(self).encode()).hexdigest()[:16]

    def goes_on(self, trials: Sequence[SearchTrial]) -> bool:
        """Return whether another trial is begun.

        It is expected to take the mean of the others, but for the first, in which libraries are
        imported. One that would end after the budget is begun only where that is by little: so the
        seconds of candidates whose fits are short differ little, from each other and from the
        budget.
        """
        if len(trials) >= (self.n_trials or MOST_TRIALS):
            return False
        if len(trials) >= MOST_FAILURES and all(isnan(each.score) for each in trials):
            return False
        if self.seconds is None:
            return True
        spent, later = _seconds(trials), trials[1:]
        if not later:
            return spent < self.seconds
        return spent + _seconds(later) / len(later) <= SLACK * self.seconds

    def seconds_left(self, trials: Sequence[SearchTrial]) -> float | None:
        """Return what is left of the budget of seconds, if there is one."""
        return None if self.seconds is None else max(0.0, self.seconds - _seconds(trials))


def _seconds(trials: Sequence[SearchTrial]) -> float:
    return sum(each.seconds or 0.0 for each in trials)
