"""A study that goes on: in the same runs, with nothing written twice."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from math import nan
from pathlib import Path
from typing import Any

import pytest

from dlrun.contract.candidate import Epoch
from dlrun.contract.trial import Trial
from dlrun.tracking.facts import StudyFacts
from dlrun.tracking.read import find_study
from dlrun.tracking.store import Store, candidates_of, search_runs
from dlrun.tracking.study import StudyRun, to_reopen
from dlrun.tracking.write import StudyWriter

pytestmark = pytest.mark.slow


def runs_of(store: Store, study_id: str) -> dict[str, Any]:
    return {name: store.client.get_run(run.info.run_id) for name, run in
            candidates_of(store, study_id).items()}  # fmt: skip


def doubled(store: Store) -> list[tuple[str, str, int]]:
    """Return the points that stand twice in the store's table of metrics."""
    with sqlite3.connect(store.uri.removeprefix("sqlite:///")) as database:
        return database.execute(
            "select run_uuid, key, step from metrics group by 1, 2, 3 having count(*) > 1"
        ).fetchall()


def stopped(
    store: Store,
    facts: StudyFacts,
    trials: tuple[Trial, ...],
    epochs: tuple[Epoch, ...],
    model_folder: Path,
) -> str:
    """Stop a study when `linear` is complete and `net` has told two epochs."""
    with pytest.raises(KeyboardInterrupt), StudyRun(store, facts) as study:
        study.begin_candidate("linear", "classic", {"C": 1.0})
        for trial in trials:
            study.log_trial(trial)
        study.finish_candidate("linear", model_folder)
        study.begin_candidate("net", "network", {"training.epochs": 5})
        for epoch in epochs[:2]:
            study.log_epoch("net", trials[0].split, epoch)
        raise KeyboardInterrupt
    return study.id


def test_it_ends_in_the_runs_that_it_began_in(
    store: Store,
    facts: StudyFacts,
    trials: tuple[Trial, ...],
    epochs: tuple[Epoch, ...],
    model_folder: Path,
) -> None:
    first = stopped(store, facts, trials, epochs, model_folder)
    before = runs_of(store, first)
    assert {name: run.info.status for name, run in before.items()} == {
        "linear": "FINISHED",
        "net": "KILLED",
    }
    assert to_reopen(store, first) == first
    with StudyRun(store, facts, before=first) as study:
        study.begin_candidate("linear", "classic", {"C": 1.0})
        assert store.client.get_run(first).info.status == "RUNNING"
        for trial in trials:
            study.log_trial(replace(trial, resumed=True))
        study.finish_candidate("linear", model_folder)
        study.begin_candidate("net", "network", {"training.epochs": 5})
        for epoch in epochs:
            study.log_epoch("net", trials[0].split, replace(epoch, resumed=epoch.number <= 2))
        for trial in trials:
            study.log_trial(replace(trial, candidate="net", family="deep", epochs=epochs))
        study.finish_candidate("net", model_folder)
        study.finish("Undecided.", {"candidate": ["linear"]})
    assert len(search_runs(store, "tags.`dlrun.role` = 'study'")) == 1
    after = runs_of(store, first)
    assert {name: run.info.run_id for name, run in after.items()} == {
        name: run.info.run_id for name, run in before.items()
    }
    assert {run.info.status for run in after.values()} == {"FINISHED"}
    assert after["linear"].info.end_time == before["linear"].info.end_time
    assert len(after["linear"].outputs.model_outputs) == 1
    losses = store.client.get_metric_history(after["net"].info.run_id, "train/loss")
    assert [loss.step for loss in losses] == [1, 2, 3, 4, 5]
    assert doubled(store) == []
    found = find_study(store, first)
    assert found.status == "FINISHED"
    assert list(found.trials["candidate"]) == ["linear"] * 3 + ["net"] * 3
    assert len(found.read_predictions("linear")) == len(found.read_predictions("net")) == 150
    assert to_reopen(store, first) == first  # killed before its journal was removed


def test_whatever_was_written_before_a_kill_stands_once(
    store: Store,
    facts: StudyFacts,
    trials: tuple[Trial, ...],
    epochs: tuple[Epoch, ...],
    model_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An epoch that is in no checkpoint yet, a candidate's and the study's numbers, a model."""

    def run(before: str | None, *, n_epochs: int, is_killed: bool) -> str:
        with StudyRun(store, facts, before=before) as study:
            study.begin_candidate("net", "network", {"training.epochs": 5})
            for epoch in epochs[:n_epochs]:
                study.log_epoch("net", trials[0].split, epoch)
            for trial in trials:
                study.log_trial(replace(trial, candidate="net", family="deep", epochs=epochs))
            with monkeypatch.context() as patch:
                if is_killed:
                    patch.setattr(StudyWriter, "_log_tables", interrupted)
                study.finish_candidate("net", model_folder)
            study.finish(
                "Undecided.", {"candidate": ["net"]}, {"verdict/lead": nan, "verdict/p": 1}
            )
            raise KeyboardInterrupt
        return study.id

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    first = None
    for n_epochs, is_killed in ((3, True), (5, True), (5, False), (5, False)):
        with pytest.raises(KeyboardInterrupt):
            run(first, n_epochs=n_epochs, is_killed=is_killed)
        (study,) = search_runs(store, "tags.`dlrun.role` = 'study'")
        first = study.info.run_id
    assert doubled(store) == []
    (net,) = runs_of(store, first).values()
    assert len(store.client.get_metric_history(net.info.run_id, "train/loss")) == 5
    assert len(net.outputs.model_outputs) == 1
    (file,) = Path(store.uri.removeprefix("sqlite:///")).parent.rglob("comparison.json")
    assert json.loads(file.read_text())["data"] == [["net"]]


def test_a_verdict_that_has_changed_is_written(store: Store, facts: StudyFacts) -> None:
    first = None
    for lead in (1.0, 1.0, 2.0):
        with StudyRun(store, facts, before=first) as study:
            study.finish("Undecided.", {"candidate": []}, {"verdict/lead": lead})
        first = study.id
    history = store.client.get_metric_history(first, "verdict/lead")
    assert [point.value for point in history] == [1.0, 2.0]


def test_a_candidate_whose_trial_failed_is_written_anew(
    store: Store, facts: StudyFacts, trials: tuple[Trial, ...], model_folder: Path
) -> None:
    failed = Trial("linear", "classic", trials[2].split, error="its process was killed")
    with pytest.raises(KeyboardInterrupt), StudyRun(store, facts) as study:
        study.begin_candidate("linear", "classic", {})
        for trial in (*trials[:2], failed):
            study.log_trial(trial)
        study.finish_candidate("linear", model_folder)
        raise KeyboardInterrupt
    (before,) = runs_of(store, study.id).values()
    assert before.data.tags["mlflow.note.content"].startswith("Failed on ")
    with StudyRun(store, facts, before=study.id) as study:
        study.begin_candidate("linear", "classic", {})
        for trial in trials:
            study.log_trial(trial)
        study.finish_candidate("linear", model_folder)
    (after,) = runs_of(store, study.id).values()
    assert after.info.run_id != before.info.run_id  # whose mean MLflow cannot take back
    models = store.client.search_logged_models([store.experiment_id])
    assert [model.source_run_id for model in models] == [after.info.run_id]
    assert "mlflow.note.content" not in after.data.tags
    assert doubled(store) == []
    assert len(find_study(store, study.id).read_predictions("linear")) == 150


def test_a_run_that_was_cut_off_before_it_had_params_is_completed(
    store: Store, facts: StudyFacts
) -> None:
    with pytest.raises(KeyboardInterrupt), StudyRun(store, facts) as study:
        client, tags = store.client, {"mlflow.parentRunId": study.id, "dlrun.role": "classic"}
        client.create_run(store.experiment_id, tags=tags, run_name="linear")
        raise KeyboardInterrupt
    with StudyRun(store, facts, before=study.id) as study:
        study.begin_candidate("linear", "classic", {"C": 2.0})
    (run,) = runs_of(store, study.id).values()
    assert (run.data.params["candidate"], run.data.params["C"]) == ("linear", "2.0")


def test_what_cannot_be_gone_on_with(store: Store, facts: StudyFacts) -> None:
    with pytest.raises(KeyboardInterrupt), StudyRun(store, facts) as study:
        raise KeyboardInterrupt
    assert to_reopen(store, study.id) == study.id
    store.client.delete_run(study.id)
    assert to_reopen(store, study.id) is None
    assert to_reopen(store, "0" * 32) is None
    assert to_reopen(store, None) is None
