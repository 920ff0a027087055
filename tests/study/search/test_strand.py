"""A searched trial: what is tried, what is chosen, and that a stop changes neither."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from math import isnan
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from damage import flipped
from trials import make_splits, task

from dlrun.contract.candidate import FitContext, Predictions, always_continue
from dlrun.contract.dataset import Dataset, Split
from dlrun.contract.job import Job
from dlrun.contract.search import Dimension, SearchTrial
from dlrun.contract.trial import Trial
from dlrun.errors import TrainingError
from dlrun.study.resume import Journal
from dlrun.study.search.inner import InnerFolds
from dlrun.study.search.job import SearchJob
from dlrun.study.search.plan import SearchPlan
from dlrun.study.search.strand import SettingsSearch
from dlrun.study.trial import TrialTask

SPLIT = make_splits(1)[0]
KEY = "baselines.toy.weight"
PLAN = SearchPlan({KEY: Dimension(range=(-1.0, 1.0))}, "tpe", 8)


@dataclass(frozen=True)
class Toy:
    """Ranks rows by weight × a + (1 - |weight|) × b, where a decides the class."""

    weight: float = -0.5
    fails_below: float = -2.0
    name: str = "toy"
    family: str = "classic"
    features: tuple[str, ...] = ()
    needs_validation: bool = False
    fits: list[tuple[int, int, float | None]] = field(default_factory=list, compare=False)

    @property
    def settings(self) -> dict[str, object]:
        return {KEY: self.weight}

    def with_settings(self, changed: Mapping[str, Any]) -> Toy:
        return replace(self, weight=changed.get(KEY, self.weight))

    def fit(self, train: Dataset, validation: Dataset, context: FitContext) -> FittedToy:
        self.fits.append((len(train), len(validation), context.seconds))
        if self.weight < self.fails_below:
            message = f"weight is {self.weight}"
            raise TrainingError(message)
        return FittedToy(self.weight)


@dataclass(frozen=True)
class FittedToy:
    weight: float
    parameters: int = 1
    best_epoch: None = None

    def predict(self, frame: pd.DataFrame) -> Predictions:
        rank = self.weight * frame["a"] + (1 - abs(self.weight)) * frame["b"]
        positive = 1 / (1 + np.exp(-rank.to_numpy()))
        return Predictions(np.stack([1 - positive, positive], axis=1))

    def save(self, folder: Path) -> None:
        (folder / "weight").write_text(str(self.weight))


@dataclass
class Driver:
    """Runs the jobs of a strand in turn, as an engine of one slot does, and keeps them."""

    dataset: Dataset
    folder: Path
    plan: SearchPlan = PLAN
    candidate: Toy = field(default_factory=Toy)
    jobs: list[Job[Any]] = field(default_factory=list)
    shown: list[int] = field(default_factory=list)
    stop_after: int | None = None

    def run(self, split: Split = SPLIT, **settings: object) -> Trial | None:
        """Return the trial; None where the run was stopped after some jobs."""
        journal = Journal(self.folder, {"toy": "toy"}, {"toy": self.plan.digest})
        plain = replace(task(self.candidate, split), **settings)
        search = SettingsSearch(plain, self.plan, journal, self._show)
        strand, result = search.run(), None
        try:
            while True:
                job = strand.send(result)
                if len(self.jobs) == self.stop_after:
                    return None
                self.jobs.append(job)
                result = job.run(self.dataset, always_continue, 1)
        except StopIteration as end:
            return end.value

    def _show(self, trials: Sequence[SearchTrial]) -> None:
        self.shown.append(len(trials))


@pytest.fixture(autouse=True)
def any_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    """To limit them takes longer than these fits."""
    monkeypatch.setattr("dlrun.system.cost.limited_threads", lambda _: nullcontext())


@pytest.fixture
def driver(dataset: Dataset, tmp_path: Path) -> Driver:
    return Driver(dataset, tmp_path)


def settings_of(trial: Trial | None) -> list[Mapping[str, object]]:
    assert trial
    assert trial.tuning
    return [each.settings for each in trial.tuning.trials]


def test_the_default_is_tried_first_and_the_best_is_tested(driver: Driver) -> None:
    trial = driver.run()
    assert trial
    assert trial.tuning
    first, *others = trial.tuning.trials
    assert (first.number, first.settings, first.error) == (1, {}, None)
    assert [each.number for each in others] == [2, 3, 4, 5, 6, 7, 8]
    assert trial.tuning.chosen > 1
    assert trial.tuning.inner == "validation"
    best = max(each.score for each in trial.tuning.trials)
    assert trial.validation_scores["roc_auc"] == best > first.score
    assert trial.scores["roc_auc"] > trial.tuning.default_scores["roc_auc"]
    assert trial.tuning.seconds > 0
    assert driver.shown == [1, 2, 3, 4, 5, 6, 7, 8]
    assert [type(job) for job in driver.jobs] == [TrialTask, *[SearchJob] * 7, TrialTask]
    assert driver.jobs[-1].candidate.settings == trial.tuning.settings


def test_no_search_job_gets_a_test_row(driver: Driver) -> None:
    driver.run()
    jobs = [job for job in driver.jobs if isinstance(job, SearchJob)]
    assert {len(job.split.test) for job in jobs} == {0}
    folds = replace(PLAN, inner=InnerFolds("random"))
    for job in jobs[:1]:
        rows = np.concatenate(
            [part for fold in folds.inner.of(driver.dataset, job.split) for part in fold[:3]]
        )
        assert not set(rows) & set(SPLIT.test)


def test_the_default_is_kept_unless_others_are_strictly_better(driver: Driver) -> None:
    driver.candidate = Toy(weight=0.99)
    model = driver.folder / "toy" / "model"
    trial = driver.run(model_folder=model)
    assert trial
    assert trial.tuning
    assert trial.tuning.chosen == 1
    assert trial.tuning.default_scores == trial.scores
    assert len(driver.jobs) == 8  # and no fit to test what was tested already
    assert (model / "weight").read_text() == "0.99"


def test_of_equal_scores_the_earlier_is_chosen(driver: Driver) -> None:
    driver.plan = replace(PLAN, space={KEY: Dimension(choices=(0.97, 0.98, 0.99, 1.0))})
    trial = driver.run()
    assert trial
    assert trial.tuning
    scores = [each.score for each in trial.tuning.trials]
    assert scores.count(max(scores)) > 1
    assert trial.tuning.chosen == scores.index(max(scores)) + 1


def test_a_trial_that_fails_costs_its_time_and_is_not_chosen(driver: Driver) -> None:
    driver.candidate = Toy(fails_below=0.8, weight=0.9)
    trial = driver.run()
    assert trial
    assert trial.tuning
    failed = [each for each in trial.tuning.trials if each.error]
    assert failed
    assert all(isnan(each.score) and each.seconds is not None for each in failed)
    assert failed[0].error == f"weight is {failed[0].settings[KEY]}"
    assert trial.tuning.chosen not in {each.number for each in failed}
    assert trial.error is None


def test_others_are_tried_where_the_default_fails(driver: Driver) -> None:
    driver.candidate = Toy(fails_below=-0.4)
    trial = driver.run()
    assert trial
    assert trial.tuning
    assert trial.tuning.trials[0].error == "weight is -0.5"
    assert trial.tuning.default_scores == {}
    assert (trial.tuning.chosen > 1, trial.error) == (True, None)


def test_a_candidate_that_always_fails_is_given_up_with_its_first_reason(driver: Driver) -> None:
    driver.candidate = Toy(fails_below=2.0)
    trial = driver.run()
    assert trial
    assert trial.tuning
    assert trial.error == "weight is -0.5"
    assert len(trial.tuning.trials) == 5


def test_a_lower_score_is_better_where_the_metric_says_so(driver: Driver) -> None:
    trial = driver.run(metrics=("log_loss",))
    assert trial
    assert trial.tuning
    scores = [each.score for each in trial.tuning.trials]
    assert trial.tuning.chosen == scores.index(min(scores)) + 1


def test_few_values_are_tried_once_each(driver: Driver) -> None:
    driver.plan = replace(PLAN, space={KEY: Dimension(choices=(-0.5, 0.1, 0.2))})
    trial = driver.run()
    assert sorted(each.get(KEY, -0.5) for each in settings_of(trial)) == [-0.5, 0.1, 0.2]


def test_inner_folds_score_the_default_as_the_others(driver: Driver) -> None:
    driver.plan = replace(PLAN, inner=InnerFolds("stratified"), n_trials=3)
    trial = driver.run()
    assert trial
    assert trial.tuning
    assert trial.tuning.inner == "folds"
    assert [type(job) for job in driver.jobs][:2] == [TrialTask, SearchJob]
    assert driver.jobs[1].settings == {}
    assert (
        trial.tuning.trials[0].score == driver.jobs[1].run(driver.dataset, always_continue, 1).score
    )
    assert driver.candidate.fits[0][0] == 60
    assert [fit[0] for fit in driver.candidate.fits[1:4]] == [
        50,
        50,
        50,
    ]  # of 75


def test_inner_folds_keep_rows_for_early_stopping_where_it_is_needed(driver: Driver) -> None:
    driver.plan = replace(PLAN, inner=InnerFolds("random"), n_trials=2)
    driver.candidate = Toy(needs_validation=True)
    driver.run()
    assert [fit[:2] for fit in driver.candidate.fits[1:4]] == [(35, 15)] * 3


def test_seconds_are_handed_to_fits_and_shared_by_inner_folds(driver: Driver) -> None:
    driver.plan = replace(PLAN, n_trials=3, seconds=60.0)
    driver.run()
    default, *others = (fit[2] for fit in driver.candidate.fits)
    assert default is None
    assert 59 < others[1] < others[0] < 60
    driver.plan, driver.candidate = replace(driver.plan, inner=InnerFolds("random")), Toy()
    driver.run()
    assert [fit[2] for fit in driver.candidate.fits[:3]] == [None] * 3  # the default's
    assert driver.candidate.fits[3][2] == pytest.approx(20, abs=1)


@pytest.mark.parametrize(
    ("sampler", "stops"),
    [("tpe", range(8)), ("cmaes", [6]), ("qmc", [4]), ("random", [4]), ("grid", [4])],
)
def test_stopped_after_any_job_it_comes_to_the_same(
    dataset: Dataset, tmp_path: Path, sampler: str, stops: Sequence[int]
) -> None:
    space = {KEY: Dimension(range=(-1.0, 1.0)), "other": Dimension(log=(1, 64))}
    plan = replace(PLAN, sampler=sampler, space=space, n_trials=7)
    candidate = Toy(fails_below=-0.6)
    whole = Driver(dataset, tmp_path / "whole", plan, candidate)
    expected = whole.run(model_folder=tmp_path / "whole" / "toy" / "model")
    assert expected
    folder = tmp_path / "stopped"
    model = folder / "toy" / "model"
    assert len(whole.jobs) == 7 + (expected.tuning.chosen > 1)
    for n_jobs in stops:
        shutil.rmtree(folder, ignore_errors=True)
        Driver(dataset, folder, plan, candidate, stop_after=n_jobs).run(model_folder=model)
        again = Driver(dataset, folder, plan, candidate)
        found = again.run(model_folder=model)
        assert found
        assert settings_of(found) == settings_of(expected)
        assert (found.tuning.chosen, found.scores) == (expected.tuning.chosen, expected.scores)
        assert len(again.jobs) == len(whole.jobs) - n_jobs, n_jobs  # nothing is tried twice
        assert (model / "weight").read_text() == str(expected.tuning.settings.get(KEY, -0.5))


def test_stopped_again_and_again_it_comes_to_the_same(dataset: Dataset, tmp_path: Path) -> None:
    expected = Driver(dataset, tmp_path / "whole").run()
    rng, found, n_runs = np.random.default_rng(0), None, 0
    while found is None:
        found = Driver(dataset, tmp_path / "stopped", stop_after=int(rng.integers(3))).run()
        n_runs += 1
    assert n_runs > 3
    assert settings_of(found) == settings_of(expected)
    assert found.tuning.chosen == expected.tuning.chosen


def records(folder: Path) -> Iterator[Path]:
    return iter(sorted(folder.glob("toy/*.search/*.record")))


def test_a_damaged_record_is_named_and_tried_anew(
    driver: Driver, caplog: pytest.LogCaptureFixture
) -> None:
    expected = driver.run()
    damaged = next(records(driver.folder))
    damaged.write_bytes(flipped(9)(damaged.read_bytes()))
    driver.jobs.clear()
    assert settings_of(driver.run()) == settings_of(expected)
    assert sum(isinstance(job, SearchJob) for job in driver.jobs) == 1
    assert caplog.messages == [
        f"{damaged} is damaged: its checksum does not match. These settings of toy are tried anew."
    ]


def test_more_trials_reuse_those_that_were_tried(driver: Driver) -> None:
    few = driver.run()
    driver.plan = replace(PLAN, n_trials=12)
    driver.jobs.clear()
    many = driver.run()
    assert settings_of(many)[:8] == settings_of(few)
    assert sum(isinstance(job, SearchJob) for job in driver.jobs) == 4


def test_the_result_of_a_search_comes_back_as_it_was(driver: Driver) -> None:
    trial = driver.run()
    assert trial
    journal = Journal(driver.folder, {"toy": "toy"}, {"toy": PLAN.digest})
    journal.keep(trial)
    found = journal.recall(driver.candidate, SPLIT)
    assert found
    assert found.tuning == trial.tuning
    assert journal.has(driver.candidate, SPLIT)
    default = journal.recall(driver.candidate, SPLIT, chosen={})
    assert default
    assert default.scores == trial.tuning.default_scores
    other = Journal(driver.folder, {"toy": "toy"}, {"toy": "another search"})
    assert other.recall(driver.candidate, SPLIT) is None
    assert Journal(driver.folder, {"toy": "toy"}).recall(driver.candidate, SPLIT).tuning is None


def test_each_split_is_searched_for_itself(driver: Driver) -> None:
    one, two = (driver.run(split) for split in make_splits(2))
    assert settings_of(one)[1:] != settings_of(two)[1:]


def test_a_job_that_could_not_run_is_a_failed_trial(dataset: Dataset) -> None:
    job = SearchJob(Toy(), 3, {KEY: 0.5}, SPLIT, "roc_auc")
    failed = job.failed("killed, mysql://me:secret@host")
    assert (failed.number, failed.settings, isnan(failed.score)) == (3, {KEY: 0.5}, True)
    assert failed.error == "killed, mysql://me:***@host"
