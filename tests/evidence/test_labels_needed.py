from __future__ import annotations

import numpy as np
import pytest

from dlrun.evidence import labels_needed
from dlrun.evidence.labels_needed import find_leads

SIZES = np.array([50.0, 100, 200, 500, 1000, 2000, 4000, 6250])
LOGS = np.log(SIZES)
NAMES = ("pretraining", "classic ML")
ROOT = np.linalg.cholesky(0.5 ** abs(np.subtract.outer(range(8), range(8))))


def declining(at: float, slope: float = 0.035):
    """Return differences that fall with the logarithm of labels, through zero at so many."""
    return -slope * (LOGS - np.log(at))


def found(mean, sd=0.0, n_splits=5, rng=None, rope=0.005, share=0.2, at_all=None):
    """Find the leads of a study of folds with shared luck; noise falls with the labels."""
    rng = rng or np.random.default_rng(0)
    common, own = (ROOT @ rng.normal(size=(8, n)) for n in (1, n_splits))
    noise = share**0.5 * common + (1 - share) ** 0.5 * own
    differences = np.asarray(mean)[:, None] + sd * (SIZES / 50)[:, None] ** -0.35 * noise
    return find_leads(
        NAMES, SIZES, differences, rope=rope, test_share=share, unit="ROC AUC", at_all=at_all
    )


def test_both_turns_are_told_with_their_intervals():
    result = found(declining(2500), sd=0.01)
    assert (result.first, result.second) == NAMES
    assert result.until.low < 2167 < result.until.high < result.since.high
    assert result.since.low < 2884 < result.since.high
    assert result.sentence == (
        f"Up to about {result.until} labels pretraining is ahead of classic ML by more than 0.005 "
        f"ROC AUC, from about {result.since} on, classic ML is."
    )
    assert result.sentence.startswith("Up to about 2,")


def test_the_side_that_is_named_second_may_lead_first():
    result = found(-declining(2500), sd=0.01)
    assert (result.first, result.second) == NAMES[::-1]
    assert result.until.low < 2167 < result.until.high


def test_a_lead_at_all_labels_claims_nothing_beyond_them():
    assert found(0.05 + 0 * LOGS, sd=0.01).sentence == (
        "From 50 to 6,250 labels pretraining is ahead of classic ML by more than 0.005 ROC AUC."
    )


def test_a_lead_that_ends_level_names_no_other_side():
    result = found(np.maximum(declining(1000, 0.05), 0.0), sd=0.005)
    assert result.second is result.since is None
    assert result.until.low < 905 < result.until.high
    assert "; from there to 6,250 neither lead is certain." in result.sentence


def test_a_lead_that_begins_later_is_not_told_of_fewer_labels():
    mean = np.array([0.0, 0.0, 0.05, 0.08, 0.06, 0.03, -0.03, -0.05])
    result = found(mean, sd=0.004)
    assert result.sentence.startswith("From 200 up to about 2,700 [2,600, 2,800] labels")


def test_equal_curves_are_a_difference_that_does_not_matter():
    result = found(0 * LOGS, sd=0.002)
    assert result.first is None
    assert result.sentence == (
        "No difference that matters, of more than 0.005 ROC AUC, between pretraining and classic "
        "ML from 50 to 6,250 labels."
    )


def test_noisy_curves_are_undecided():
    assert found(0 * LOGS, sd=0.1).sentence == (
        "No lead of more than 0.005 ROC AUC between pretraining and classic ML is certain from 50 "
        "to 6,250 labels."
    )


def test_with_all_labels_the_verdict_counts():
    mean = declining(5500, 0.04)
    assert found(mean, sd=0.02, at_all=0).second is None
    assert found(mean, sd=0.02, at_all=-1).second == "classic ML"
    assert found(0 * LOGS, sd=0.1, at_all=-1).sentence == (
        "With all 6,250 labels classic ML is ahead of pretraining by more than 0.005 ROC AUC; with "
        "fewer neither lead is certain."
    )


def test_a_lead_that_changes_twice_is_no_crossover():
    mean = np.array([0.1, 0.1, 0.0, -0.1, -0.1, 0.0, 0.1, 0.1])
    result = found(mean, sd=0.002)
    assert result.second is None
    assert result.sentence == (
        "Which of pretraining and classic ML leads changes more than once from 50 to 6,250 labels."
    )


def test_two_splits_give_no_certainty():
    result = found(declining(2500), n_splits=2)
    assert result.until is result.since is None
    assert result.sentence == (
        "By the means alone, up to about 2,200 labels pretraining is ahead of classic ML by more "
        "than 0.005 ROC AUC, from about 2,900 on, classic ML is. How certain that is takes 3 "
        "splits, and there are 2."
    )


def test_differences_without_any_spread_are_compared_all_the_same():
    assert found(declining(2500), sd=0.0).second == "classic ML"
    ties = np.array([0.02, 0.02, 0, 0, 0, 0, 0, 0])
    assert found(ties, sd=0.0).first == "pretraining"


@pytest.mark.parametrize("rope", [0.005, 0.05])
def test_a_lead_within_the_rope_is_none(rope):
    result = found(declining(2500, 0.012), sd=0.002, rope=rope)
    assert (result.second is not None) == (rope == 0.005)


# ----------------------------------------------------------------------------------- simulations


@pytest.fixture
def fewer_samples(monkeypatch):
    monkeypatch.setattr(labels_needed, "N_SAMPLES", 400)


def many(mean, n_studies=100, sd=0.03, **settings):
    rng = np.random.default_rng(1)
    return [found(mean, sd, rng=rng, **settings) for _ in range(n_studies)]


@pytest.mark.usefixtures("fewer_samples")
@pytest.mark.parametrize(
    ("mean", "lead"),
    [(0 * LOGS, 0.08), (0.03 + 0 * LOGS, 1.0), (np.maximum(declining(2100, 0.04), 0), 1.0)],
    ids=["equal", "parallel", "converging"],
)
def test_without_a_crossover_no_more_than_one_study_in_twenty_claims_one(mean, lead):
    results = many(mean)
    assert np.mean([each.second is not None for each in results]) <= 0.05
    assert np.mean([each.first is not None for each in results]) <= lead


@pytest.mark.usefixtures("fewer_samples")
@pytest.mark.parametrize(("at", "slope", "power"), [(2500, 0.035, 0.9), (4500, 0.05, 0.35)])
def test_nine_intervals_in_ten_and_more_contain_the_true_turns(at, slope, power):
    results = [each for each in many(declining(at, slope)) if each.second]
    assert len(results) >= power * 100
    until, since = (at * np.exp(sign * 0.005 / slope) for sign in (-1, 1))
    assert np.mean([each.until.low <= until <= each.until.high for each in results]) >= 0.9
    assert np.mean([each.since.low <= since <= each.since.high for each in results]) >= 0.9
