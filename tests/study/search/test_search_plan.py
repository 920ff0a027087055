"""When a search ends: trials, seconds, failures."""

from __future__ import annotations

from dataclasses import replace
from math import nan

import numpy as np
import pytest

from dlrun.contract.search import Dimension, SearchTrial
from dlrun.study.search.plan import SearchPlan

PLAN = SearchPlan({"C": Dimension(log=(0.1, 10.0))}, "tpe", 5)


def trials(n: int, *, score: float = 0.5, seconds: float = 1.0) -> list[SearchTrial]:
    return [SearchTrial(number + 1, {}, score, seconds) for number in range(n)]


def test_a_number_of_trials_includes_the_default() -> None:
    assert PLAN.goes_on(trials(4))
    assert not PLAN.goes_on(trials(5))
    assert PLAN.seconds_left(trials(4)) is None


def test_seconds_end_where_the_next_fit_would_end_after_them() -> None:
    plan = replace(PLAN, n_trials=None, seconds=10.0)
    assert plan.goes_on(trials(9))
    assert not plan.goes_on(trials(10))
    assert plan.goes_on(trials(2, seconds=3.5))  # 10.5 s: longer by little
    assert not plan.goes_on(trials(2, seconds=3.6))
    assert plan.seconds_left(trials(3)) == 7
    assert plan.seconds_left(trials(12)) == 0


def test_the_seconds_of_the_first_fit_are_not_expected_of_others() -> None:
    """It imports libraries."""
    plan = replace(PLAN, n_trials=None, seconds=10.0)
    first = trials(1, seconds=9.0)
    assert plan.goes_on(first)
    assert plan.goes_on([*first, *trials(1, seconds=0.5)])
    assert not plan.goes_on([*first, *trials(3, seconds=0.5)])
    assert not plan.goes_on(trials(1, seconds=10.0))


def test_whatever_ends_first_ends_a_search() -> None:
    both = replace(PLAN, seconds=3.0)
    assert not both.goes_on(trials(3))
    assert not both.goes_on(trials(5, seconds=0.1))


@pytest.mark.parametrize("seconds", [0.3, 0.45])
def test_seconds_are_spent_within_ten_percent_whatever_a_fit_takes(seconds: float) -> None:
    plan, rng = replace(PLAN, n_trials=None, seconds=6.0), np.random.default_rng(0)
    spent = trials(1, seconds=seconds)
    while plan.goes_on(spent):
        spent += trials(1, seconds=seconds * rng.uniform(0.5, 1.5))
    assert sum(each.seconds or 0 for each in spent) == pytest.approx(6, rel=0.1)


def test_fits_that_take_no_time_end_at_some_number() -> None:
    assert not replace(PLAN, n_trials=None, seconds=60.0).goes_on(trials(500, seconds=0.0))


def test_a_candidate_that_always_fails_is_given_up() -> None:
    plan = replace(PLAN, n_trials=30)
    assert plan.goes_on(trials(4, score=nan))
    assert not plan.goes_on(trials(5, score=nan))
    assert plan.goes_on([*trials(1), *trials(20, score=nan)])


def test_the_digest_distinguishes_what_gives_other_results() -> None:
    others = [
        replace(PLAN, space={"C": Dimension(log=(0.1, 11.0))}),
        replace(PLAN, sampler="random"),
        replace(PLAN, n_trials=6),
        replace(PLAN, seconds=3.0),
    ]
    assert len({each.digest for each in (PLAN, replace(PLAN), *others)}) == 5
