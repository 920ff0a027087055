"""How a shallow tree and an explainable boosting machine decide, in words."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from dlrun.classic.candidates import make_candidates
from dlrun.contract.candidate import FitContext
from dlrun.contract.dataset import Column, Dataset, Target
from dlrun.contract.glass_box import GlassBox
from dlrun.recipe.schema import Recipe

RANDOM = np.random.default_rng(0)
N_ROWS = 400
FRAME = pd.DataFrame(
    {
        "age": RANDOM.integers(18, 80, N_ROWS).astype(np.float64),
        "colour": pd.Categorical(RANDOM.choice(["blue", "green", "red"], N_ROWS)),
        "day": pd.to_datetime("2026-01-01") + pd.to_timedelta(RANDOM.integers(0, 300, N_ROWS), "D"),
    }
)
COLUMNS = (Column("age", "number"), Column("colour", "category"), Column("day", "datetime"))


def glass_box(y: np.ndarray, labels: tuple[str, ...] = ("no", "yes"), **baseline) -> GlassBox:
    """Fit a baseline to the frame, whose ages of the first rows are missing."""
    frame = FRAME.copy()
    frame.loc[:4, "age"] = np.nan
    target = Target("late", "classification" if labels else "regression", labels)
    dataset = Dataset("small", "made", COLUMNS, target, frame, y, np.arange(N_ROWS))
    recipe = Recipe.model_validate({"data": {"source": "made"}, "baselines": [baseline]})
    return (
        make_candidates(recipe, dataset)[-1].fit(dataset, dataset, FitContext(0)).read_glass_box()
    )


def test_the_rules_of_a_tree_lead_to_every_leaf() -> None:
    y = ((FRAME["age"] > 40) & (FRAME["colour"] == "red")).to_numpy(np.int64)
    found = glass_box(y, name="shallow_tree", max_depth=2)
    assert sum(rule.share for rule in found.rules) == pytest.approx(1)
    (late,) = [rule for rule in found.rules if rule.prediction.startswith("yes")]
    assert set(late.conditions) == {"age > 40.5", "colour is not one of blue, green"}
    assert late.prediction == "yes 100 %"
    assert late.share == pytest.approx(y.mean(), abs=0.02)


def test_gaps_and_parts_of_dates_are_named() -> None:
    gap = np.arange(N_ROWS) < 5
    by_gap = glass_box(gap.astype(np.int64), name="shallow_tree", max_depth=1)
    assert {rule.conditions for rule in by_gap.rules} == {
        ("age is known",), ("age is missing",),
    }  # fmt: skip
    by_month = glass_box(
        FRAME["day"].dt.month.to_numpy(np.float64), (), name="shallow_tree", max_depth=1
    )
    assert all(" of day " in rule.conditions[0] for rule in by_month.rules)


def test_a_large_tree_is_no_glass_box() -> None:
    y = RANDOM.integers(0, 2, N_ROWS)
    assert glass_box(y, name="decision_tree") is None
    assert glass_box(y, name="linear") is None


def test_the_strongest_curve_of_an_ebm_comes_first() -> None:
    pytest.importorskip("interpret")
    y = (FRAME["colour"] == "red").to_numpy(np.int64)
    found = glass_box(y, name="ebm", outer_bags=1, max_rounds=100)
    assert found.terms[0].name == "colour"
    assert {term.name for term in found.terms} >= {"age", "colour", "month of day"}
