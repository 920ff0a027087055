"""A trial fits, scores and weighs one candidate on one split, here or on workers."""

from __future__ import annotations

import importlib
import logging
import shutil
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from joblib.externals.loky import get_reusable_executor

from dlrun.classic.candidates import make_candidates
from dlrun.contract.candidate import Candidate, Epoch, FitContext, Predictions
from dlrun.contract.dataset import Column, Dataset, Split, Target
from dlrun.contract.trial import ProbeScore, RetrainingCondition, Trial
from dlrun.data import model_io as saved
from dlrun.errors import ExtraError, TrackingError, TrainingError
from dlrun.recipe.schema import Execution, Recipe
from dlrun.study.executor import check_engine, engine, run_trials
from dlrun.study.trial import TrialTask, run_trial

METRICS = ("roc_auc", "accuracy")


@pytest.fixture
def dataset() -> Dataset:
    values = np.random.default_rng(0).normal(size=(90, 2))
    frame = pd.DataFrame(values, columns=["a", "b"])
    target = Target("y", "classification", ("no", "yes"))
    columns = (Column("a", "number"), Column("b", "number"))
    y = (values[:, 0] > 0).astype(np.int64)
    return Dataset("small", "by hand", columns, target, frame, y, np.arange(90) + 1000)


def make_splits(n: int) -> list[Split]:
    parts = np.array_split(np.random.default_rng(1).permutation(90), 6)
    return [
        Split(0, fold, fold, 10 + fold, np.concatenate(parts[:4]), parts[4], parts[5])
        for fold in range(n)
    ]


def baseline(dataset: Dataset, name: str = "linear") -> Candidate:
    recipe = Recipe.model_validate({"data": {"source": "small.csv"}, "baselines": [name]})
    return make_candidates(recipe, dataset)[-1]


@dataclass
class Toy:
    """A candidate that says half for every row, and remembers what it was shown."""

    name: str = "toy"
    family: str = "deep"
    settings: dict[str, object] = field(default_factory=dict)
    fails: BaseException | None = None
    fails_to_save: bool = False
    shown: dict[str, object] = field(default_factory=dict)
    parameters: int = 5
    best_epoch: int | None = 2
    n_before: int = 0

    def fit(self, train: Dataset, validation: Dataset, context: FitContext) -> Toy:
        if self.fails is not None:
            raise self.fails
        self.shown = {
            "train": train.row_ids,
            "validation": validation.row_ids,
            "seed": context.seed,
            "checkpoint": context.checkpoint,
        }
        for number in (1, 2, 3):
            is_again = number <= self.n_before
            epoch = Epoch(number, 3, {"train/loss": 1 / number}, 100.0, resumed=is_again)
            if not context.on_epoch(epoch):
                break
        return self

    def predict(self, frame: pd.DataFrame) -> Predictions:
        return Predictions(np.full((len(frame), 2), 0.5))

    def save(self, folder: Path) -> None:
        if self.fails_to_save:
            message = "toy: only a pickle could keep it"
            raise TrainingError(message)
        (folder / "weights").write_bytes(b"x" * 2**20)


def task(candidate: object, split: Split, **settings: object) -> TrialTask:
    return TrialTask(candidate, split.index, split, METRICS, **settings)  # type: ignore[arg-type]


def run(candidate: object, dataset: Dataset, folder: Path, *, save: bool = True) -> Trial:
    kept = {"model_folder": folder if save else None, "checkpoint": folder / "checkpoint"}
    return run_trial(task(candidate, make_splits(1)[0], **kept), dataset)


def tasks(candidate: object, splits: list[Split], folder: Path) -> list[TrialTask]:
    """Make one task for each split; the last saves its model."""
    last = splits[-1]
    return [task(candidate, each, model_folder=folder if each is last else None) for each in splits]


def test_a_candidate_sees_the_rows_of_the_split_and_its_seed(
    dataset: Dataset, tmp_path: Path
) -> None:
    toy, split = Toy(), make_splits(1)[0]
    run(toy, dataset, tmp_path)
    np.testing.assert_array_equal(toy.shown["train"], dataset.row_ids[split.train])
    np.testing.assert_array_equal(toy.shown["validation"], dataset.row_ids[split.validation])
    assert toy.shown["seed"] == 10
    assert toy.shown["checkpoint"] == tmp_path / "checkpoint"


def test_a_trial_tells_what_was_predicted_and_how_well(dataset: Dataset, tmp_path: Path) -> None:
    trial, split = run(baseline(dataset), dataset, tmp_path), make_splits(1)[0]
    assert (trial.candidate, trial.family, trial.error) == ("linear", "classic", None)
    assert trial.predictions is not None
    y, validation = dataset.y[split.test], dataset.y[split.validation]
    assert trial.scores["accuracy"] == (trial.predictions.class_indices == y).mean() > 0.8
    again = saved.load(tmp_path).fitted.predict(dataset.frame.iloc[split.validation])
    assert trial.validation_scores["accuracy"] == (again.class_indices == validation).mean()
    assert list(trial.scores) == list(trial.validation_scores) == list(METRICS)


def test_a_trial_tells_what_it_cost(dataset: Dataset, tmp_path: Path) -> None:
    trial = run(Toy(), dataset, tmp_path)
    assert trial.cost.fit_seconds is not None and trial.cost.fit_seconds < 1
    assert trial.cost.cpu_seconds is not None
    assert trial.cost.peak_memory_mb is not None and trial.cost.peak_memory_mb > 10
    assert (trial.cost.model_mb, trial.cost.parameters) == (1.0, 5)


def test_what_was_trained_before_the_training_stopped_counts_as_well(
    dataset: Dataset, tmp_path: Path
) -> None:
    """Its seconds do; its CPU seconds nobody knows."""
    cost = run(Toy(n_before=2), dataset, tmp_path).cost
    assert cost.fit_seconds is not None and 200 < cost.fit_seconds < 201
    assert cost.cpu_seconds is None


def test_epochs_are_kept_and_the_caller_says_which_is_the_last(dataset: Dataset) -> None:
    numbers: list[int] = []

    def on_epoch(epoch: Epoch) -> bool:
        numbers.append(epoch.number)
        return epoch.number < 2

    trial = run_trial(task(Toy(), make_splits(1)[0]), dataset, on_epoch=on_epoch)
    assert numbers == [epoch.number for epoch in trial.epochs] == [1, 2]
    assert trial.best_epoch == 2


def test_the_model_takes_the_place_of_what_was_in_the_folder(
    dataset: Dataset, tmp_path: Path
) -> None:
    folder = tmp_path / "models" / "toy"
    folder.mkdir(parents=True)
    (folder / "old").write_text("old", encoding="utf-8")
    run(Toy(), dataset, folder)
    assert [path.name for path in folder.iterdir()] == ["weights"]


def test_a_model_is_weighed_where_it_is_kept(dataset: Dataset, tmp_path: Path) -> None:
    kept = run(Toy(), dataset, tmp_path / "kept")
    assert kept.cost.model_mb == 1.0
    assert (tmp_path / "kept").is_dir()
    trial = run(Toy(), dataset, tmp_path / "other", save=False)
    assert (trial.cost.model_mb, trial.cost.latency_ms_batch1) == (None, None)
    assert trial.cost.fit_seconds is not None
    shutil.rmtree(tmp_path / "kept")
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_cannot_be_saved_keeps_its_scores(
    dataset: Dataset, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        trial = run(Toy(fails_to_save=True), dataset, tmp_path)
    assert (trial.error, trial.cost.model_mb, trial.scores["accuracy"] > 0) == (None, None, True)
    assert caplog.messages == [
        "toy: only a pickle could keep it. The model is not kept; its scores are."
    ]


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (TrainingError("toy: the loss is not a number"), "toy: the loss is not a number"),
        (MemoryError(), "toy: the memory of this machine does not suffice"),
    ],
)
def test_a_failure_is_a_trial_with_nothing_but_an_error(
    failure: Exception, error: str, dataset: Dataset, tmp_path: Path
) -> None:
    trial = run(Toy(fails=failure), dataset, tmp_path)
    assert trial == Trial("toy", "deep", trial.split, error=error)


def test_a_bug_is_a_failure_too_and_keeps_its_traceback(
    dataset: Dataset, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    trial = run(Toy(fails=ZeroDivisionError("by nothing")), dataset, tmp_path)
    assert trial.error == "toy: ZeroDivisionError: by nothing"
    assert caplog.messages == ["toy failed"]
    assert "raise self.fails" in caplog.text


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), TrackingError("the disk is full")])
def test_an_interruption_and_a_store_that_fails_pass_through(
    failure: BaseException, dataset: Dataset, tmp_path: Path
) -> None:
    with pytest.raises(type(failure)):
        run(Toy(fails=failure), dataset, tmp_path)


@pytest.mark.parametrize("workers", [1, 2])
def test_workers_give_the_same_trials_in_the_splits_order(
    workers: int, dataset: Dataset, tmp_path: Path
) -> None:
    splits, candidate = make_splits(2), baseline(dataset, "decision_tree")
    given = tasks(candidate, splits, tmp_path / "model")
    trials = run_trials(given, dataset, Execution(workers=workers))
    for trial, split in zip(trials, splits, strict=True):
        alone = run_trial(task(candidate, split), dataset)
        assert (trial.split.index, trial.scores) == (split.index, alone.scores)
        assert trial.predictions is not None and alone.predictions is not None
        np.testing.assert_array_equal(trial.predictions.values, alone.predictions.values)
    kept = saved.load(tmp_path / "model").fitted.predict(dataset.frame.iloc[splits[-1].test])
    np.testing.assert_array_equal(kept.values, alone.predictions.values)


def test_a_trial_under_a_condition_scores_the_primary_metric_alone(dataset: Dataset) -> None:
    split = make_splits(1)[0]
    fewer = replace(split, train=split.train[:30])
    condition = RetrainingCondition("learning_curve", 0.5, fewer, lambda rows: rows)
    given = TrialTask(baseline(dataset), 0, fewer, METRICS[:1], condition)
    trial = run_trial(given, dataset)
    (found,) = trial.probe_scores
    assert found == ProbeScore(
        "linear", "classic", "learning_curve", "", 0.5, 0, 30, trial.scores["roc_auc"]
    )
    (missing,) = given.failed("too few rows").probe_scores
    assert np.isnan(missing.score)


DEADLY = """
import os, signal
from sklearn.tree import DecisionTreeClassifier
class Deadly(DecisionTreeClassifier):
    def fit(self, X, y):
        if len(y) == 61:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().fit(X, y)
"""


def test_a_worker_that_is_killed_costs_its_trials_alone(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "deadly.py").write_text(DEADLY, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    get_reusable_executor().shutdown()  # its workers know the path of an earlier test
    splits = make_splits(3)
    splits[1] = replace(splits[1], train=np.append(splits[1].train, splits[1].validation[:1]))

    def run_all(splits: list[Split], estimator: str) -> list[Trial]:
        baselines = [{"estimator": estimator}]
        recipe = Recipe.model_validate({"data": {"source": "small.csv"}, "baselines": baselines})
        candidate = make_candidates(recipe, dataset)[-1]
        given = tasks(candidate, splits, tmp_path / "model")
        return list(run_trials(given, dataset, Execution(workers=2)))

    trials = run_all(splits, "deadly.Deadly")
    assert [trial.split.index for trial in trials] == [0, 1, 2]
    assert trials[1].error == (
        "Deadly: its process was killed, most likely for lack of memory. Lower "
        "execution.workers, or take fewer rows: data.max_rows"
    )
    others = run_all(splits, "sklearn.tree.DecisionTreeClassifier")
    assert [trial.error for trial in others] == [None] * 3


@pytest.mark.parametrize(("name", "package"), [("ray", "ray"), ("dask", "dask.distributed")])
def test_a_missing_engine_names_its_extra(
    name: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def absent(wanted: str) -> None:
        raise ModuleNotFoundError(wanted)

    monkeypatch.setattr(importlib, "import_module", absent)
    with pytest.raises(ExtraError) as caught, engine(Execution(engine=name)):  # type: ignore[arg-type]
        pass
    assert str(caught.value) == f"{package} is not installed. Run: pip install 'dlrun[{name}]'"
    with pytest.raises(ExtraError):  # before anything is trained
        check_engine(Execution(engine=name))  # type: ignore[arg-type]
    check_engine(Execution())


@pytest.mark.parametrize(("name", "package"), [("ray", "ray"), ("dask", "dask.distributed")])
def test_an_engine_runs_the_trials(
    name: str, package: str, dataset: Dataset, tmp_path: Path
) -> None:
    pytest.importorskip(package, reason=f"needs the extra {name}")
    splits = make_splits(2)
    execution = Execution(engine=name, workers=2)  # type: ignore[arg-type]
    trials = run_trials(tasks(baseline(dataset), splits, tmp_path / "model"), dataset, execution)
    assert [trial.scores["accuracy"] > 0.8 for trial in trials] == [True, True]
