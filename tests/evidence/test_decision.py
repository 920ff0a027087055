"""The rule of the verdict, and what it takes to settle one."""

from __future__ import annotations

import numpy as np
import pytest

from dlrun.evidence.decision import SETTLED, decide, folds_to_settle, growth_to_settle
from dlrun.evidence.statistics import (
    Interval,
    Posterior,
    Probabilities,
    RowVariance,
    posterior,
)

NO_ROWS = RowVariance(of_mean=0.0, of_one=0.0, n_rows=0, df=1)


def outcome(leads: np.ndarray, rope: float, test_share: float) -> str:
    t = posterior(leads, test_share)
    return decide(t.probabilities(rope), t.interval())


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
    kinds = [outcome(leads, rope_to_sd * 0.01, 1 / n_folds) for leads in studies]
    n_named = sum(kind in ("deep", "classic") for kind in kinds)
    assert n_named / len(kinds) <= 0.065  # 5 %, and what 1,000 draws may stray from it


@pytest.mark.parametrize(
    ("probabilities", "ends", "kind"),
    [
        ((0.81, 0.19, 0.0), (0.001, 0.02), "deep"),
        ((0.81, 0.19, 0.0), (-0.001, 0.02), "undecided"),
        ((0.79, 0.21, 0.0), (0.001, 0.02), "undecided"),
        ((0.0, 0.19, 0.81), (-0.02, -0.001), "classic"),
        ((0.04, 0.96, 0.0), (0.001, 0.006), "equivalent"),
    ],
)
def test_a_side_wins_with_a_lead_that_is_certain_and_probably_large_enough(
    probabilities, ends, kind
):
    assert decide(Probabilities(*probabilities), Interval(np.mean(ends), *ends)) == kind


def spread(mean: float, sd: float, n: int) -> np.ndarray:
    """Make n differences of exactly this mean and standard deviation."""
    raw = np.arange(n, dtype=float)
    return mean + sd * (raw - raw.mean()) / raw.std(ddof=1)


def test_so_many_more_folds_settle_it_as_often_as_said():
    """Draw the further folds about the mean of those at hand, whose own mean is uncertain."""
    random = np.random.default_rng(0)
    share, rope, sd, n = 0.01, 0.005, 0.01, 12
    settled = []
    while len(settled) < 200:
        first = random.normal(random.choice([0.012, 0.014]), sd, n)
        t = posterior(first, share)
        if decide(t.probabilities(rope), t.interval()) != "undecided":
            continue
        more = folds_to_settle(n, t, float(first.var(ddof=1)), NO_ROWS, rope, share)
        if more is None:
            continue
        true = first.mean() + first.std(ddof=1) / np.sqrt(n) * random.standard_t(n - 1)
        both = np.concatenate([first, random.normal(true, sd, more)])
        settled.append(outcome(both, rope, share) != "undecided")
    assert np.mean(settled) == pytest.approx(SETTLED, abs=0.1)


def test_so_many_times_the_rows_settle_it_as_often_as_said():
    random = np.random.default_rng(0)
    now = Posterior(mean=0.006, scale=0.004, df=50)
    growth = growth_to_settle(now, 0.005)
    assert growth is not None
    true = now.mean + now.scale * random.standard_t(50, 20_000)
    noise = now.scale * np.sqrt(1 / (growth - 1))  # of the new rows alone
    means = now.mean / growth + (1 - 1 / growth) * random.normal(true, noise)
    at = [Posterior(mean, now.scale / np.sqrt(growth), 50) for mean in means[:2000]]
    kinds = [decide(t.probabilities(0.005), t.interval()) for t in at]
    assert np.mean([kind != "undecided" for kind in kinds]) == pytest.approx(SETTLED, abs=0.05)


def test_shared_training_rows_bound_what_folds_can_tell():
    leads = spread(0.006, 0.01, 5)
    at = posterior(leads, 0.2)
    assert folds_to_settle(5, at, 0.0001, NO_ROWS, 0.005, 0.2) is None
    assert growth_to_settle(at, 0.005) is not None


def test_test_rows_bound_what_folds_can_tell():
    """Folds of the same rows do not make them more."""
    rows = RowVariance(of_mean=0.01**2, of_one=5 * 0.01**2, n_rows=1000, df=99)
    at = posterior(spread(0.012, 0.02, 5), 0.2, rows)
    assert folds_to_settle(5, at, 0.0, rows, 0.005, 0.2) is None
