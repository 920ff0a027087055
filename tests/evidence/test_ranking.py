from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import friedmanchisquare

from dlrun.evidence.ranking import critical_difference, rank_candidates

# AUC of C4.5 with and without tuning of m and cf: Demšar 2006, table 6.
C45 = ("C4.5", "C4.5+m", "C4.5+cf", "C4.5+m+cf")
AUC = np.array(
    [
        [0.763, 0.768, 0.771, 0.798],
        [0.599, 0.591, 0.590, 0.569],
        [0.954, 0.971, 0.968, 0.967],
        [0.628, 0.661, 0.654, 0.657],
        [0.882, 0.888, 0.886, 0.898],
        [0.936, 0.931, 0.916, 0.931],
        [0.661, 0.668, 0.609, 0.685],
        [0.583, 0.583, 0.563, 0.625],
        [0.775, 0.838, 0.866, 0.875],
        [1.000, 1.000, 1.000, 1.000],
        [0.940, 0.962, 0.965, 0.962],
        [0.619, 0.666, 0.614, 0.669],
        [0.972, 0.981, 0.9751, 0.975],
        [0.957, 0.978, 0.946, 0.970],
    ]
)


def test_the_example_of_demsar():
    ranking = rank_candidates(C45, AUC)
    assert [*ranking.ranks] == ["C4.5+m+cf", "C4.5+m", "C4.5+cf", "C4.5"]
    assert [ranking.ranks[name] for name in C45] == pytest.approx(
        [3.143, 2.000, 2.893, 1.964], abs=5e-4
    )
    assert ranking.n == 14
    assert ranking.chi2 == pytest.approx(9.28, abs=5e-3)
    # F = 3.69 with 3 and 39 degrees of freedom, whose critical value at .05 is 2.85
    assert 0.015 < ranking.p_value < 0.025
    assert ranking.critical_difference == pytest.approx(1.25, abs=5e-3)
    # No two mean ranks are 1.25 apart, so that the post-hoc test tells none apart.
    assert ranking.groups == (("C4.5+m+cf", "C4.5+m", "C4.5+cf", "C4.5"),)


@pytest.mark.parametrize(
    ("k", "quantile"), [(2, 1.960), (3, 2.343), (4, 2.569), (5, 2.728), (10, 3.164)]
)
def test_critical_values_are_those_of_demsars_table(k, quantile):
    assert critical_difference(20, k) == pytest.approx(
        quantile * (k * (k + 1) / 120) ** 0.5, abs=1e-3
    )


def test_without_ties_the_statistic_is_friedmans():
    scores = np.random.default_rng(0).normal(size=(9, 5))
    assert rank_candidates("abcde", scores).chi2 == pytest.approx(
        friedmanchisquare(*scores.T).statistic
    )


def test_groups_overlap_and_none_lies_within_another():
    # mean ranks 1, 2, 3, 4, 5 on every one of 20 data sets: CD 1.36
    ranking = rank_candidates("abcde", np.tile([5.0, 4, 3, 2, 1], (20, 1)))
    assert ranking.p_value == 0.0
    assert ranking.critical_difference == pytest.approx(1.364, abs=1e-3)
    assert ranking.groups == (("a", "b"), ("b", "c"), ("c", "d"), ("d", "e"))


def test_ranks_that_friedmans_test_does_not_tell_apart_are_one_group():
    alike = rank_candidates("abc", np.ones((6, 3)))
    assert alike.p_value == 1.0
    assert alike.ranks == {"a": 2.0, "b": 2.0, "c": 2.0}
    assert alike.groups == (("a", "b", "c"),)
