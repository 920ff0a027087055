"""A study whose settings are searched: the same with any number of slots."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dlrun.contract.candidate import always_continue
from dlrun.contract.job import Job
from dlrun.contract.trial import Trial
from dlrun.errors import RecipeError
from dlrun.recipe.load import load_recipe
from dlrun.study.candidate_runner import CandidateRunner, planned_trials
from dlrun.study.plan import StudyPlan, prepare
from dlrun.study.resume import Journal
from dlrun.study.trial import TrialTask

RECIPE = """\
data: {source: sklearn:wine}
model: none
baselines: [knn]
evaluation: {folds: 2, learning_curve: [0.5]}
search: {trials: 3, inner: validation}
"""


class Slots:
    """An engine that runs the job that was submitted last, and keeps them all."""

    def __init__(self, plan: StudyPlan, n_slots: int) -> None:
        self.plan, self.n_slots = plan, n_slots
        self.waiting: list[tuple[int, Job[Any]]] = []
        self.jobs: list[Job[Any]] = []

    def submit(self, number: int, job: Job[Any]) -> None:
        self.waiting.append((number, job))
        assert len(self.waiting) <= self.n_slots

    def wait(self, on_epoch: Any) -> tuple[int, Any]:
        number, job = self.waiting.pop()
        self.jobs.append(job)
        return number, job.run(self.plan.dataset, always_continue, 1)


class Mortal(Slots):
    """An engine whose process is killed once three trials of searches are kept."""

    def wait(self, on_epoch: Any) -> tuple[int, Any]:
        folder = Path(os.environ["KILLED"])
        if len(list(folder.glob("*/*.search/*.record"))) >= 3:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().wait(on_epoch)


class Calls:
    """Keeps what is called of it."""

    def __init__(self) -> None:
        self.made: list[tuple[Any, ...]] = []

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments: self.made.append((name, *arguments))

    def of(self, name: str) -> list[tuple[Any, ...]]:
        return [arguments for called, *arguments in self.made if called == name]


def plan_of(folder: Path, text: str = RECIPE) -> StudyPlan:
    file = folder / "r.yaml"
    file.write_text(text, encoding="utf-8")
    return prepare(load_recipe(file))


def journal_of(plan: StudyPlan, folder: Path) -> Journal:
    keys = {each.name: each.name for each in plan.candidates}
    searches = {name: search.digest for name, search in plan.searches.items()}
    return Journal(folder, keys, searches)


def run(
    plan: StudyPlan, folder: Path, n_slots: int = 1, kind: type[Slots] = Slots
) -> tuple[list[Trial], Slots, Calls, Calls]:
    engine, study, reporter = kind(plan, n_slots), Calls(), Calls()
    journal = journal_of(plan, folder)
    runner = CandidateRunner(plan, study, reporter, journal, engine, lambda: None)
    return runner.run(), engine, study, reporter


def test_results_do_not_depend_on_the_number_of_slots(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    one, engine, study, reporter = run(plan, tmp_path / "one")
    many, parallel, others, _ = run(plan, tmp_path / "many", n_slots=5)
    assert [trial.candidate for trial in one] == ["dummy"] * 2 + ["knn"] * 2
    assert [trial.tuning is None for trial in one] == [True] * 2 + [False] * 2
    for left, right in zip(one, many, strict=True):
        assert (left.candidate, left.split.index) == (right.candidate, right.split.index)
        assert left.scores == right.scores
        np.testing.assert_array_equal(left.predictions.values, right.predictions.values)
        if left.tuning and right.tuning:
            assert left.tuning.chosen == right.tuning.chosen
            pairs = zip(left.tuning.trials, right.tuning.trials, strict=True)
            assert all((a.settings, a.score) == (b.settings, b.score) for a, b in pairs)
    assert len(engine.jobs) == len(parallel.jobs)
    assert scores(study) == scores(others)
    shown = [
        (name, split.index, str(progress)) for name, split, progress in reporter.of("searched")
    ]
    assert shown == [("knn", split, f"trial {n}/3") for split in (0, 1) for n in (1, 2, 3)]


def scores(study: Calls) -> list[Any]:
    found = [score for part, *_ in study.of("log_probe_scores") for score in part]
    return sorted(found, key=repr)


@pytest.mark.parametrize("n_slots", [1, 5])
def test_conditions_are_run_with_the_settings_that_their_split_chose(
    tmp_path: Path, n_slots: int
) -> None:
    plan = plan_of(tmp_path)
    trials, engine, *_ = run(plan, tmp_path / "journal", n_slots)
    chosen = {(trial.candidate, trial.split.index): trial.tuning for trial in trials}
    jobs = [job for job in engine.jobs if isinstance(job, TrialTask) and job.condition]
    assert len(jobs) == 4
    assert any(tuning and tuning.chosen > 1 for tuning in chosen.values())
    for job in jobs:
        tuning = chosen[job.candidate.name, job.split.index]
        for key, value in (tuning.settings if tuning else {}).items():
            assert job.candidate.settings[key] == value


def test_what_has_ended_is_not_run_again(tmp_path: Path) -> None:
    plan = plan_of(tmp_path)
    first, *_ = run(plan, tmp_path / "journal")
    journal = journal_of(plan, tmp_path / "journal")
    assert journal.n_kept(plan.candidates, plan.splits.splits) == 4
    assert [len(line.sizes) for line in planned_trials(plan, journal, {})][::2] == [0, 0]
    again, engine, *_ = run(plan, tmp_path / "journal")
    assert engine.jobs == []
    assert [trial.tuning for trial in again] == [trial.tuning for trial in first]
    assert all(trial.resumed for trial in again)


@pytest.mark.slow
def test_killed_in_its_middle_it_comes_to_the_same(tmp_path: Path) -> None:
    plan, killed = plan_of(tmp_path), tmp_path / "killed"
    here = Path(__file__)
    script = (
        f"import sys; sys.path[:0] = [{str(here.parent)!r}]; from pathlib import Path; "
        f"import {here.stem} as t; plan = t.plan_of(Path({str(tmp_path)!r})); "
        f"t.run(plan, Path({str(killed)!r}), kind=t.Mortal)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env=os.environ | {"KILLED": str(killed)}, check=False
    )
    assert done.returncode == -signal.SIGKILL
    expected, whole, *_ = run(plan, tmp_path / "whole")
    found, engine, *_ = run(plan, killed)
    assert 0 < len(engine.jobs) < len(whole.jobs)
    for left, right in zip(expected, found, strict=True):
        assert left.scores == right.scores
        assert settings_tried(left) == settings_tried(right)


def settings_tried(trial: Trial) -> Any:
    tuning = trial.tuning
    if tuning is None:
        return None
    return tuning.chosen, [(each.settings, each.score) for each in tuning.trials]


def test_another_search_reuses_the_default_and_what_was_tried(tmp_path: Path) -> None:
    run(plan_of(tmp_path), tmp_path / "journal")
    longer = plan_of(tmp_path, RECIPE.replace("trials: 3", "trials: 4"))
    _, engine, *_ = run(longer, tmp_path / "journal")
    searched = [job for job in engine.jobs if not isinstance(job, TrialTask)]
    assert [job.number for job in searched] == [4] * 2


def test_few_validation_rows_are_scored_in_folds_and_it_is_said(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, RECIPE.replace(", inner: validation", ""))
    assert {search.inner.method for search in plan.searches.values()} == {"stratified"}
    assert "DLR069" in {note.code for note in plan.dataset.notes}


def test_without_a_search_there_are_no_searches(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, RECIPE.partition("search")[0])
    assert plan.searches == {}


def test_inner_folds_that_cannot_be_made_are_a_fault_of_the_recipe(tmp_path: Path) -> None:
    rows = "".join(f"{g},{y},{v}\n" for g in "abc" for y in "xz" for v in range(12))
    (tmp_path / "t.csv").write_text("g,y,v\n" + rows, encoding="utf-8")
    text = (
        "data: {source: t.csv, target: y, split: {method: group, column: g}}\n"
        "model: none\nbaselines: [linear]\nevaluation: {folds: 1}\n"
        "search: {trials: 3, inner: folds}\n"
    )
    with pytest.raises(RecipeError) as error:
        plan_of(tmp_path, text)
    assert str(error.value).startswith("r.yaml:5: search.inner: inner folds: the number of groups")
    assert str(error.value).endswith("Set inner: validation")
    automatic = plan_of(tmp_path, text.replace(", inner: folds", ""))
    assert automatic.searches["linear"].inner is None
