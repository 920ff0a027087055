"""A candidate trained on all rows: which settings, how many epochs, and the same model again."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from damage import flipped
from trials import METRICS, baseline, make_splits

from dlrun.contract.candidate import Candidate, Epoch, FitContext, always_continue
from dlrun.contract.dataset import Dataset, Split, Splits
from dlrun.contract.search import SearchTrial, Tuning
from dlrun.contract.trial import Trial
from dlrun.data.model_io import load
from dlrun.recipe.schema import Recipe
from dlrun.study.refit import RefitJob, choose_settings, make_refit
from dlrun.study.trial import TrialTask, run_trial

SPLITS = Splits(tuple(make_splits(3)), "digest")
NEAREST = {"estimator": "sklearn.neighbors.KNeighborsClassifier", "n_neighbors": 1}


def trial(
    split: Split, best_epoch: int | None = None, halved: Sequence[int] = (), **changed: Any
) -> Trial:
    """Make a trial of as many epochs, and of two more, whose rate is halved after some of them."""
    epochs = [
        Epoch(n, 50, {"train/learning_rate": 0.5 ** sum(each < n for each in halved)}, 1.0)
        for n in range(1, (best_epoch or -2) + 3)
    ]
    made = Trial("it", "deep", split, epochs=tuple(epochs), best_epoch=best_epoch)
    return replace(made, **changed)


def tuned(split: Split, settings: dict[str, object], score: float, default: float) -> Trial:
    trials = (SearchTrial(1, {}, default), SearchTrial(2, settings, score))
    return trial(split, tuning=Tuning(trials, 2 if settings else 1))


def refit(candidate: Candidate, trials: Sequence[Trial], folder: Path) -> RefitJob:
    return make_refit(candidate, trials, SPLITS, METRICS[0], folder)


def run(job: RefitJob, dataset: Dataset) -> Trial:
    ended = job.run(dataset, always_continue, 1)
    assert ended.error is None
    return ended


# --------------------------------------------------------------------------------- the settings


def test_the_settings_that_most_splits_chose() -> None:
    first, second, third = SPLITS.splits
    others = [tuned(split, {"C": 2}, 0.5, 0.5) for split in (second, third)]
    trials = [tuned(first, {"C": 1}, 0.9, 0.1), *others]
    settings, alike = choose_settings(trials, "roc_auc")
    assert settings == {"C": 2}
    assert alike == trials[1:]


@pytest.mark.parametrize(("metric", "chosen"), [("roc_auc", 3), ("log_loss", 2)])
def test_of_settings_chosen_as_often_those_that_gained_most(metric: str, chosen: int) -> None:
    """Over the default, on the validation rows; the default itself gains nothing."""
    found = [({}, 9, 9), ({"C": 2}, 0.4, 0.8), ({"C": 3}, 0.6, 0.5)]
    trials = [tuned(split, *each) for split, each in zip(SPLITS.splits, found, strict=True)]
    assert choose_settings(trials, metric)[0] == {"C": chosen}


def test_the_default_where_most_splits_chose_it() -> None:
    first, second, third = SPLITS.splits
    trials = [tuned(first, {}, 0.5, 0.5), tuned(second, {}, 0.5, 0.5), tuned(third, {"C": 3}, 9, 0)]
    assert choose_settings(trials, "roc_auc")[0] == {}


def test_what_failed_has_no_say(dataset: Dataset, tmp_path: Path) -> None:
    first, second, third = SPLITS.splits
    failed = [replace(tuned(each, {"C": 2.0}, 1, 0), error="no") for each in (first, second)]
    chosen = tuned(third, {"baselines.linear.C": 0.5}, 0.9, 0.8)
    job = refit(baseline(dataset), [*failed, chosen], tmp_path)
    assert job.candidate.settings["baselines.linear.C"] == 0.5


# ----------------------------------------------------------------------------------- the epochs


def test_as_many_epochs_as_on_the_splits(dataset: Dataset, tmp_path: Path) -> None:
    candidate = baseline(dataset)
    trials = [trial(split, best) for split, best in zip(SPLITS.splits, (1, 5, 8), strict=True)]
    assert refit(candidate, trials, tmp_path).epochs == 5  # 4.67
    assert refit(candidate, [trial(SPLITS.splits[0])], tmp_path).epochs is None
    searched = (SearchTrial(1, {}, 0.5), SearchTrial(2, {"baselines.linear.C": 2.0}, 0.6))
    tunings = [Tuning(searched, chosen) for chosen in (1, 2, 2)]
    mixed = [replace(one, tuning=tuning) for one, tuning in zip(trials, tunings, strict=True)]
    assert refit(candidate, mixed, tmp_path).epochs == 6  # of those with these settings: 6.5


def test_a_plateau_is_halved_as_often_and_as_late_as_on_the_splits(
    dataset: Dataset, tmp_path: Path
) -> None:
    """Halvings after the epoch that was kept do not count."""
    halved = ([3, 6], [5], [4, 8, 10])
    trials = [trial(split, 9, found) for split, found in zip(SPLITS.splits, halved, strict=True)]
    assert refit(baseline(dataset), trials, tmp_path).halvings == (4, 7)
    assert refit(baseline(dataset), [trial(SPLITS.splits[0])], tmp_path).halvings == ()


# ------------------------------------------------------------------------------------ the model


def nearest(dataset: Dataset) -> Candidate:
    from dlrun.classic.candidates import make_candidates

    recipe = Recipe.model_validate({"data": {"source": "it.csv"}, "baselines": [NEAREST]})
    return make_candidates(recipe, dataset)[-1]


def test_it_has_seen_all_rows_that_a_split_uses(dataset: Dataset, tmp_path: Path) -> None:
    """The nearest row of each is itself."""
    job = refit(nearest(dataset), [trial(SPLITS.splits[0])], tmp_path)
    ended = run(job, dataset)
    assert len(job.split.train) == 90
    assert ended.cost.fit_seconds and ended.cost.model_mb
    assert ended.cost.latency_ms_batch1 is None  # that of the last split's model is told
    said = load(job.model_folder).predict(dataset.frame)
    assert (said["prediction"] == np.array(dataset.target.labels)[dataset.y]).all()
    one = SPLITS.splits[0]
    fewer = Splits((replace(one, test=one.test[:4]),), "")
    alone = make_refit(nearest(dataset), [trial(one)], fewer, METRICS[0], tmp_path)
    assert len(alone.split.train) == 79  # the other rows are in no split


def test_boosting_takes_its_rounds_from_the_splits(dataset: Dataset, tmp_path: Path) -> None:
    candidate = baseline(dataset, "slow_gradient_boosting")
    tasks = [TrialTask(candidate, 0, split, METRICS) for split in SPLITS.splits]
    trials = [run_trial(task, dataset) for task in tasks]
    rounds = [each.best_epoch for each in trials]
    assert all(rounds)
    job = refit(candidate, trials, tmp_path)
    ended = run(job, dataset)
    assert ended.best_epoch == round(np.mean(rounds))
    fitted = load(job.model_folder).fitted
    assert fitted.estimator.n_iter_ == ended.best_epoch


def test_the_same_model_again_to_the_bit(dataset: Dataset, tmp_path: Path) -> None:
    said = []
    for name in "ab":
        job = refit(baseline(dataset, "random_forest"), [trial(SPLITS.splits[0])], tmp_path / name)
        run(job, dataset)
        said.append(load(job.model_folder).predict(dataset.frame).to_numpy())
    assert (said[0] == said[1]).all()


def test_a_model_that_was_kept_comes_back(
    dataset: Dataset, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    candidate, trials = baseline(dataset), [trial(SPLITS.splits[0])]
    job = refit(candidate, trials, tmp_path)
    assert job.recall() is None
    ended = run(job, dataset)
    job.keep(ended)
    recalled = refit(candidate, trials, tmp_path).recall()
    assert recalled and recalled.resumed
    assert recalled.cost == ended.cost
    assert refit(candidate, [trial(SPLITS.splits[0], 4)], tmp_path).recall() is None
    file = next(job.model_folder.glob("*.skops"))
    file.write_bytes(flipped(100)(file.read_bytes()))
    assert job.recall() is None
    assert "linear is trained anew on all rows" in caplog.text


def test_what_fails_leaves_a_reason_and_no_record(dataset: Dataset, tmp_path: Path) -> None:
    job = refit(baseline(dataset, "linear"), [trial(SPLITS.splits[0])], tmp_path)
    broken = replace(job, candidate=job.candidate.with_settings({"baselines.linear.C": -1.0}))
    ended = broken.run(dataset, always_continue, 1)
    assert ended.error and "C" in ended.error
    broken.keep(ended)
    assert broken.recall() is None


# ------------------------------------------------------------------------------------- networks


def network(dataset: Dataset, **model: Any) -> Candidate:
    from dlrun.deep.candidates import make_candidates
    from dlrun.study.feature_networks import with_features

    recipe = Recipe.model_validate(
        {
            "data": {"source": "it.csv"},
            "model": {"architecture": "mlp", "hidden": [4], "dropout": 0.2, **model},
            "training": {"epochs": 9, "batch_size": 16, "deterministic": True},
        }
    )
    return with_features(make_candidates(recipe, dataset), dataset.columns)[0]


@pytest.mark.tf
def test_a_network_is_that_of_a_fit_by_hand_also_when_it_was_stopped(
    dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:

    monkeypatch.setattr("dlrun.deep.training.run.MOMENT_SECONDS", 0.0)
    candidate = network(dataset)
    trials = [trial(split, 3) for split in SPLITS.splits]
    job = refit(candidate, trials, tmp_path)

    def stop(epoch: Epoch) -> bool:
        if epoch.number == 2:
            raise KeyboardInterrupt
        return True

    with pytest.raises(KeyboardInterrupt):
        job.run(dataset, stop, 1)
    assert not job.model_folder.exists()
    ended = run(job, dataset)
    assert ended.epochs[0].resumed
    assert ended.best_epoch == len(ended.epochs) == 3
    context = FitContext(SPLITS.splits[0].seed, epochs=3)
    by_hand = candidate.fit(dataset, dataset.take(np.arange(0)), context)
    said = load(job.model_folder).predict(dataset.frame)
    np.testing.assert_allclose(
        said[["p_no", "p_yes"]], by_hand.predict(dataset.frame).values, atol=1e-7
    )


@pytest.mark.tf
def test_a_network_on_features_needs_no_validation_rows(tmp_path: Path) -> None:
    from modalities import MODALITIES

    dataset = MODALITIES["text"]("classification")
    job = refit(network(dataset, features=["tfidf"]), [trial(SPLITS.splits[0], 2)], tmp_path)
    assert run(job, dataset).best_epoch == 2
    assert len(load(job.model_folder).predict(dataset.frame)) == len(dataset)


# -------------------------------------------------------------------------------------- streams


def test_all_parts_of_a_stream_are_trained_on(tmp_path: Path) -> None:
    """Naive Bayes counts the rows of each class."""
    import pandas as pd

    from dlrun.data.dataset import read_dataset
    from dlrun.data.splits.make import make_splits as split

    rng = np.random.default_rng(0)
    table = pd.DataFrame({"a": rng.normal(size=600), "y": rng.choice(["no", "yes"], 600)})
    table.to_parquet(tmp_path / "it.parquet", row_group_size=100)
    values = {"source": str(tmp_path / "it.parquet"), "target": "y", "stream": True}
    recipe = Recipe.model_validate({"data": values, "baselines": ["naive_bayes"]})
    streamed = read_dataset(recipe)
    splits = split(recipe, streamed)
    candidate = baseline(streamed, "naive_bayes")
    job = make_refit(candidate, [trial(splits.splits[0])], splits, METRICS[0], tmp_path)
    run(job, streamed)
    counted = load(job.model_folder).fitted.estimator.class_count_
    assert counted.sum() == 600
    assert json.loads((job.model_folder / "model.json").read_text())["candidate"] == "naive_bayes"
