"""The statistics, against other implementations and against simulation."""

from __future__ import annotations

import baycomp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from dlrun.catalog.metrics import get_metric
from dlrun.catalog.metrics.row import ScoredRows
from dlrun.contract.candidate import Predictions
from dlrun.evidence.statistics import (
    Interval,
    Posterior,
    differences,
    holm,
    mcnemar,
    percentile_interval,
    posterior,
    resampled_differences,
    resampled_p_value,
    resampled_probabilities,
)
from dlrun.metrics.bootstrap import resample

scores = st.floats(0.0, 1.0).map(lambda value: round(value, 3))


@given(st.integers(2, 10), st.integers(1, 3), st.floats(0.001, 0.2), st.data())
def test_the_correlated_t_test_agrees_with_baycomp(n_folds, n_repeats, rope, data):
    n = n_folds * n_repeats
    deep = np.array(data.draw(st.lists(scores, min_size=n, max_size=n)))
    classic = np.array(data.draw(st.lists(scores, min_size=n, max_size=n)))

    ours = posterior(deep - classic, test_share=1 / n_folds).probabilities(rope)
    left, middle, right = baycomp.two_on_single(classic, deep, rope=rope, runs=n_repeats)

    assert (ours.classic, ours.equivalent, ours.deep) == pytest.approx(
        (left, middle, right), abs=1e-9
    )


def test_without_a_rope_two_sides_remain():
    ours = posterior(np.array([0.1, 0.2, 0.4]), 1 / 3).probabilities(0.0)
    assert ours.equivalent == pytest.approx(0, abs=1e-12)
    assert ours.deep + ours.classic == pytest.approx(1)


@pytest.mark.parametrize(
    ("lead", "expected"),
    [(0.02, (1, 0, 0)), (-0.02, (0, 0, 1)), (0.01, (0, 1, 0)), (0.0, (0, 1, 0))],
)
def test_equal_differences_leave_no_doubt_and_divide_by_nothing(lead, expected):
    leads = np.full(5, lead)
    found = posterior(leads, 0.2).probabilities(0.01)
    assert (found.deep, found.equivalent, found.classic) == expected
    assert posterior(leads, 0.2).interval() == Interval(lead, lead, lead)
    assert posterior(leads, 0.2).p_value == (1.0 if lead == 0 else 0.0)


def test_the_corrected_interval_is_that_of_the_paper():
    leads = np.array([0.01, 0.03, 0.02, 0.05, 0.04])
    variance = (1 / 5 + 25 / 100) * np.var(leads, ddof=1)  # n_test / n_train = 25 / 100
    reach = stats.t.ppf(0.975, 4) * np.sqrt(variance)
    found = posterior(leads, test_share=25 / 125).interval()
    assert (found.mean, found.low, found.high) == pytest.approx((0.03, 0.03 - reach, 0.03 + reach))
    p_value = 2 * stats.t.sf(0.03 / np.sqrt(variance), 4)
    assert posterior(leads, 25 / 125).p_value == pytest.approx(p_value)


@pytest.mark.slow
def test_the_corrected_interval_holds_the_truth_as_often_as_it_says():
    random = np.random.default_rng(0)
    share, sigma, n_studies = 0.2, 0.01, 2000
    common = random.normal(0, np.sqrt(share) * sigma, (n_studies, 1))
    leads = 0.03 + common + random.normal(0, np.sqrt(1 - share) * sigma, (n_studies, 5))
    found = [posterior(each, share).interval() for each in leads]
    covered = np.mean([each.low <= 0.03 <= each.high for each in found])
    assert 0.935 <= covered <= 0.965


def test_a_difference_is_positive_for_the_better_one_whichever_way_the_metric_points():
    first, second = np.array([0.5, 0.25]), np.array([0.25, 0.5])
    assert differences(first, second, "accuracy").tolist() == [0.25, -0.25]
    assert differences(first, second, "rmse").tolist() == [-0.25, 0.25]


def test_a_difference_by_rounding_is_none():
    first, second = np.array([0.1 + 0.2, 3e-9]), np.array([0.3, 1e-9])
    assert differences(first, second, "accuracy") == pytest.approx([0.0, 2e-9], abs=1e-20)


def test_holm_adjusts_each_p_value_in_its_place():
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.7, 0.6]) == [1.0, 1.0]
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_never_makes_a_p_value_smaller_and_keeps_their_order(p_values):
    adjusted = holm(p_values)
    assert all(raw <= more <= 1 for raw, more in zip(p_values, adjusted, strict=True))
    order = np.argsort(p_values, kind="stable")
    assert np.all(np.diff(np.array(adjusted)[order]) >= 0)


def test_mcnemar_looks_at_the_rows_on_which_they_disagree():
    first = np.array([True] * 10 + [False] * 2 + [True] * 50)
    second = np.array([False] * 10 + [True] * 2 + [True] * 50)
    expected = 2 * stats.binom.cdf(2, 12, 0.5)
    assert mcnemar(first, second) == pytest.approx(expected)
    assert mcnemar(first, first) == 1.0


def paired_bootstrap(metric, first, second, y, n_resamples=1000, seed=0):
    """Return by how much the first is better, with the percentile interval over rows."""
    row = get_metric(metric)
    scorers = [row.bootstrap_scorer(ScoredRows(y, each.values)) for each in (first, second)]
    samples = resample(
        [[scorer] for scorer in scorers], [np.arange(len(y))], n_resamples=n_resamples, seed=seed
    )
    one, other = (np.array([scorer(np.ones(len(y), dtype=np.int64))]) for scorer in scorers)
    mean = float(differences(one, other, metric)[0])
    return percentile_interval(mean, resampled_differences(*samples, metric))


def _answers(correct: np.ndarray, y: np.ndarray) -> Predictions:
    late = np.where(correct == y.astype(bool), 0.9, 0.1)
    return Predictions(np.column_stack([1 - late, late]))


@pytest.mark.slow
def test_the_bootstrap_interval_holds_the_truth_as_often_as_it_says():
    random = np.random.default_rng(1)
    n_studies, y = 150, np.zeros(300)
    n_covered = 0
    for seed in range(n_studies):
        error = random.normal(0, 1, len(y))  # the second errs as the first does, and more
        a, b = Predictions(error), Predictions(error + random.normal(0, 0.75, len(y)))
        found = paired_bootstrap("mae", a, b, y, n_resamples=150, seed=seed)
        n_covered += found.low <= 0.25 * np.sqrt(2 / np.pi) <= found.high
    assert 0.9 <= n_covered / n_studies <= 0.98


def test_the_bootstrap_follows_the_direction_of_a_metric():
    y = np.arange(400) % 2
    sure, wild = _answers(np.ones(400, bool), y), _answers(np.arange(400) % 3 > 0, y)
    for metric in ("roc_auc", "accuracy", "log_loss", "brier"):
        found = paired_bootstrap(metric, sure, wild, y, n_resamples=100)
        assert 0 < found.low < found.mean < found.high, metric


def test_the_bootstrap_repeats_itself():
    y = np.arange(60) % 2
    a, b = (_answers(np.arange(60) % k > 0, y) for k in (3, 4))
    first, second = (paired_bootstrap("roc_auc", a, b, y) for _ in range(2))
    assert first == second


def test_equal_candidates_have_an_interval_of_no_width():
    y = np.arange(60) % 2
    a = _answers(np.arange(60) % 3 > 0, y)
    assert paired_bootstrap("log_loss", a, a, y) == Interval(0.0, 0.0, 0.0)


def test_draws_without_a_score_do_not_count():
    resampled = resampled_differences(np.array([0.1, 0.2, 0.3, np.nan]), np.zeros(4), "accuracy")
    found = percentile_interval(0.2, resampled, level=1.0)
    assert (found.low, found.high) == pytest.approx((0.1, 0.3))
    chances = resampled_probabilities(resampled, rope=0.15)
    assert (chances.deep, chances.equivalent, chances.classic) == pytest.approx((2 / 3, 1 / 3, 0))


def test_the_bootstrap_p_value_is_never_zero():
    assert resampled_p_value(np.full(999, 0.1)) == pytest.approx(0.002)
    assert resampled_p_value(np.zeros(999)) == 1.0


def test_the_posterior_has_a_density():
    t, values = Posterior(mean=0.2, scale=0.1, df=4), np.linspace(-1, 1, 9)
    expected = stats.t(4, loc=0.2, scale=0.1).pdf(values)
    assert [t.density(value) for value in values] == pytest.approx(expected)
