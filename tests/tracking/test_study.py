"""A study written into MLflow, looked at through MLflow's own client."""

from __future__ import annotations

import base64
import json
import math
import os
import socket
import sqlite3
import subprocess
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import dlrun
from dlrun.contract.candidate import Epoch
from dlrun.contract.dataset import Splits
from dlrun.contract.excerpt import DataExcerpt, ShownCell
from dlrun.contract.inside import Inside
from dlrun.contract.trial import Trial
from dlrun.errors import TrackingError
from dlrun.tracking import tables
from dlrun.tracking.facts import StudyFacts
from dlrun.tracking.read import find_study
from dlrun.tracking.store import Store, search_runs
from dlrun.tracking.study import StudyRun

pytestmark = pytest.mark.slow

Write = Callable[[StudyRun], None]


def runs(store: Store, study_id: str) -> dict[str, Any]:
    """Return the parent under "study", and each candidate under its name."""
    children = search_runs(store, f"tags.`mlflow.parentRunId` = '{study_id}'")
    found = {run.info.run_name: run for run in children}
    return {"study": store.client.get_run(study_id), **found}


def history(store: Store, run: Any, key: str) -> list[tuple[int, float]]:
    points = store.client.get_metric_history(run.info.run_id, key)
    return [(point.step, point.value) for point in points]


def files(run: Any) -> dict[str, Path]:
    folder = Path(run.info.artifact_uri.removeprefix("file://"))
    return {path.name: path for path in folder.iterdir()}


@pytest.fixture(scope="module")
def found(written: tuple[Store, str]) -> dict[str, Any]:
    return runs(*written)


def test_one_parent_and_a_child_for_every_candidate(found: dict[str, Any]) -> None:
    assert list(found) == ["study", "net", "dummy", "linear"]
    assert {run.info.status for run in found.values()} == {"FINISHED"}
    assert found["study"].info.run_name == "iris-1"


def test_tags_on_parent_and_children_alike(found: dict[str, Any], facts: StudyFacts) -> None:
    alike = {
        "dlrun.recipe": "iris",
        "dlrun.recipe_sha256": "r" * 36,
        "dlrun.split_digest": "5" * 36,
        "dlrun.data_digest": "d" * 36,
        "dlrun.task": "classification",
        "dlrun.version": dlrun.__version__,
        "dlrun.host": socket.gethostname(),
        "dlrun.pid": str(os.getpid()),
        "mlflow.source.name": str(facts.source_file),
        "mlflow.source.type": "LOCAL",
    }
    roles = {"study": "study", "linear": "classic", "dummy": "classic", "net": "deep"}
    for name, run in found.items():
        own = {"dlrun.role": roles[name], "dlrun.family": roles[name]}
        kind = {"deep": "network", "classic": "classic"}.get(roles[name])
        assert run.data.tags.get("dlrun.kind") == kind
        assert run.data.tags.items() >= (alike | own).items()
        assert "mlflow.source.git.commit" not in run.data.tags


def test_params_let_the_compare_view_know_every_run(found: dict[str, Any]) -> None:
    every = {"seed": "7", "data.rows": "150"}
    settings = {"training.epochs": "5", "data.source": "sklearn:iris", "search": "null"}
    assert found["study"].data.params == every | settings | {"candidate": "study"}
    assert found["linear"].data.params == every | {
        "candidate": "linear", "C": "1.0", "penalty": "null",
    }  # fmt: skip
    assert found["net"].data.params == every | {
        "candidate": "net", "model.hidden": "[8, 8]", "training.epochs": "5",
    }  # fmt: skip


def test_every_run_has_our_digest_of_the_data(found: dict[str, Any]) -> None:
    for run in found.values():
        (logged,) = run.inputs.dataset_inputs
        assert (logged.dataset.name, logged.dataset.digest) == ("iris", "d" * 36)
        assert json.loads(logged.dataset.source) == {"uri": "sklearn:iris"}


def test_splits_are_rows_of_a_table_and_no_curve(
    written: tuple[Store, str], found: dict[str, Any]
) -> None:
    store, linear = written[0], found["linear"]
    assert history(store, linear, "test/accuracy") == [(0, pytest.approx(0.96))]
    assert history(store, linear, "test_std/accuracy") == [(0, pytest.approx(0.02))]
    own = tables.read_trials(files(linear)["splits.csv"])
    assert own["step"].tolist() == [0, 1, 2]
    assert own["accuracy"].tolist() == [0.96, 0.98, 0.94]
    for run in found.values():
        for key in run.data.metrics:
            steps = [step for step, _ in history(store, run, key)]
            assert len(steps) == 1 or key.startswith(("train/", "val/")), key


def test_costs_are_means_and_what_was_not_measured_is_left_out(found: dict[str, Any]) -> None:
    metrics = found["linear"].data.metrics
    costs = {key: value for key, value in metrics.items() if key.startswith("cost/")}
    assert costs == {
        "cost/fit_seconds": 1.5, "cost/latency_ms_batch1": 0.25, "cost/parameters": 15.0,
    }  # fmt: skip


def test_epochs_of_the_first_split_are_charted_and_all_are_kept(
    written: tuple[Store, str], found: dict[str, Any]
) -> None:
    store, net = written[0], found["net"]
    assert history(store, net, "train/loss") == [(n, 1 / n) for n in range(1, 6)]
    assert history(store, net, "val/loss") == [(n, 1.1 / n) for n in range(1, 6)]
    kept = pd.read_csv(files(net)["epochs.csv"])
    assert kept[["fold", "epoch"]].to_numpy().tolist() == [
        [fold, epoch] for fold in (0, 1) for epoch in range(1, 6)
    ]
    assert kept.columns.tolist() == [
        "repeat", "fold", "epoch", "seconds", "train/loss", "val/loss",
    ]  # fmt: skip


def test_an_epoch_can_be_seen_at_once(
    store: Store, facts: StudyFacts, trials: tuple[Trial, ...], epochs: tuple[Epoch, ...]
) -> None:
    with StudyRun(store, facts) as study:
        study.begin_candidate("net", "network", {})
        study.log_epoch("net", trials[0].split, epochs[0])
        now = runs(store, study.id)
        assert now["net"].data.metrics == {"train/loss": 1.0, "val/loss": 1.1}
        assert {run.info.status for run in now.values()} == {"RUNNING"}


def test_a_candidate_without_epochs_has_no_epochs_file(
    found: dict[str, Any],
) -> None:
    assert sorted(files(found["linear"])) == ["predictions.parquet", "splits.csv"]


def test_artifacts_of_the_parent(found: dict[str, Any], facts: StudyFacts) -> None:
    kept = files(found["study"])
    assert sorted(kept) == [
        "comparison.json", "environment.txt", "recipe.yaml", "study.json", "trials.csv",
    ]  # fmt: skip
    assert kept["recipe.yaml"].read_text() == facts.recipe_text
    assert kept["environment.txt"].read_text() == "Python 3.11\n"
    assert json.loads(kept["comparison.json"].read_text()) == {
        "columns": ["candidate", "score"], "data": [["linear", 0.97]],
    }  # fmt: skip


def test_the_report_and_the_numbers_of_the_verdict(store: Store, facts: StudyFacts) -> None:
    with StudyRun(store, facts) as study:
        study.begin_candidate("linear", "classic", {})
        study.finish_candidate("linear", None)
        study.finish("Undecided.", {"candidate": ["linear"]}, {"verdict/p_deep": 0.25})
        study.log_report("<p>ü</p>", {"linear": {"confusion.svg": b"an image"}})
        assert find_study(store, study.id).read_excerpt() is None
        study.log_excerpt(
            excerpt := DataExcerpt(3, 1, None, (), {7: {"x": ShownCell("plain", "ü")}})
        )
        assert find_study(store, study.id).read_excerpt() == excerpt
        assert find_study(store, study.id).read_inside("linear") is None
        study.log_inside(inside := Inside("linear", "classic", 1, "some rows"))
        assert find_study(store, study.id).read_inside("linear") == inside
    found = runs(store, study.id)
    assert found["study"].data.metrics == {"verdict/p_deep": 0.25}
    assert files(found["study"])["report.html"].read_text("utf-8") == "<p>ü</p>"
    figures = files(found["linear"])["figures"]
    assert {path.name: path.read_bytes() for path in figures.iterdir()} == {
        "confusion.svg": b"an image"
    }


def test_the_link_opens_a_saved_view(store: Store, facts: StudyFacts) -> None:
    with StudyRun(store, facts) as study:
        assert "viewStateShareKey" not in study.url
        study.finish("Undecided.", {"candidate": []})
    assert study.url.endswith("&viewStateShareKey=dlrun")
    tags = store.client.get_experiment(store.experiment_id).tags
    view = json.loads(tags["mlflow.sharedViewState.dlrun"])
    assert view.keys() == {"name", "createdAt", "updatedAt", "state"}
    packed = view["state"].removeprefix("deflate;")
    state = json.loads(zlib.decompress(base64.b64decode(packed)))
    assert (state["orderByKey"], state["orderByAsc"]) == ("metrics.`test/accuracy`", False)
    assert {chart["yaxis"]["key"] for chart in state["compareRunCharts"]} == {"test/accuracy"}


def test_a_view_that_cannot_be_saved_is_done_without(
    store: Store, facts: StudyFacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError

    with StudyRun(store, facts) as study:
        monkeypatch.setattr(store.client, "set_experiment_tag", refuse)
        study.finish("Undecided.", {"candidate": []})
    assert store.client.get_run(study.id).info.status == "FINISHED"
    assert "viewStateShareKey" not in study.url


def test_the_verdict_stands_first_in_the_description(found: dict[str, Any]) -> None:
    note = found["study"].data.tags["mlflow.note.content"]
    assert note == "Classic ML: linear beats net.\n\nThree flowers."


def test_a_split_that_failed_is_told_on_its_candidate(found: dict[str, Any]) -> None:
    note = found["net"].data.tags["mlflow.note.content"]
    assert note == "Failed on repeat 0, fold 2: the loss became NaN in epoch 2"
    assert found["net"].data.metrics["test/accuracy"] == pytest.approx((0.86 + 0.88) / 2)


def test_a_candidate_that_failed_on_every_split_is_failed(
    store: Store, facts: StudyFacts, trials: tuple[Trial, ...]
) -> None:
    with StudyRun(store, facts) as study:
        study.begin_candidate("net", "network", {})
        for trial in trials:
            study.log_trial(Trial("net", "deep", trial.split, error="no memory"))
        study.finish_candidate("net", None)
    found = runs(store, study.id)
    assert (found["net"].info.status, found["study"].info.status) == ("FAILED", "FINISHED")


def test_one_split_needs_no_mean(
    store: Store, facts: StudyFacts, trials: tuple[Trial, ...], splits: Splits
) -> None:
    alone = replace(facts, splits=replace(splits, splits=splits.splits[:1]))
    with StudyRun(store, alone) as study:
        study.begin_candidate("linear", "classic", {})
        study.log_trial(trials[0])
        study.finish_candidate("linear", None)
    linear = runs(store, study.id)["linear"]
    assert history(store, linear, "test/accuracy") == [(0, 0.96)]
    assert not [key for key in linear.data.metrics if key.startswith("test_std/")]


def test_a_score_that_a_split_cannot_give_is_left_out_of_the_mean(
    store: Store, facts: StudyFacts, trials: tuple[Trial, ...]
) -> None:
    with StudyRun(store, facts) as study:
        study.begin_candidate("linear", "classic", {})
        for trial, score in zip(trials, (0.25, 0.75, math.nan), strict=True):
            study.log_trial(replace(trial, scores={"accuracy": score}))
        study.finish_candidate("linear", None)
    metrics = runs(store, study.id)["linear"].data.metrics
    assert metrics["test/accuracy"] == 0.5
    assert metrics["test_std/accuracy"] == pytest.approx(0.125**0.5)


def test_a_user_without_a_name(
    store: Store, facts: StudyFacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 54321)
    with StudyRun(store, facts) as study:
        pass
    assert store.client.get_run(study.id).data.tags["mlflow.user"] == "unknown"


def test_studies_are_numbered(store: Store, facts: StudyFacts) -> None:
    names = []
    for _ in range(2):
        with StudyRun(store, facts) as study:
            pass
        names.append(store.client.get_run(study.id).info.run_name)
    store.client.update_run(study.id, name="the one with more rows")
    with StudyRun(store, facts) as study:
        pass
    assert [*names, store.client.get_run(study.id).info.run_name] == ["iris-1", "iris-2", "iris-1"]


def test_long_values_and_odd_keys_stay_in_the_recipe(store: Store, facts: StudyFacts) -> None:
    settings = {
        "layers": ["Dense"] * 100, "features.price (€)": "number", "a//b": 1, ".": 1, "ok": True,
    }  # fmt: skip
    with StudyRun(store, replace(facts, params=settings)) as study:
        study.begin_candidate("net", "network", settings)
    for run in runs(store, study.id).values():
        assert run.data.params.keys() == {"ok", "candidate", "seed", "data.rows"}


def test_more_params_than_mlflow_takes_at_once(store: Store, facts: StudyFacts) -> None:
    settings = {f"setting.{i}": i for i in range(250)}
    with StudyRun(store, replace(facts, params=settings)) as study:
        pass
    assert len(store.client.get_run(study.id).data.params) == 253


def test_the_commit_of_a_recipe_under_git(store: Store, facts: StudyFacts, tmp_path: Path) -> None:
    def git(*words: str) -> str:
        command = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b", *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    git("init")
    git("commit", "--allow-empty", "-m", "first")
    with StudyRun(store, replace(facts, source_file=tmp_path / "iris.yaml")) as study:
        pass
    tags = store.client.get_run(study.id).data.tags
    assert tags["mlflow.source.git.commit"] == git("rev-parse", "HEAD")


@pytest.mark.parametrize(
    ("error", "status"),
    [(KeyboardInterrupt(), "KILLED"), (ValueError("a bug"), "FAILED"), (SystemExit(3), "FAILED")],
)
def test_what_ends_a_study_early(
    store: Store,
    facts: StudyFacts,
    trials: tuple[Trial, ...],
    error: BaseException,
    status: str,
) -> None:
    with pytest.raises(type(error)), StudyRun(store, facts) as study:
        study.begin_candidate("linear", "classic", {})
        study.begin_candidate("net", "network", {})
        study.log_trial(trials[0])
        raise error
    found = runs(store, study.id)
    assert {run.info.status for run in found.values()} == {status}
    assert sorted(files(found["linear"])) == ["predictions.parquet", "splits.csv"]
    assert "trials.csv" in files(found["study"])


def test_a_local_store_that_cannot_be_written_is_one_message(
    store: Store, facts: StudyFacts, trials: tuple[Trial, ...], folder: Path
) -> None:
    with pytest.raises(TrackingError) as error, StudyRun(store, facts) as study:
        study.begin_candidate("linear", "classic", {})
        with sqlite3.connect(folder / "mlflow.db") as database:
            database.execute("DROP TABLE latest_metrics")
        database.close()
        study.log_trial(trials[0])
    assert str(error.value).startswith(f"sqlite:///{folder}/mlflow.db: ")
    assert "no such table: latest_metrics" in str(error.value)
