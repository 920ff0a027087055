"""No difference on any row: what that proves, and what it does not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dlrun.catalog.metrics import get_metric
from dlrun.evidence.compare import compare
from dlrun.evidence.paired_tests import compare_equal, compare_folds, effective_rows
from dlrun.evidence.statistics import RowVariance


@pytest.mark.parametrize(
    ("n_rows", "outcome"), [(5, "undecided"), (100, "undecided"), (115, "equivalent")]
)
def test_equivalence_asks_for_about_one_row_for_each_part_of_the_rope(n_rows, outcome):
    assert compare_equal("folds", 5, n_rows, rope=0.01).outcome == outcome


def test_the_interval_is_narrower_than_the_rule_of_three():
    found = compare_equal("rows", 1, 1000, rope=0.01).interval
    assert (found.mean, found.low) == (0.0, -found.high)
    assert 1 / 1000 < found.high < 3 / 1000


def test_the_bound_holds_as_often_as_it_says():
    """Of the differences under which 100 rows show none, 95 % lie within it."""
    random = np.random.default_rng(0)
    shares = random.beta(0.5, 0.5, 2_000_000)
    unseen = shares[random.binomial(100, shares) == 0]
    leads = unseen * random.uniform(-1, 1, len(unseen))
    bound = compare_equal("rows", 1, 100, rope=0.01).interval.high
    assert np.mean(np.abs(leads) < bound) == pytest.approx(0.95, abs=0.005)


def test_as_many_more_rows_as_it_says_settle_it():
    paired = compare_equal("rows", 60, 60, rope=0.01)
    n_rows = int(60 * paired.growth)
    assert compare_equal("rows", 1, n_rows - 2, rope=0.01).outcome == "undecided"
    assert compare_equal("rows", 1, n_rows + 2, rope=0.01).outcome == "equivalent"
    assert paired.more_folds is None
    assert compare_equal("rows", 60, 60, rope=0.0).growth is None


def test_rows_count_once_and_classes_by_the_rarest():
    row_ids, y = np.array([0, 1, 2, 3, 0, 1, 2, 3]), np.array([0, 0, 0, 2, 0, 0, 0, 2])
    assert effective_rows(row_ids, y, get_metric("accuracy")) == 4
    assert effective_rows(row_ids, y, get_metric("f1")) == 1
    assert effective_rows(row_ids, y, get_metric("roc_auc")) == 2


def test_of_several_labels_the_rarest_value_of_any_counts():
    y = np.array([[0, 1], [0, 1], [1, 1], [1, 0], [1, 1]])
    assert effective_rows(np.arange(5), y, get_metric("f1")) == 1


def test_equal_leads_in_all_folds_leave_the_doubt_of_their_rows(Made, make_study):
    """Five folds with the same lead have a spread of 0, but the rows behind it vary."""
    random = np.random.default_rng(0)
    y = np.arange(1000) % 2

    def late(accuracy):  # exactly this share of each fold is right
        is_right = np.concatenate([random.permutation(200) < 200 * accuracy for _ in range(5)])
        return np.where(is_right == (y == 1), 0.9, 0.1)

    def made(name, family, accuracy):
        return Made(name, family, (accuracy,) * 5, late_by_row=late(accuracy))

    study = make_study(
        made("mlp", "deep", 0.7), made("linear", "classic", 0.68), metrics=("accuracy",)
    )
    found = compare([study]).verdict
    assert found.leads == pytest.approx([0.02] * 5)
    assert found.kind == "undecided"
    assert found.difference.low < 0


def test_a_lead_on_every_row_is_as_certain_as_its_rows_allow():
    rows = RowVariance(of_mean=0.0, of_one=0.0, n_rows=99, df=98)
    assert compare_folds(np.full(5, 0.5), 0.2, 0.01, rows).interval.width == pytest.approx(
        2 * 0.005 * 1.984, rel=0.01
    )


@pytest.mark.parametrize("metric", ["accuracy", "roc_auc"])
def test_perfect_scores_on_both_sides_are_equivalent(metric, Made, make_study):
    y = np.arange(1000) % 2
    study = make_study(
        Made("mlp", "deep", (1.0,) * 5, late_by_row=np.where(y, 0.9, 0.1)),
        Made("linear", "classic", (1.0,) * 5, late_by_row=np.where(y, 0.8, 0.3)),
        metrics=(metric,),
        rope=None,
    )
    few = replace(
        study,
        predictions={
            name: frame[frame["row_id"] % 10 < 4] for name, frame in study.predictions.items()
        },
    )
    assert compare([few]).n_test_rows == 400
    assert compare([few]).verdict.kind == "equivalent"
