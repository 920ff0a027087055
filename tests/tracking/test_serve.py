"""`mlflow models serve` serves either family from raw rows: real servers, real requests."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import ProxyHandler, Request, build_opener

import numpy as np
import psutil
import pytest

import dlrun
from dlrun.contract.candidate import FitContext
from dlrun.contract.dataset import Dataset
from dlrun.data.model_io import load
from dlrun.recipe.schema import Recipe
from dlrun.tracking.facts import StudyFacts
from dlrun.tracking.store import Store, open_store
from dlrun.tracking.study import StudyRun

pytestmark = pytest.mark.tf

RECIPE = {
    "data": {"source": "iris.csv"},
    "model": {"architecture": "mlp", "hidden": [8]},
    "training": {"epochs": 2},
}


def fit(dataset: Dataset, folder: Path) -> None:
    from dlrun.deep.candidates import make_candidates

    candidate = make_candidates(Recipe.model_validate(RECIPE), dataset)[-1]
    candidate.fit(dataset, dataset, FitContext(0)).save(folder)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ask(url: str, body: dict[str, Any] | None = None) -> bytes:
    data = json.dumps(body).encode() if body else None
    request = Request(url, data, {"Content-Type": "application/json"})
    answer: bytes = build_opener(ProxyHandler({})).open(request, timeout=60).read()
    return answer


@contextmanager
def serving(store: Store, model_uri: str) -> Iterator[str]:
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", model_uri]
    command += ["-h", "127.0.0.1", "-p", str(port), "--env-manager", "local"]
    environment = {
        **os.environ,
        # MLflow starts `uvicorn` by its name.
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(Path(dlrun.__file__).parents[1]),
        "MLFLOW_TRACKING_URI": store.uri,
    }
    process = subprocess.Popen(command, env=environment)
    url = f"http://127.0.0.1:{port}"
    try:
        while True:
            assert process.poll() is None
            try:
                ask(f"{url}/ping")
                break
            except URLError:
                time.sleep(0.2)
        yield url
    finally:
        if process.poll() is None:
            for member in [*psutil.Process(process.pid).children(recursive=True), process]:
                member.terminate()
        process.wait()


def test_raw_rows_in_predictions_out(
    folder: Path, facts: StudyFacts, dataset: Dataset, tmp_path: Path
) -> None:
    """A network; a baseline is served in this process by test_model."""
    saved = tmp_path / "saved"
    saved.mkdir()
    fit(dataset, saved)
    store = open_store(None, experiment="iris")
    with StudyRun(store, facts) as study:
        study.begin_candidate("it", "network", {})
        study.finish_candidate("it", saved)
    (run, _) = store.client.search_runs([store.experiment_id])
    rows = dataset.frame.iloc[[0, 60, 140]].assign(unknown="x")
    with serving(store, f"runs:/{run.info.run_id}/iris-1-it") as url:
        body = {"dataframe_records": rows.to_dict("records")}
        answer = json.loads(ask(f"{url}/invocations", body))["predictions"]
    expected = load(saved).predict(rows)
    assert [row["prediction"] for row in answer] == expected["prediction"].tolist()
    for name in expected.columns[1:]:
        np.testing.assert_allclose([row[name] for row in answer], expected[name], rtol=1e-5)
