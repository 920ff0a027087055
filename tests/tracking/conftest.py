"""A small real study on iris, and MLflow stores that are made once and copied."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold

from dlrun.contract import (
    Column,
    Cost,
    Dataset,
    Epoch,
    Predictions,
    Split,
    Splits,
    Target,
    Trial,
)
from dlrun.saved import write_facts
from dlrun.tracking.store import Store, open_store
from dlrun.tracking.study import StudyFacts, StudyRun

LABELS = ("setosa", "versicolor", "virginica")


@pytest.fixture(scope="session")
def dataset() -> Dataset:
    frame, codes = load_iris(return_X_y=True, as_frame=True)
    frame.columns = ["sepal length", "sepal width", "petal length", "petal width"]
    return Dataset(
        name="iris",
        source="sklearn:iris",
        columns=tuple(Column(name, "number") for name in frame),
        target=Target("species", "classification", LABELS),
        frame=frame,
        truth=codes.to_numpy(dtype=np.int64),
        row_ids=np.arange(1000, 1000 + len(frame)),
        digest="d" * 36,
    )


@pytest.fixture(scope="session")
def splits(dataset: Dataset) -> Splits:
    folds = StratifiedKFold(3, shuffle=True, random_state=0).split(dataset.frame, dataset.truth)
    made = tuple(
        Split(repeat=0, fold=i, step=i, seed=2**32 - 1 - i, train=train, validation=test, test=test)
        for i, (train, test) in enumerate(folds)
    )
    return Splits(made, digest="5" * 36)


@pytest.fixture(scope="session")
def facts(dataset: Dataset, splits: Splits, tmp_path_factory: pytest.TempPathFactory) -> StudyFacts:
    return StudyFacts(
        recipe="iris",
        recipe_text="name: iris\ndata: {source: sklearn:iris}\n",
        recipe_sha256="r" * 36,
        source_file=tmp_path_factory.mktemp("recipes") / "iris.yaml",
        description="Three flowers.",
        seed=7,
        dataset=dataset,
        splits=splits,
        metrics=("accuracy", "log_loss"),
        rope=0.01,
        params={"training.epochs": 5, "data.source": "sklearn:iris", "search": None},
        environment="Python 3.11\n",
    )


@pytest.fixture(scope="session")
def trials(dataset: Dataset, splits: Splits) -> tuple[Trial, ...]:
    """What a real logistic regression does on each split, under the name `linear`."""
    return tuple(_fit_trial(dataset, split) for split in splits.splits)


def _fit_trial(dataset: Dataset, split: Split) -> Trial:
    model = LogisticRegression(max_iter=1000)
    model.fit(dataset.frame.iloc[split.train], dataset.truth[split.train])
    predictions = Predictions(model.predict_proba(dataset.frame.iloc[split.test]))
    accuracy = float((predictions.codes == dataset.truth[split.test]).mean())
    own = predictions.values[np.arange(len(split.test)), dataset.truth[split.test]]
    scores = {"accuracy": accuracy, "log_loss": float(-np.log(own).mean())}
    cost = Cost(fit_seconds=0.5 + split.step, latency_ms_batch1=0.25, parameters=15)
    return Trial("linear", "classic", split, predictions, scores, {"accuracy": 0.5}, cost)


@pytest.fixture(scope="session")
def epochs() -> tuple[Epoch, ...]:
    return tuple(
        Epoch(n, 5, {"train/loss": 1 / n, "val/loss": 1.1 / n}, seconds=0.1) for n in range(1, 6)
    )


@pytest.fixture(scope="session")
def model_folder(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as `Fitted.save` writes it, but for the weights."""
    folder = tmp_path_factory.mktemp("saved")
    write_facts(
        folder,
        candidate="linear",
        family="classic",
        columns=dataset.columns,
        target=dataset.target,
    )
    (folder / "model.skops").write_bytes(b"weights")
    return folder


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """MLflow's migrations, run once."""
    folder = tmp_path_factory.mktemp("store")
    open_store(f"sqlite:///{folder}/mlflow.db")
    return folder / "mlflow.db"


@pytest.fixture
def folder(tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A current folder with an empty store in it."""
    shutil.copy(empty_store, tmp_path / "mlflow.db")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return tmp_path


@pytest.fixture
def store(folder: Path) -> Store:
    return open_store(None, experiment="iris")


@pytest.fixture
def write_study(
    trials: tuple[Trial, ...], epochs: tuple[Epoch, ...], model_folder: Path
) -> Callable[[StudyRun], None]:
    """Write a study of three: linear, the floor, and a network that fails on its last split."""

    def write(study: StudyRun) -> None:
        study.begin_candidate("linear", "classic", {"C": 1.0, "penalty": None})
        study.begin_candidate("dummy", "classic", {})
        study.begin_candidate("net", "deep", {"model.hidden": [8, 8], "training.epochs": 5})
        for trial in trials:
            study.log_trial(trial)
            study.log_trial(replace(trial, candidate="dummy", scores=dict.fromkeys(trial.scores, 9.0)))
            for epoch in epochs:
                study.log_epoch("net", trial.split, epoch)
            study.log_trial(_of_network(trial, epochs))
        study.finish_candidate("linear", model_folder)
        study.finish_candidate("dummy", model_folder)
        study.finish_candidate("net", model_folder)
        study.finish("Classic ML: linear beats net.", {"candidate": ["linear"], "score": [0.97]})

    return write


def _of_network(trial: Trial, epochs: tuple[Epoch, ...]) -> Trial:
    if trial.split.step == 2:
        return Trial("net", "deep", trial.split, error="the loss became NaN in epoch 2")
    scores = {name: score - 0.1 for name, score in trial.scores.items()}
    return replace(
        trial, candidate="net", family="deep", scores=scores, epochs=epochs, best_epoch=4
    )
