"""The forecast: fits counted as they are run, and times that grow as they were measured."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlrun.contract.candidate import Epoch
from dlrun.contract.forecast import CandidateForecast, Fits, Forecast, Pace, TimedFit, grow
from dlrun.recipe.load import parse_recipe
from dlrun.study.forecast import make_forecast, time_candidates, typical_epochs
from dlrun.study.plan import StudyPlan, prepare
from dlrun.study.probe import EpochWatch
from dlrun.study.size import count_fits, size_of

CLASSIC = """\
name: digits
data: {source: sklearn:digits, max_rows: 600}
model: none
baselines: [decision_tree, knn]
evaluation: {folds: 3, repeats: 2, learning_curve: [0.25, 0.5], stress: [label_noise]}
"""


def planned(*overrides: str) -> StudyPlan:
    return prepare(parse_recipe(CLASSIC, Path("digits.yaml"), overrides))


@given(
    exponent=st.floats(0, 2.5), value=st.floats(0.01, 9), n=st.integers(100, 10**6),
    first=st.integers(50, 400), ratio=st.floats(1.5, 8),
)  # fmt: skip
def test_powers_of_the_rows_are_continued(
    exponent: float, value: float, n: int, first: int, ratio: float
) -> None:
    sizes = (first, round(first * ratio))
    points = [(rows, value * rows**exponent) for rows in sizes]
    assert grow(points, n) == pytest.approx(value * n**exponent, rel=1e-6)


def test_one_measurement_is_taken_for_proportional_and_noise_for_constant() -> None:
    assert grow([(100, 2.0)], 1000) == 20.0
    assert grow([(100, 2.0), (400, 1.5)], 1600) == 1.5
    assert grow([], 1000) == 0.0
    assert grow([(100, 0.0)], 1000) == 0.0


def test_fits_are_those_of_splits_conditions_and_searches() -> None:
    plan = planned()
    size, pace = size_of(plan), Pace((TimedFit(300, 2.0),))
    fits = count_fits(plan, plan.candidates[1], size, pace)
    assert [(each.purpose, each.n) for each in fits] == [
        ("splits", 6), ("conditions", 6), ("conditions", 6), ("conditions", 3),
    ]  # fmt: skip
    assert sum(each.n for each in fits[1:]) == len(plan.conditions)
    assert {each.n_rows for each in fits[1:]} == {len(c.split.train) for c in plan.conditions}
    whole = fits[0].n_rows
    assert whole == len(plan.splits.splits[0].train)


def test_fits_of_a_search_are_bounded_by_trials_and_seconds() -> None:
    for search, n in (
        ("inner: validation, trials: 10", 9),
        ("inner: validation, trials: 10, seconds: 6", 3),
        ("inner: validation, seconds: 8", 4),
        ("inner: folds, trials: 10", 3 * 9),
    ):
        plan = planned(f"search={{{search}}}", "evaluation={folds: 5}")
        dummy, tree = plan.candidates[:2]
        pace = Pace((TimedFit(len(plan.splits.splits[0].train), 2.0),))
        assert [each.n for each in count_fits(plan, dummy, size_of(plan), pace)] == [5]
        fits = count_fits(plan, tree, size_of(plan), pace)
        assert [each.n for each in fits] == [5, 5 * n, 5]


def test_epochs_are_all_without_early_stopping_and_else_typical() -> None:
    stopping = {"training.epochs": 50, "training.early_stopping.patience": 8}
    assert typical_epochs(stopping, n_steps=30) == 8 + 10
    assert typical_epochs(stopping, n_steps=10**6) == 8 + 2
    assert typical_epochs({**stopping, "training.epochs": 9}, n_steps=30) == 9
    assert typical_epochs({"training.epochs": 50, "training.early_stopping": False}, 30) == 50
    assert typical_epochs({}, n_steps=30) == 0


def test_workers_share_the_fits_and_networks_may_stop_late() -> None:
    pace = Pace((TimedFit(100, 1.0, 2.0, epoch_seconds=0.5),), n_epochs=4, max_epochs=20)
    one = CandidateForecast("mlp", "network", (Fits("splits", 10, 100),), pace)
    forecast = Forecast((one,), overhead_seconds=7, n_workers=2)
    assert forecast.seconds == 7 + 10 * (1 + 2 + 4 * 0.5) / 2
    assert forecast.longest.seconds == 7 + 10 * (1 + 2 + 20 * 0.5) / 2


def test_the_pace_of_an_epoch_is_without_what_it_compiled() -> None:
    watch = EpochWatch()
    for number, (seconds, startup) in enumerate([(9.0, 8.0), (0.5, 0.4), (0.1, 0.0)], 1):
        goes_on = watch(Epoch(number, 50, {}, seconds, startup_seconds=startup))
    assert watch.pace == pytest.approx(0.1)
    assert not goes_on  # 1.2 seconds of training are enough


def test_candidates_are_timed_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DLRUN_CACHE_DIR", str(tmp_path / "cache"))
    plan = planned()
    paces = time_candidates(plan)
    forecast = make_forecast(plan, size_of(plan), paces)
    assert [each.name for each in forecast.candidates] == ["dummy", "decision_tree", "knn"]
    assert forecast.n_fits == 3 * (6 + 6 + 6 + 3) + 1
    assert all(each.seconds > 0 and not each.is_guess for each in forecast.candidates)
    assert forecast.memory_mb > 200
    assert not list(tmp_path.iterdir())


def test_a_candidate_that_cannot_be_timed_goes_as_the_slowest_of_its_side() -> None:
    plan = planned("baselines=[decision_tree, {name: knn, n_neighbors: 900}]")
    paces = time_candidates(plan)
    assert "n_neighbors" in paces.of["knn"].error
    forecast = make_forecast(plan, size_of(plan), paces)
    assert [each.is_guess for each in forecast.candidates] == [False, False, True]
    assert forecast.candidates[2].seconds == max(each.seconds for each in forecast.candidates[:2])
