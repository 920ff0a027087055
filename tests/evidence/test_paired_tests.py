"""No difference on any row: what that proves, and what it does not."""

from __future__ import annotations

import numpy as np
import pytest

from dlrun.catalog.metrics import get_metric
from dlrun.evidence.paired_tests import compare_equal, effective_rows


@pytest.mark.parametrize(
    ("n_rows", "outcome"), [(5, "undecided"), (297, "undecided"), (300, "equivalent")]
)
def test_equivalence_asks_for_about_three_rows_for_each_part_of_the_rope(n_rows, outcome):
    assert compare_equal("folds", 5, n_rows, rope=0.01).outcome == outcome


def test_the_interval_is_the_rule_of_three():
    found = compare_equal("rows", 1, 1000, rope=0.01).interval
    assert (found.mean, found.low) == (0.0, -found.high)
    assert found.high == pytest.approx(3 / 1000, rel=0.01)


def test_the_bound_holds_as_often_as_it_says():
    """Of the shares under which 100 rows show no difference, 95 % lie below it."""
    random = np.random.default_rng(0)
    shares = random.random(400_000)
    unseen = shares[random.binomial(100, shares) == 0]
    bound = compare_equal("rows", 1, 100, rope=0.01).interval.high
    assert np.mean(unseen < bound) == pytest.approx(0.95, abs=0.01)


def test_as_many_more_rows_as_it_says_settle_it():
    paired = compare_equal("rows", 60, 60, rope=0.01)
    n_rows = int(60 * paired.growth)
    assert compare_equal("rows", 1, n_rows - 1, rope=0.01).outcome == "undecided"
    assert compare_equal("rows", 1, n_rows + 1, rope=0.01).outcome == "equivalent"
    assert paired.more_folds is None
    assert compare_equal("rows", 60, 60, rope=0.0).growth is None


def test_rows_count_once_and_classes_by_the_rarest():
    row_ids, y = np.array([0, 1, 2, 3, 0, 1, 2, 3]), np.array([0, 0, 0, 2, 0, 0, 0, 2])
    assert effective_rows(row_ids, y, get_metric("accuracy")) == 4
    assert effective_rows(row_ids, y, get_metric("roc_auc")) == 1


def test_of_several_labels_the_rarest_value_of_any_counts():
    y = np.array([[0, 1], [0, 1], [1, 1], [1, 0], [1, 1]])
    assert effective_rows(np.arange(5), y, get_metric("roc_auc")) == 1
