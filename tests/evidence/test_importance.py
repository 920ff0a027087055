from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dlrun.evidence.importance import agree, importances
from dlrun.evidence.stress import stresses

NAMES = ["candidate", "family", "aspect", "name", "level", "step", "n_train", "score"]


def tables(drops, metric="accuracy", family="deep", candidate="net", n_splits=3):
    """Make the permutations of columns cost what they shall, in every split, twice."""
    sign = 1 if metric == "rmse" else -1
    rows = [
        (candidate, family, "importance", name, 1.0, step, 100, 0.9 + sign * (drop + wobble))
        for step in range(n_splits)
        for name, drop in drops.items()
        for wobble in (-0.001, 0.001)
    ]
    trials = [(candidate, family, step, 0.9) for step in range(n_splits)]
    return (
        pd.DataFrame(rows, columns=NAMES),
        pd.DataFrame(trials, columns=["candidate", "family", "step", metric]),
    )


@pytest.mark.parametrize("metric", ["accuracy", "rmse"])
def test_columns_stand_by_what_permuting_them_costs(metric):
    drops = {"age": 0.02, "null": 0.2, "size": 0.1, "noise": -0.001}
    (found,) = importances(*tables(drops, metric), metric)
    assert found.names == ("null", "size", "age", "noise")
    assert found.drops == pytest.approx((0.2, 0.1, 0.02, -0.001))
    assert found.stability == pytest.approx(1)
    assert found.n_needed == 3  # 0.2 + 0.1 are 94 % of 0.32


def test_columns_that_cost_nothing_are_not_needed():
    (found,) = importances(*tables({"a": 0.0, "b": -0.1}), "accuracy")
    assert found.n_needed == 0


def test_agreement_compares_ranks_and_the_first_columns():
    drops = {"a": 0.4, "b": 0.3, "c": 0.2, "d": 0.1}
    (net,) = importances(*tables(drops), "accuracy")
    turned = dict(zip(drops, reversed(drops.values()), strict=True))
    (other,) = importances(*tables(turned, candidate="trees"), "accuracy")
    same, opposite = agree(net, net), agree(net, other)
    assert (same.tau, same.n_shared, same.top) == (pytest.approx(1), 2, 2)
    assert (opposite.tau, opposite.n_shared) == (pytest.approx(-1), 0)


@pytest.mark.parametrize("metric", ["accuracy", "rmse"])
def test_stress_is_what_it_costs_on_the_same_splits(metric):
    sign = 1 if metric == "rmse" else -1
    trials = pd.DataFrame(
        {"candidate": "net", "family": "deep", "step": [0, 1, 2], metric: [0.8, 0.9, 0.7]}
    )
    rows = [
        ("net", "deep", "label_noise", "", 0.2, step, 9, s + sign * 0.1)
        for step, s in enumerate([0.8, 0.9])
    ]
    rows.append(("net", "deep", "train", "", 1.0, 0, 9, 1.0))
    (found,) = stresses(pd.DataFrame(rows, columns=NAMES), trials, metric)
    assert found.title == "trained with 20 % wrong labels"
    assert found.drop == pytest.approx(0.1)
    assert found.score == pytest.approx(0.85 + sign * 0.1)
    assert np.isclose(found.sd, 0)
