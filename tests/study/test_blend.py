"""The blend of a study: its trials, what it costs, its one model, and when there is none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from trials import METRICS, baseline, make_dataset, make_splits, tasks

from dlrun.contract.candidate import BLEND, Predictions
from dlrun.contract.dataset import Dataset
from dlrun.contract.trial import Trial
from dlrun.data import model_io
from dlrun.data.model_io import read_facts
from dlrun.errors import RecipeError
from dlrun.metrics.scores import score
from dlrun.recipe.load import load_recipe
from dlrun.study.blend import blend, run_blend
from dlrun.study.blend_model import save_blend
from dlrun.study.plan import prepare
from dlrun.study.trial import run_trial

NAMES = ("linear", "knn", "dummy")


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return make_dataset()


@pytest.fixture(scope="module")
def study_of_two(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A study of two splits, in which a baseline stands for a network."""
    folder, splits = tmp_path_factory.mktemp("journal"), make_splits(2)
    candidates = [baseline(dataset, name) for name in NAMES]
    trials = [
        run_trial(each, dataset)
        for candidate in candidates
        for each in tasks(candidate, splits, folder / candidate.name)
    ]
    deep = replace(candidates[1], nature="network")
    trials = [replace(each, family="deep") if each.candidate == "knn" else each for each in trials]
    plan = SimpleNamespace(
        candidates=(candidates[0], candidates[2], deep),
        dataset=dataset,
        metrics=METRICS,
        splits=SimpleNamespace(splits=splits),
        recipe=SimpleNamespace(evaluation=SimpleNamespace(blend=True)),
    )
    journal = SimpleNamespace(folder=folder, model_folder=lambda each: folder / each.name)
    return SimpleNamespace(plan=plan, journal=journal, trials=trials)


class Tracked:
    """Records what a study's run is told."""

    def __init__(self) -> None:
        self.events: list[Any] = []

    def begin_candidate(self, *event: object) -> None:
        self.events.append(event)

    def log_trial(self, trial: Trial) -> None:
        self.events.append(trial)

    def finish_candidate(self, *event: object) -> None:
        self.events.append(event)


def run(given: Any, trials: list[Trial] | None = None) -> tuple[list[Trial], Tracked, list[str]]:
    tracked, notes = Tracked(), list[str]()
    trials = given.trials if trials is None else trials
    found = run_blend(given.plan, tracked, given.journal, trials, notes.append)  # type: ignore[arg-type]
    return found, tracked, notes


def values(predictions: Predictions | None) -> np.ndarray:
    assert predictions is not None
    return predictions.values


def test_a_blend_is_tracked_as_any_candidate(study_of_two: Any) -> None:
    found, tracked, notes = run(study_of_two)
    (name, kind, settings), *trials, (finished, folder) = tracked.events
    assert (name, kind, finished) == (BLEND, None, BLEND)
    assert trials == found
    assert set(settings) <= {"weight.linear", "weight.knn"}
    assert sum(settings.values()) == pytest.approx(1, abs=0.002)
    assert [trial.split.index for trial in found] == [0, 1]
    assert folder is not None
    assert notes == []


def test_its_trial_is_the_weighted_mean_scored_as_all_are(
    study_of_two: Any, dataset: Dataset
) -> None:
    found = run(study_of_two)[0][1]
    parts = {each.candidate: each for each in study_of_two.trials if each.split.index == 1}
    assert sum(each.weight for each in found.members) == pytest.approx(1)
    families = {each.candidate: each.family for each in found.members}
    assert families == {"linear": "classic", "knn": "deep"}
    mean = sum(each.weight * values(parts[each.candidate].predictions) for each in found.members)
    np.testing.assert_allclose(values(found.predictions), mean)
    y = dataset.y[found.split.test]
    assert found.scores == score(METRICS, Predictions(values(found.predictions)), y, dataset.target)
    assert len(values(found.validation_predictions)) == len(found.split.validation)
    assert set(found.validation_scores) == set(METRICS)


def test_it_costs_what_its_members_cost(study_of_two: Any) -> None:
    found = run(study_of_two)[0]
    for trial in found:
        used = {each.candidate for each in trial.members}
        parts = [
            each.cost
            for each in study_of_two.trials
            if each.split.index == trial.split.index and each.candidate in used
        ]
        assert trial.cost.fit_seconds == pytest.approx(sum(each.fit_seconds for each in parts))
        assert trial.cost.parameters == sum(each.parameters for each in parts)
        assert trial.cost.peak_memory_mb == max(each.peak_memory_mb for each in parts)
    assert found[0].cost.latency_ms_batch1 is None  # is measured on the last split alone
    assert found[1].cost.model_mb > 0


def test_a_member_without_weight_costs_nothing(dataset: Dataset, study_of_two: Any) -> None:
    parts = [each for each in study_of_two.trials if each.split.index == 0]
    linear, knn, _ = parts
    y = dataset.y[linear.split.validation]
    right = Predictions(np.column_stack([1.0 - y, y]))
    wrong = Predictions(np.column_stack([y, 1.0 - y]))
    members = [
        replace(linear, validation_predictions=wrong),
        replace(knn, validation_predictions=right),
    ]
    found = blend(members, dataset, METRICS)
    assert [(each.candidate, each.weight) for each in found.members] == [("knn", 1.0)]
    assert found.cost.fit_seconds == knn.cost.fit_seconds
    np.testing.assert_array_equal(values(found.predictions), values(knn.predictions))


def test_the_same_trials_give_the_same_blend_in_any_order(study_of_two: Any) -> None:
    first, again = run(study_of_two)[0], run(study_of_two, study_of_two.trials[::-1])[0]
    for one, other in zip(first, again, strict=True):
        assert one.members == other.members
        np.testing.assert_array_equal(values(one.predictions), values(other.predictions))


def test_its_model_holds_those_of_its_members(study_of_two: Any, dataset: Dataset) -> None:
    found, tracked, _ = run(study_of_two)
    folder = tracked.events[-1][1]
    facts = read_facts(folder)
    assert (facts.candidate, facts.loader) == (BLEND, "both")
    loaded = model_io.load(folder)
    test = dataset.take(found[-1].split.test)
    predicted = loaded.fitted.predict(test.frame).values
    np.testing.assert_allclose(predicted, values(found[-1].predictions), atol=1e-12)
    assert loaded.fitted.parameters == found[-1].cost.parameters
    answers = loaded.predict(test.frame)
    np.testing.assert_allclose(answers["p_yes"], predicted[:, 1], atol=1e-12)


def test_a_blend_of_saved_models_can_be_made_by_hand(study_of_two: Any, tmp_path: Path) -> None:
    folders = {name: study_of_two.journal.folder / name for name in ("linear", "knn")}
    (tmp_path / "mixed").mkdir()
    save_blend(tmp_path / "mixed", folders, {"linear": 0.25, "knn": 0.75})
    frame = make_dataset().frame
    parts = [model_io.load(folder).fitted.predict(frame).values for folder in folders.values()]
    found = model_io.load(tmp_path / "mixed").fitted.predict(frame).values
    np.testing.assert_allclose(found, 0.25 * parts[0] + 0.75 * parts[1])


def test_a_model_that_is_missing_costs_the_model_alone(study_of_two: Any, tmp_path: Path) -> None:
    journal = SimpleNamespace(folder=tmp_path, model_folder=lambda each: tmp_path / each.name)
    given = SimpleNamespace(**{**vars(study_of_two), "journal": journal})
    found, tracked, _ = run(given)
    assert len(found) == 2
    assert tracked.events[-1] == (BLEND, None)


def test_a_model_that_cannot_be_written_costs_the_model_alone(
    study_of_two: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("dlrun.study.blend.save_blend", full)
    _, tracked, _ = run(study_of_two)
    assert tracked.events[-1] == (BLEND, None)
    assert "No space left on device" in caplog.text


def without(trials: list[Trial], name: str, **changed: Any) -> list[Trial]:
    return [
        replace(each, **changed) if each.candidate == name and each.split.index else each
        for each in trials
    ]


@pytest.mark.parametrize(
    "changed",
    [
        {"error": "out of memory", "predictions": None, "validation_predictions": None},
        {"validation_predictions": None},  # resumed from an earlier version's journal
    ],
)
def test_a_side_that_did_not_finish_leaves_no_blend(study_of_two: Any, changed: Any) -> None:
    found, tracked, notes = run(study_of_two, without(study_of_two.trials, "knn", **changed))
    assert (found, tracked.events) == ([], [])
    assert notes == [
        "No blend: no deep candidate has predictions of the validation rows of every split."
    ]


@pytest.mark.parametrize("case", ["classic alone", "off", "deep and dummy"])
def test_no_blend_where_none_can_be_expected(study_of_two: Any, case: str) -> None:
    plan = study_of_two.plan
    off = SimpleNamespace(evaluation=SimpleNamespace(blend=False))
    changed = {
        "classic alone": {"candidates": plan.candidates[:2]},
        "off": {"recipe": off},
        "deep and dummy": {"candidates": plan.candidates[1:]},
    }[case]
    given = SimpleNamespace(
        **{**vars(study_of_two), "plan": SimpleNamespace(**{**vars(plan), **changed})}
    )
    found, tracked, notes = run(given)
    assert (found, tracked.events, notes) == ([], [], [])


def test_no_candidate_of_a_recipe_is_called_as_the_blend_is(tmp_path: Path) -> None:
    file = tmp_path / "r.yaml"
    text = "data: {source: sklearn:iris}\nmodel: {architecture: mlp, name: blend}\n"
    file.write_text(text)
    with pytest.raises(RecipeError) as error:
        prepare(load_recipe(file))
    assert str(error.value) == (
        "r.yaml:2: model.name: the weighted mean of all candidates is called 'blend'. "
        "Give this candidate another name, or set evaluation.blend: false"
    )
    file.write_text(text + "evaluation: {blend: false}\n")
    assert prepare(load_recipe(file)).networks[0].name == "blend"
