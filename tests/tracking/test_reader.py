"""A store read from its SQLite file shows what MLflow's client shows."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dlrun.tracking.reader import ClientReader, SqliteReader
from dlrun.tracking.store import Store, open_store

pytestmark = pytest.mark.slow


@pytest.fixture
def readers(written: tuple[Store, str]) -> tuple[SqliteReader, ClientReader]:
    store = written[0]
    direct = store.reader
    assert isinstance(direct, SqliteReader)
    return direct, ClientReader(store.client)


def facts_of(run: Any) -> dict[str, Any]:
    info, data = run.info, run.data
    attributes = ("run_id", "run_name", "status", "start_time", "end_time", "experiment_id")
    entries = {"tags": data.tags, "params": data.params, "metrics": data.metrics}
    return {name: getattr(info, name) for name in attributes} | entries


def assert_same(direct: list[Any], by_client: list[Any]) -> None:
    assert len(direct) == len(by_client)
    by_id = {run.info.run_id: facts_of(run) for run in by_client}
    for run in direct:
        np.testing.assert_equal(facts_of(run), by_id[run.info.run_id])  # NaN equals NaN


def test_the_file_shows_what_the_client_shows(
    written: tuple[Store, str], readers: tuple[SqliteReader, ClientReader]
) -> None:
    direct, client = readers
    store, study_id = written
    store.client.log_metric(study_id, "broken", float("nan"))
    assert_same(direct.studies(), client.studies())
    assert_same(direct.candidates(study_id), client.candidates(study_id))
    assert_same([direct.run(study_id)], [client.run(study_id)])
    first, *_ = direct.candidates(study_id)
    start = first.info.run_id[:6]
    assert_same(direct.candidates_with_id(start), client.candidates_with_id(start))
    assert direct.candidates_with_id(study_id) == []
    assert direct.models(first.info.run_id) == client.models(first.info.run_id) != []
    (model_id,) = direct.models(first.info.run_id)
    assert direct.model_location(model_id) == client.model_location(model_id)
    assert direct.experiment_id("iris") == client.experiment_id("iris") == store.experiment_id
    assert direct.experiment_id("wine") is client.experiment_id("wine") is None
    assert direct.experiment_name(store.experiment_id or "") == "iris"


def test_deleted_runs_and_experiments_are_left_out(store: Store) -> None:
    tags = {"dlrun.role": "study"}
    one, two = (store.client.create_run(store.experiment_id, tags=tags) for _ in range(2))
    store.client.delete_run(one.info.run_id)
    assert [run.info.run_id for run in store.reader.studies()] == [two.info.run_id]
    store.client.delete_experiment(store.experiment_id)
    assert store.reader.studies() == []


def test_an_unknown_schema_is_read_by_the_client(folder: Path) -> None:
    with closing(sqlite3.connect(folder / "mlflow.db")) as database:
        database.execute("ALTER TABLE logged_models RENAME COLUMN artifact_location TO place")
    assert isinstance(open_store(None).reader, ClientReader)


def test_a_local_study_is_read_without_mlflow_and_a_classic_model_without_tensorflow(
    written: tuple[Store, str],
) -> None:
    code = (
        "import sys\nfrom dlrun.data.model_io import load\n"
        "from dlrun.tracking import orphaned_runs, model, push, read, study, studies, ui\n"
        "from dlrun.tracking.read import find_study\n"
        "from dlrun.tracking.stored_model import find_model\n"
        "from dlrun.tracking.store import open_store\n"
        "store = open_store(sys.argv[1], create=False)\n"
        "study = find_study(store)\nstudy.read_predictions('linear')\n"
        "print(study.name, load(find_model(store, None).folder).facts.candidate)\n"
        "print({'mlflow', 'tensorflow', 'keras'} & set(sys.modules))"
    )
    command = [sys.executable, "-c", code, written[0].uri]
    answer = subprocess.run(command, capture_output=True, check=True, text=True)
    assert answer.stdout == "iris-1 linear\nset()\n"
