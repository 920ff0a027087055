"""A trial fits, scores and measures one candidate on one split."""

from __future__ import annotations

import logging
import os
import shutil
import signal
import threading
from contextlib import suppress
from dataclasses import dataclass, field, replace
from errno import ENOSPC
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from trials import METRICS, baseline, make_splits, task

from dlrun.classic.candidates import make_candidates
from dlrun.contract.candidate import Epoch, FitContext, Predictions
from dlrun.contract.dataset import Dataset, TextFormat
from dlrun.contract.trial import ProbeScore, RetrainingCondition, Trial
from dlrun.data import model_io as saved
from dlrun.data.reference import REFERENCE
from dlrun.errors import TrackingError, TrainingError
from dlrun.recipe.schema import Recipe
from dlrun.study.trial import TrialTask, run_trial
from dlrun.system import cost
from dlrun.system.signals import exit_code, raise_on_signals


@dataclass
class Toy:
    """A candidate that says half for every row, and remembers what it was shown."""

    name: str = "toy"
    family: str = "deep"
    settings: dict[str, object] = field(default_factory=dict)
    fails: BaseException | None = None
    fails_to_save: Exception | None = None
    shown: dict[str, object] = field(default_factory=dict)
    parameters: int = 5
    best_epoch: int | None = 2
    n_before: int = 0
    on_gpu: bool = False
    needs_validation: bool = True

    def fit(self, train: Dataset, validation: Dataset, context: FitContext) -> Toy:
        if self.fails is not None:
            raise self.fails
        if self.on_gpu:
            cost.record_gpus(300.0, None)
            cost.record_gpus(200.0, 1.5)
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
        (folder / "weights").write_bytes(b"x" * 2**20)
        if self.fails_to_save:
            raise self.fails_to_save


def run(candidate: object, dataset: Dataset, folder: Path, *, save: bool = True) -> Trial:
    kept = {"model_folder": folder if save else None, "checkpoint": folder / "checkpoint"}
    return run_trial(task(candidate, make_splits(1)[0], **kept), dataset)


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
    assert trial.validation_predictions is not None
    np.testing.assert_array_equal(trial.validation_predictions.values, again.values)
    assert list(trial.scores) == list(trial.validation_scores) == list(METRICS)


def test_the_format_of_the_training_files_is_kept_with_the_model(
    dataset: Dataset, tmp_path: Path
) -> None:
    form = TextFormat(separator=";", header="none", names=("a", "y"))
    run(baseline(dataset), replace(dataset, format=form), tmp_path)
    assert saved.load(tmp_path).format == form


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


def test_cpu_seconds_are_no_measure_of_a_network_on_a_gpu(dataset: Dataset, tmp_path: Path) -> None:
    """Its memory and energy are; what earlier processes used before it was resumed nobody knows."""
    there = run(Toy(on_gpu=True), dataset, tmp_path / "gpu").cost
    assert (there.cpu_seconds, there.gpu_peak_memory_mb, there.gpu_energy_wh) == (None, 300.0, 1.5)
    resumed = run(Toy(on_gpu=True, n_before=2), dataset, tmp_path / "resumed").cost
    assert (resumed.gpu_peak_memory_mb, resumed.gpu_energy_wh) == (300.0, None)
    for candidate in (Toy(), baseline(dataset)):
        here = run(candidate, dataset, tmp_path / candidate.name).cost
        assert here.cpu_seconds is not None
        assert here.gpu_peak_memory_mb is here.gpu_energy_wh is None


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
    assert {path.name for path in folder.iterdir()} == {"weights", REFERENCE}


def test_a_model_is_weighed_where_it_is_kept(dataset: Dataset, tmp_path: Path) -> None:
    kept = run(Toy(), dataset, tmp_path / "kept")
    assert kept.cost.model_mb == 1.0
    assert (tmp_path / "kept").is_dir()
    trial = run(Toy(), dataset, tmp_path / "other", save=False)
    assert (trial.cost.model_mb, trial.cost.latency_ms_batch1) == (None, None)
    assert trial.cost.fit_seconds is not None
    shutil.rmtree(tmp_path / "kept")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("failure", "reason"),
    [
        (TrainingError("toy: only a pickle could keep it"), "toy: only a pickle could keep it"),
        (OSError(ENOSPC, "full"), "{folder}: this model cannot be written: [Errno 28] full"),
    ],
)
def test_a_model_that_cannot_be_saved_keeps_its_scores(
    failure: Exception,
    reason: str,
    dataset: Dataset,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    (tmp_path / "model").mkdir()
    with caplog.at_level(logging.WARNING):
        trial = run(Toy(fails_to_save=failure), dataset, tmp_path / "model")
    assert (trial.error, trial.cost.model_mb, trial.scores["accuracy"] > 0) == (None, None, True)
    expected = reason.format(folder=tmp_path / "model")
    assert caplog.messages == [f"{expected}. The model is not kept; its scores are."]
    assert not (tmp_path / "model").exists()  # nor is that of another fit


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
    assert [message.splitlines()[0] for message in caplog.messages] == ["toy failed"]
    assert "raise self.fails" in caplog.text


@pytest.mark.parametrize("failure", [KeyboardInterrupt(), TrackingError("the disk is full")])
def test_an_interruption_and_a_store_that_fails_pass_through(
    failure: BaseException, dataset: Dataset, tmp_path: Path
) -> None:
    with pytest.raises(type(failure)):
        run(Toy(fails=failure), dataset, tmp_path)


ENDLESS = {
    "estimator": "sklearn.neural_network.MLPClassifier",
    "max_iter": 10**6,
    "n_iter_no_change": 10**6,
}


@pytest.mark.filterwarnings("ignore:Training interrupted by user")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_fit_that_swallows_a_signal_is_not_kept(
    number: int, dataset: Dataset, tmp_path: Path
) -> None:
    """scikit-learn's perceptron returns what it has learned so far."""
    settings = {"data": {"source": "small.csv"}, "baselines": [ENDLESS]}
    candidate = make_candidates(Recipe.model_validate(settings), dataset)[-1]
    timer = threading.Timer(0.3, os.kill, (os.getpid(), number))
    timer.start()
    with pytest.raises(KeyboardInterrupt) as stop, raise_on_signals():
        run(candidate, dataset, tmp_path / "model")
    assert exit_code(stop.value) == 128 + number
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize("outcome", [None, ValueError("stopped")])
def test_nor_is_one_that_makes_something_else_of_it(
    outcome: Exception | None, dataset: Dataset, tmp_path: Path
) -> None:
    @dataclass
    class Deaf(Toy):
        def predict(self, frame: pd.DataFrame) -> Predictions:
            with suppress(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
            if outcome:
                raise outcome
            return super().predict(frame)

    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        run(Deaf(), dataset, tmp_path)
    assert signal.getsignal(signal.SIGINT) is before


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


def test_on_some_labels_the_validation_score_is_kept_to_choose_by(dataset: Dataset) -> None:
    split = make_splits(1)[0]
    condition = RetrainingCondition("labels", 40, split, lambda rows: rows)
    trial = run_trial(TrialTask(baseline(dataset), 0, split, METRICS[:1], condition), dataset)
    found = {each.name: each.score for each in trial.probe_scores}
    assert found == {"": trial.scores["roc_auc"], "validation": trial.validation_scores["roc_auc"]}


@pytest.mark.parametrize("needs", [True, False])
def test_what_needs_no_validation_rows_learns_from_them_in_the_end(
    dataset: Dataset, needs: bool
) -> None:
    (split,) = make_splits(1)
    toy = Toy(needs_validation=needs)
    trial = run_trial(task(toy, replace(split, is_refit=True)), dataset)
    assert trial.error is None
    assert len(trial.epochs) == 3  # those of the first fit alone
    shown = split.train if needs else np.sort(np.concatenate([split.train, split.validation]))
    assert toy.shown["train"].tolist() == dataset.row_ids[shown].tolist()
    run_trial(task(toy, split), dataset)
    assert toy.shown["train"].tolist() == dataset.row_ids[split.train].tolist()
