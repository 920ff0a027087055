"""A small real study on iris, and MLflow stores that are made once and copied."""

from __future__ import annotations

import logging
import multiprocessing
import os
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold
from werkzeug.serving import make_server

from dlrun.classic.candidates import make_candidates
from dlrun.contract.candidate import Epoch, FitContext, Predictions
from dlrun.contract.dataset import Column, Dataset, Split, Splits, Target
from dlrun.contract.trial import Cost, Trial
from dlrun.recipe.schema import Recipe
from dlrun.tracking.client import connect, prepare, quiet_mlflow
from dlrun.tracking.facts import StudyFacts
from dlrun.tracking.store import Store, open_store
from dlrun.tracking.study import StudyRun

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
        y=codes.to_numpy(dtype=np.int64),
        row_ids=np.arange(1000, 1000 + len(frame)),
        digest="d" * 36,
    )


@pytest.fixture(scope="session")
def splits(dataset: Dataset) -> Splits:
    folds = StratifiedKFold(3, shuffle=True, random_state=0).split(dataset.frame, dataset.y)
    made = tuple(
        Split(
            repeat=0, fold=i, index=i, seed=2**32 - 1 - i, train=train, validation=test, test=test
        )
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
        features={"linear": ("hog", "tfidf"), "net": ()},
    )


@pytest.fixture(scope="session")
def trials(dataset: Dataset, splits: Splits) -> tuple[Trial, ...]:
    """What a real logistic regression does on each split, under the name `linear`."""
    return tuple(_fit_trial(dataset, split) for split in splits.splits)


def _fit_trial(dataset: Dataset, split: Split) -> Trial:
    model = LogisticRegression(max_iter=1000)
    model.fit(dataset.frame.iloc[split.train], dataset.y[split.train])
    predictions = Predictions(model.predict_proba(dataset.frame.iloc[split.test]))
    accuracy = float((predictions.class_indices == dataset.y[split.test]).mean())
    own = predictions.values[np.arange(len(split.test)), dataset.y[split.test]]
    scores = {"accuracy": accuracy, "log_loss": float(-np.log(own).mean())}
    cost = Cost(fit_seconds=0.5 + split.index, latency_ms_batch1=0.25, parameters=15)
    return Trial("linear", "classic", split, predictions, scores, {"accuracy": 0.5}, cost)


@pytest.fixture(scope="session")
def epochs() -> tuple[Epoch, ...]:
    return tuple(
        Epoch(n, 5, {"train/loss": 1 / n, "val/loss": 1.1 / n}, seconds=0.1) for n in range(1, 6)
    )


@pytest.fixture(scope="session")
def model_folder(dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fitted baseline, saved."""
    recipe = Recipe.model_validate({"data": {"source": "iris.csv"}, "baselines": ["linear"]})
    linear = make_candidates(recipe, dataset)[-1]
    folder = tmp_path_factory.mktemp("saved")
    linear.fit(dataset, dataset, FitContext(0)).save(folder)
    return folder


@pytest.fixture(scope="session")
def two_makers(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[int | None]]:
    """A folder in which two processes made the same store at once, and their exit codes."""
    folder = tmp_path_factory.mktemp("store")
    prepare()
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        patch.setattr("dlrun.tracking.store.connect", connect)  # it is no copy of another one
        warnings.filterwarnings("ignore", ".*fork", DeprecationWarning)
        fork = multiprocessing.get_context("fork")
        uri = f"sqlite:///{folder}/mlflow.db"
        makers = [fork.Process(target=open_store, args=(uri,)) for _ in range(2)]
        for maker in makers:
            maker.start()
    for maker in makers:
        maker.join()
    return folder, [maker.exitcode for maker in makers]


@pytest.fixture(scope="session")
def empty_store(two_makers: tuple[Path, list[int | None]]) -> Path:
    """MLflow's migrations take seconds: they are run once, and the result is copied."""
    return two_makers[0] / "mlflow.db"


class Server:
    """MLflow's own server, in a thread of this process, to be stopped and started at will."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._listener = make_server("127.0.0.1", 0, app, threaded=True)
        self.port = self._listener.port
        self.uri = f"http://127.0.0.1:{self.port}"
        Thread(target=self._listener.serve_forever).start()

    def stop(self) -> None:
        self._listener.shutdown()
        self._listener.server_close()

    def start(self) -> None:
        self._listener = make_server("127.0.0.1", self.port, self._app, threaded=True)
        Thread(target=self._listener.serve_forever).start()


@pytest.fixture(scope="session")
def server_folder(empty_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("server")
    shutil.copy(empty_store, folder)
    return folder


@pytest.fixture
def server(server_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("_MLFLOW_SERVER_FILE_STORE", f"sqlite:///{server_folder}/mlflow.db")
    monkeypatch.setenv("_MLFLOW_SERVER_ARTIFACT_DESTINATION", str(server_folder / "artifacts"))
    monkeypatch.setenv("_MLFLOW_SERVER_ARTIFACT_ROOT", "mlflow-artifacts:/")
    monkeypatch.setenv("_MLFLOW_SERVER_SERVE_ARTIFACTS", "true")
    # It lacks packages of its own, and every search would try its imports once more.
    monkeypatch.setitem(sys.modules, "mlflow.server.auth", None)
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with quiet_mlflow():
        from mlflow.server import app
    server = Server(app)
    yield server
    server.stop()
    os.environ.pop("MLFLOW_TRACKING_URI", None)  # set by the first request of all


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


@pytest.fixture(scope="session")
def write_study(
    trials: tuple[Trial, ...], epochs: tuple[Epoch, ...], model_folder: Path
) -> Callable[[StudyRun], None]:
    """Write a study of three: linear, the floor, and a network that fails on its last split."""

    def write(study: StudyRun) -> None:
        study.begin_candidate("linear", "classic", {"C": 1.0, "penalty": None})
        study.begin_candidate("dummy", "classic", {})
        study.begin_candidate("net", "network", {"model.hidden": [8, 8], "training.epochs": 5})
        for trial in trials:
            study.log_trial(trial)
            study.log_trial(
                replace(trial, candidate="dummy", scores=dict.fromkeys(trial.scores, 9.0))
            )
            for epoch in epochs:
                study.log_epoch("net", trial.split, epoch)
            study.log_trial(_of_network(trial, epochs))
        study.finish_candidate("linear", model_folder)
        study.finish_candidate("dummy", model_folder)
        study.finish_candidate("net", model_folder)
        study.finish("Classic ML: linear beats net.", {"candidate": ["linear"], "score": [0.97]})

    return write


def _of_network(trial: Trial, epochs: tuple[Epoch, ...]) -> Trial:
    if trial.split.index == 2:
        return Trial("net", "deep", trial.split, error="the loss became NaN in epoch 2")
    scores = {name: score - 0.1 for name, score in trial.scores.items()}
    return replace(
        trial, candidate="net", family="deep", scores=scores, epochs=epochs, best_epoch=4
    )


@pytest.fixture(scope="module")
def written(
    empty_store: Path,
    facts: StudyFacts,
    write_study: Callable[[StudyRun], None],
    tmp_path_factory: pytest.TempPathFactory,
) -> tuple[Store, str]:
    """A store with a whole study in it, to be looked at only, and the study's id."""
    folder = tmp_path_factory.mktemp("written")
    shutil.copy(empty_store, folder)
    store = open_store(f"sqlite:///{folder}/mlflow.db", experiment="iris")
    with StudyRun(store, facts) as study:
        write_study(study)
    return store, study.id
