"""The rule of the verdict, and what it takes to settle one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlrun.evidence.decision import (
    decide_by_folds,
    decide_by_rows,
    folds_to_settle,
    growth_to_settle,
    growth_to_settle_rows,
)
from dlrun.evidence.statistics import (
    Interval,
    Posterior,
    correlated_t_test,
    nadeau_bengio_interval,
    posterior,
)


def decide(leads: np.ndarray, rope: float, test_share: float) -> str:
    chances = correlated_t_test(leads, rope, test_share)
    return decide_by_folds(chances, nadeau_bengio_interval(leads, test_share))


def simulate(n_studies: int, n_folds: int, lead: float, sd: float) -> np.ndarray:
    """Draw fold differences with the correlation that shared training rows bring."""
    random = np.random.default_rng(7)
    share = 1 / n_folds
    common = random.normal(0, np.sqrt(share) * sd, (n_studies, 1))
    return lead + common + random.normal(0, np.sqrt(1 - share) * sd, (n_studies, n_folds))


@pytest.mark.parametrize("rope_to_sd", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("n_folds", [3, 5, 10])
def test_without_a_difference_a_winner_is_rare_however_small_the_rope(n_folds, rope_to_sd):
    studies = simulate(1000, n_folds, 0.0, 0.01)
    kinds = [decide(leads, rope_to_sd * 0.01, 1 / n_folds) for leads in studies]
    n_named = sum(kind in ("deep", "classic") for kind in kinds)
    assert n_named / len(kinds) <= 0.065  # 5 %, and what 1,000 draws may stray from it


@pytest.mark.parametrize(
    ("low", "high", "kind"),
    [
        (0.006, 0.02, "deep"),
        (-0.02, -0.006, "classic"),
        (-0.005, 0.005, "equivalent"),
        (0.004, 0.02, "undecided"),
        (-0.02, 0.02, "undecided"),
    ],
)
def test_test_rows_decide_by_where_the_interval_lies(low, high, kind):
    assert decide_by_rows(Interval((low + high) / 2, low, high), rope=0.005) == kind


def spread(mean: float, sd: float, n: int) -> np.ndarray:
    """Make n differences of exactly this mean and standard deviation."""
    raw = np.arange(n, dtype=float)
    return mean + sd * (raw - raw.mean()) / raw.std(ddof=1)


@given(st.floats(-0.03, 0.03), st.floats(0.001, 0.02), st.sampled_from([3, 5, 10]))
def test_so_many_more_folds_settle_it_and_one_fewer_does_not(mean, sd, n_folds):
    share, rope = 1 / n_folds, 0.005
    leads = spread(mean, sd, n_folds)
    more = folds_to_settle(posterior(leads, share), rope, share)
    if decide(leads, rope, share) != "undecided":
        return
    if more is None:
        assert decide(spread(mean, sd, 1000), rope, share) == "undecided"
        return
    assert decide(spread(mean, sd, n_folds + more), rope, share) != "undecided"
    assert decide(spread(mean, sd, n_folds + more - 1), rope, share) == "undecided"


def test_shared_training_rows_bound_what_folds_can_tell():
    leads = spread(0.01, 0.01, 5)
    at = posterior(leads, 0.2)
    assert folds_to_settle(at, 0.005, 0.2) is None  # 0.005 / (0.01 × √0.25) is 1, never 1.96
    growth = growth_to_settle(at, 0.005)
    assert growth is not None
    settled = spread(0.01, 0.01 / np.sqrt(growth), 5)
    assert decide(settled, 0.005, 0.2) == "deep"
    assert decide(spread(0.01, 0.01 / np.sqrt(growth * 0.95), 5), 0.005, 0.2) == "undecided"


def test_a_difference_on_the_edge_of_the_rope_is_out_of_reach():
    assert growth_to_settle(Posterior(0.005, 0.01, 4), 0.005) is None
    assert growth_to_settle_rows(Interval(0.005, 0.0, 0.01), 0.005) is None


def test_test_rows_narrow_the_interval_by_their_root():
    growth = growth_to_settle_rows(Interval(0.02, -0.01, 0.05), 0.005)
    assert growth == pytest.approx((0.03 / 0.015) ** 2, rel=0.02)
    assert growth_to_settle_rows(Interval(0.0, -0.01, 0.008), 0.005) == pytest.approx(4, rel=0.02)
