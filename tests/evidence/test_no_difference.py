"""No difference on any row: what that proves, and what it does not."""

from __future__ import annotations

import numpy as np
import pytest

from dlrun.catalog.metrics import get_metric
from dlrun.evidence.no_difference import NoDifference, effective_rows


@pytest.mark.parametrize(("n_rows", "kind"), [(5, "undecided"), (297, "undecided")])
def test_equivalence_asks_for_about_three_rows_for_each_part_of_the_rope(n_rows, kind):
    assert NoDifference(5, n_rows, "folds").outcome(rope=0.01) == kind
    assert NoDifference(5, 3 * 100, "folds").outcome(rope=0.01) == "equivalent"


def test_the_interval_is_the_rule_of_three():
    found = NoDifference(1, 1000, "rows").interval
    assert (found.mean, found.low) == (0.0, -found.high)
    assert found.high == pytest.approx(3 / 1000, rel=0.01)


def test_the_bound_holds_as_often_as_it_says():
    """Of the shares under which 100 rows show no difference, 95 % lie below it."""
    random = np.random.default_rng(0)
    shares = random.random(400_000)
    unseen = shares[random.binomial(100, shares) == 0]
    assert np.mean(unseen < NoDifference(1, 100, "rows").interval.high) == pytest.approx(
        0.95, abs=0.01
    )


def test_as_many_more_rows_as_it_says_settle_it():
    pairing = NoDifference(60, 60, "rows")
    growth = pairing.growth(rope=0.01)
    assert NoDifference(1, int(60 * growth) - 1, "rows").outcome(0.01) == "undecided"
    assert NoDifference(1, int(60 * growth) + 1, "rows").outcome(0.01) == "equivalent"
    assert pairing.growth(rope=0.0) is None
    assert pairing.more_folds(rope=0.01) is None


def test_rows_count_once_and_classes_by_the_rarest():
    row_ids, y = np.array([0, 1, 2, 3, 0, 1, 2, 3]), np.array([0, 0, 0, 2, 0, 0, 0, 2])
    assert effective_rows(row_ids, y, get_metric("accuracy")) == 4
    assert effective_rows(row_ids, y, get_metric("roc_auc")) == 1
