"""A budget of time: what is cut, in which order, and that a study that goes on keeps its cut."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dlrun.contract.forecast import CandidateForecast, Fits, Forecast, Pace, TimedFit
from dlrun.contract.trial import Trial
from dlrun.errors import UsageError
from dlrun.recipe.load import parse_recipe
from dlrun.report.progress import Reporter
from dlrun.study import apart
from dlrun.study.budget import Cut, apply_cut, fit_budget, smaller_sizes
from dlrun.study.size import StudySize

ASKED = StudySize(folds=5, repeats=5, n_trials=30, epochs=50)
N_TRAIN = 10_000
TIMED = TimedFit(N_TRAIN, seconds=1.0, epoch_seconds=0.5)


def forecast(size: StudySize) -> Forecast:
    """Two candidates: one of a second a fit, and a network of half a second an epoch."""
    n_rows = round(N_TRAIN * size.share)
    fits = (Fits("splits", size.n_splits * (size.n_trials or 1), n_rows),)
    paces = (
        ("svm", "classic", Pace((TimedFit(N_TRAIN, 1.0),))),
        ("mlp", "network", Pace((TIMED,), n_epochs=12, max_epochs=50).capped(size.epochs)),
    )
    return Forecast(tuple(CandidateForecast(name, kind, fits, pace) for name, kind, pace in paces))


def test_trials_go_first_then_repeats_folds_epochs_and_rows() -> None:
    sizes = list(smaller_sizes(ASKED, N_TRAIN))
    assert sizes[0] == ASKED
    changed = [
        next(name for name in vars(a) if getattr(a, name) != getattr(b, name))
        for a, b in pairwise(sizes)
    ]
    order = ["n_trials"] * 25 + ["repeats"] * 4 + ["folds"] * 3 + ["epochs"] * 45
    assert changed[: len(order)] == order
    assert set(changed[len(order) :]) == {"share"}
    assert [each.folds for each in sizes[29:33]] == [5, 4, 3, 1]
    assert sizes[-1].share * N_TRAIN >= 500


def test_searches_by_seconds_are_shortened_for_all_candidates_alike() -> None:
    sizes = list(smaller_sizes(StudySize(1, 1, None, search_seconds=30.0), 0))
    assert [round(each.search_seconds, 1) for each in sizes[:3]] == [30.0, 24.0, 19.2]
    assert sizes[-1].search_seconds >= 5


@given(st.floats(20, 20_000))
def test_a_budget_is_kept_and_used(budget: float) -> None:
    size = fit_budget(budget, ASKED, N_TRAIN, forecast)
    assert forecast(size).seconds <= 0.9 * budget
    sizes = list(smaller_sizes(ASKED, N_TRAIN))
    larger = [
        each for each in sizes if each.n_splits * each.n_trials > size.n_splits * size.n_trials
    ]
    if larger:
        assert forecast(larger[-1]).seconds > 0.9 * budget
    if size.n_trials != 30:
        assert forecast(size).longest.seconds <= budget or size.epochs == 12


def test_networks_that_could_break_the_budget_have_fewer_epochs() -> None:
    size = fit_budget(6000.0, ASKED, N_TRAIN, forecast)
    assert size == StudySize(5, 5, 27, epochs=13)
    assert forecast(size).longest.seconds <= 6000
    assert fit_budget(1e6, ASKED, N_TRAIN, forecast) == ASKED
    assert fit_budget(6000.0, ASKED, N_TRAIN, forecast, spent=3000.0).n_trials == 12


def test_a_budget_that_nothing_keeps_is_refused_with_one_that_suffices() -> None:
    with pytest.raises(UsageError) as refused:
        fit_budget(1.0, ASKED, N_TRAIN, forecast, spent=15.0)
    assert str(refused.value) == (
        "a budget of 1 s does not suffice: with as few trials, repeats, folds, epochs and rows as "
        "a cut may leave, this study is expected to take 1 s. Allow 20 s, or leave candidates out"
    )


RECIPE = """\
name: iris
data: {source: sklearn:iris}
model: [{architecture: mlp, training: {epochs: 40}}, {architecture: tabm}]
baselines: [linear]
search: {trials: 20}
training: {epochs: 90}
budget: 2 min
"""


def test_the_smaller_recipe_is_the_same_for_both_sides_and_has_no_budget() -> None:
    recipe = parse_recipe(RECIPE, Path("iris.yaml"))
    asked = StudySize(5, 5, 20, epochs=90)
    cut = Cut(asked, StudySize(3, 1, 7, epochs=30, share=0.64), seconds=101.4)
    smaller = apply_cut(recipe, cut, n_rows=150)
    assert smaller.budget is None
    assert (smaller.evaluation.folds, smaller.evaluation.repeats) == (3, 1)
    assert (smaller.search.trials, smaller.data.max_rows) == (7, 96)
    assert [each.epochs for each in smaller.trainings] == [30, 30]
    assert apply_cut(recipe, Cut(asked, asked, 1.0), 150).trainings == recipe.trainings
    assert str(cut.note(120.0)) == (
        "To keep a budget of 2 min 00 s, the study is cut to 7 of 20 search trials, 1 of 5 "
        "repeats, 3 of 5 folds, 30 of 90 epochs, 64% of the rows; it is expected to take "
        "1 min 41 s. [DLR200]"
    )


CLASSIC = """\
name: iris
data: {source: sklearn:iris}
model: none
baselines: [linear]
budget: 1 h
"""


class Stopped(Reporter):
    """Stops the study after some trials."""

    def __init__(self, n: int) -> None:
        self.n, self.splits = n, []

    def end(self, trial: Trial) -> None:
        self.splits.append(trial.split.index)
        if len(self.splits) == self.n:
            raise KeyboardInterrupt


def test_a_study_that_goes_on_is_cut_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dlrun.study import budget, study

    monkeypatch.setenv("DLRUN_CACHE_DIR", str(tmp_path / "cache"))
    uri = f"tracking.uri=sqlite:///{tmp_path}/mlflow.db"
    recipe = parse_recipe(CLASSIC, tmp_path / "iris.yaml", [uri])
    timed: list[str] = []

    def choose(*_: object) -> Cut:
        timed.append("")
        return Cut(StudySize(5, 5), StudySize(3, 1), 100.0)

    monkeypatch.setattr(apart, "time_apart", lambda _: None)
    monkeypatch.setattr(budget, "choose_cut", choose)
    with pytest.raises(KeyboardInterrupt):
        study.train(recipe, Stopped(2))
    rest = Stopped(99)
    notes = study.train(recipe, rest).study.data.notes
    assert len(timed) == 1  # the second run reads it from the journal
    assert len(rest.splits) == 2 * 3 + 1  # and the final model
    assert [each.code for each in notes] == ["DLR200"]
    assert not list((tmp_path / "cache").rglob("*.record"))  # the next run is cut anew
