"""The variance by the draw of test rows, against that of a mean, which is known."""

from __future__ import annotations

import numpy as np
import pytest

from dlrun.catalog.metrics import metrics_of
from dlrun.catalog.metrics.row import ScoredRows, mean_scorer
from dlrun.evidence.jackknife import assign_groups, changes_without, row_variance

RANDOM = np.random.default_rng(0)


@pytest.mark.parametrize(("n_rows", "tolerance"), [(80, 0.02), (5000, 0.4)])
def test_the_variance_of_a_mean_is_found(n_rows, tolerance):
    values = RANDOM.normal(size=n_rows)
    groups = assign_groups(n_rows)
    changes = changes_without([mean_scorer(values)], [groups], int(groups.max()) + 1)
    found = row_variance(changes, n_rows)
    assert found.of_mean == pytest.approx(values.var() / n_rows, rel=tolerance)
    assert found.of_one == found.of_mean
    assert found.df == min(n_rows, 100) - 1


def test_a_row_that_is_tested_again_counts_once():
    values, groups = RANDOM.normal(size=80), assign_groups(80)
    once = changes_without([mean_scorer(values)], [groups], 80)
    twice = changes_without([mean_scorer(values)] * 2, [groups] * 2, 80)
    assert row_variance(twice, 80).of_mean == pytest.approx(row_variance(once, 80).of_mean)


def test_rows_of_several_folds_add_up():
    values, groups = RANDOM.normal(size=80), assign_groups(80)
    parts = np.array_split(np.arange(80), 4)
    scorers = [mean_scorer(values[part]) for part in parts]
    changes = changes_without(scorers, [groups[part] for part in parts], 80)
    found = row_variance(changes, 80)
    assert found.of_one == pytest.approx(4 * found.of_mean, rel=1e-6)


def test_a_group_without_which_there_is_no_score_changes_nothing():
    y, shares = np.array([1, 0, 0, 0]), np.array([0.9, 0.1, 0.2, 0.3])
    rows = ScoredRows(y, np.column_stack([1 - shares, shares]))
    auc = metrics_of("classification")["roc_auc"].bootstrap_scorer(rows)
    assert changes_without([auc], [np.arange(4)], 4).tolist() == [[0.0] * 4]
