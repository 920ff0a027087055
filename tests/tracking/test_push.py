"""A server that goes away loses nothing: the study is kept here and pushed later."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from dlrun.contract.study import KeptModel, Study
from dlrun.contract.trial import Trial
from dlrun.data import model_io as saved
from dlrun.errors import TrackingError, UsageError
from dlrun.tracking import push as module
from dlrun.tracking.facts import StudyFacts
from dlrun.tracking.push import push
from dlrun.tracking.read import find_study
from dlrun.tracking.store import Store, candidates_of, local_uri, open_store, search_runs
from dlrun.tracking.stored_model import find_model
from dlrun.tracking.study import StudyRun

pytestmark = pytest.mark.slow

if TYPE_CHECKING:
    from conftest import Server

Write = Callable[[StudyRun], None]


@pytest.fixture
def keep(
    folder: Path, server: Server, facts: StudyFacts, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Write], Study]:
    """Run a study that cannot reach its server; the server is back afterwards."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")

    def run(write: Write) -> Study:
        server.stop()
        with StudyRun(open_store(server.uri, experiment="iris"), facts) as study:
            write(study)
        server.start()
        return find_study(study.store)

    return run


def nothing(study: StudyRun) -> None:
    """Write no candidates."""


def history(store: Store, study_id: str) -> dict[tuple[str, str], list[Any]]:
    """Return all points of all metrics of all candidates."""
    children = search_runs(store, f"tags.`mlflow.parentRunId` = '{study_id}'")
    return {
        (run.info.run_name, key): [
            (point.step, point.value, point.timestamp)
            for point in store.client.get_metric_history(run.info.run_id, key)
        ]
        for run in children
        for key in run.data.metrics
    }


def models(store: Store, study: str) -> dict[str, tuple[Any, ...]]:
    """Return the models of a study by candidate: parameters, metrics and data."""
    found = store.client.search_logged_models(
        [store.reader.experiment_id("iris")], filter_string=f"tags.`dlrun.study` = '{study}'"
    )
    return {
        model.name.removeprefix(f"{study}-"): (
            model.params,
            {(each.key, each.value, each.dataset_digest) for each in model.metrics},
        )
        for model in found
    }


def test_a_study_on_a_server(
    folder: Path, server: Server, facts: StudyFacts, trials: tuple[Trial, ...], model_folder: Path
) -> None:
    store = open_store(server.uri, experiment="on a server")
    with StudyRun(store, facts) as written:
        written.begin_candidate("linear", "classic", {})
        for trial in trials:
            written.log_trial(trial)
        written.finish_candidate("linear", model_folder)
    study = find_study(store, written.id)
    assert (study.name, study.status, len(study.trials)) == ("iris-1", "FINISHED", 3)
    assert len(study.read_predictions("linear")) == 150
    assert saved.load(find_model(store, study.id).folder).facts.candidate == "linear"
    assert written.store.note is None
    assert search_runs(open_store(local_uri()), "") == []


def test_what_is_pushed_is_what_was_kept(
    keep: Callable[[Write], Study], server: Server, write_study: Write
) -> None:
    kept, here = keep(write_study), open_store(local_uri())
    pushed = push()
    there = find_study(pushed.store, pushed.id)
    assert (pushed.store.uri, there.name, there.status) == (server.uri, pushed.name, "FINISHED")
    assert (there.started, there.experiment) == (kept.started, "iris")
    pd.testing.assert_frame_equal(there.trials, kept.trials)
    for name in ("linear", "net"):
        pd.testing.assert_frame_equal(there.read_predictions(name), kept.read_predictions(name))
    assert history(pushed.store, pushed.id) == history(here, kept.id)
    assert saved.load(find_model(pushed.store, pushed.id).folder).facts.candidate == "linear"
    assert models(pushed.store, pushed.name) == models(here, kept.name) != {}
    run, origin = pushed.store.client.get_run(pushed.id), here.client.get_run(kept.id)
    assert run.data.params == origin.data.params
    assert run.data.tags["mlflow.note.content"] == origin.data.tags["mlflow.note.content"]
    assert run.inputs.dataset_inputs[0].dataset.digest == "d" * 36
    assert "dlrun.push_to" not in run.data.tags
    assert origin.data.tags["dlrun.pushed_to"] == server.uri


def test_a_model_of_all_rows_is_pushed_as_such(
    keep: Callable[[Write], Study],
    server: Server,
    write_study: Write,
    trials: tuple[Trial, ...],
    model_folder: Path,
) -> None:
    kept = KeptModel("linear", "all 150 rows")

    def write(study: StudyRun) -> None:
        write_study(study)
        study.log_refit(trials[0], {"C": 7.0}, model_folder, kept, "Expected accuracy: 0.97.")
        study.log_kept(kept)

    keep(write)
    pushed = push()
    assert find_study(pushed.store, pushed.id).kept == kept
    assert str(find_model(pushed.store, pushed.id)) == "linear, trained on all 150 rows"
    run = candidates_of(pushed.store, pushed.id)["linear"]
    (model_id,) = pushed.store.reader.models(run.info.run_id)
    logged = pushed.store.client.get_logged_model(model_id)
    assert logged.tags["mlflow.note.content"] == "Expected accuracy: 0.97."
    assert logged.params == {"C": "7.0"}


def test_a_study_is_pushed_once_unless_it_is_named(
    keep: Callable[[Write], Study], server: Server
) -> None:
    keep(nothing)
    first = push()
    with pytest.raises(UsageError) as error:
        push()
    assert str(error.value) == (
        f"{local_uri()}: no study waits here to be pushed. Name one, and --to SERVER"
    )
    with pytest.raises(UsageError) as error:
        push("iris-1")
    assert str(error.value) == (
        "iris-1: no server is known for it. Name one: dlrun push iris-1 --to URI"
    )
    assert push("iris-1", to=server.uri) == first
    first.store.client.delete_run(first.id)
    second = push("iris-1", to=server.uri)
    assert second.id != first.id


def copies(server: Server, name: str) -> list[Any]:
    """Return the studies on the server that are copies of this folder's, and their candidates."""
    origin = find_study(open_store(local_uri()), name).id
    there = open_store(server.uri)
    studies = search_runs(there, f"tags.`dlrun.pushed_from` = '{origin}'")
    return [
        (run, search_runs(there, f"tags.`mlflow.parentRunId` = '{run.info.run_id}'"))
        for run in studies
    ]


def test_a_push_that_fails_in_the_middle_is_replaced_by_the_next(
    keep: Callable[[Write], Study],
    server: Server,
    write_study: Write,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keep(write_study)
    real, calls = module.upload, []

    def failing(*given: Any) -> str:
        calls.append(given)
        if len(calls) == 2:
            server.stop()
        return real(*given)

    monkeypatch.setattr(module, "upload", failing)
    with pytest.raises(TrackingError):
        push()
    server.start()
    ((half, _),) = copies(server, "iris-1")
    pushed = push()
    ((whole, children),) = copies(server, "iris-1")
    assert whole.info.run_id == pushed.id != half.info.run_id
    assert len(children) == 3
    models = pushed.store.client.search_logged_models([whole.info.experiment_id])
    runs = {run.info.run_id for run in children}
    assert len([model for model in models if model.source_run_id in runs]) == 3
    assert not [model for model in models if model.source_run_id in {
        call[1] for call in calls[:2]
    }]  # fmt: skip


def test_a_server_that_was_emptied_gets_one_copy(
    keep: Callable[[Write], Study], server: Server
) -> None:
    kept = keep(nothing)
    here = open_store(local_uri())
    here.client.set_tag(kept.id, "dlrun.half", "f" * 32)  # what it had got is gone
    first = push()
    here.client.set_tag(kept.id, "dlrun.push_to", server.uri)
    assert push() == first
    assert len(copies(server, "iris-1")) == 1


def test_two_at_once_make_one_study(keep: Callable[[Write], Study], server: Server) -> None:
    keep(nothing)
    with module._alone(), pytest.raises(UsageError, match="another process pushes a study"):
        push()
    push()
    assert len(copies(server, "iris-1")) == 1
    assert [file.name for file in Path().iterdir() if "lock" in file.name] == []


def test_a_study_that_went_on_is_pushed_anew(
    keep: Callable[[Write], Study], server: Server
) -> None:
    kept = keep(nothing)
    first = push()
    open_store(local_uri()).client.set_terminated(kept.id, "FINISHED", end_time=4 * 10**12)
    second = push("iris-1", to=server.uri)
    assert second.id != first.id
    assert [run.info.run_id for run, _ in copies(server, "iris-1")] == [second.id]


def test_the_server_is_still_away(keep: Callable[[Write], Study], server: Server) -> None:
    keep(nothing)
    server.stop()
    with pytest.raises(TrackingError) as error:
        push()
    assert str(error.value) == f"{server.uri} does not answer. iris-1 stays here; push it later."
    server.start()
    assert push().store.uri == server.uri


def test_a_password_was_not_kept(store: Store, facts: StudyFacts) -> None:
    with StudyRun(store, facts) as study:
        pass
    store.client.set_tag(study.id, "dlrun.push_to", "http://ann:***@127.0.0.1:9")
    with pytest.raises(UsageError) as error:
        push()
    assert str(error.value) == (
        "iris-1: http://ann:***@127.0.0.1:9 needs its password: dlrun push iris-1 --to URI"
    )


def test_a_server_that_goes_away_in_the_middle(
    folder: Path,
    server: Server,
    facts: StudyFacts,
    trials: tuple[Trial, ...],
    model_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with StudyRun(open_store(server.uri, experiment="iris"), facts) as study:
        study.begin_candidate("linear", "classic", {})
        study.log_trial(trials[0])
        there = study.id
        server.stop()
        for trial in trials[1:]:
            study.log_trial(trial)
        study.finish_candidate("linear", model_folder)
        study.finish("Classic ML.", {"candidate": ["linear"]})
    server.start()
    assert study.store.uri == f"sqlite:///{folder}/mlflow.db"
    # An open connection may be cut off before a new one is refused.
    assert study.store.note in [
        f"{server.uri} does not answer ({reason}). This study is kept in "
        f"sqlite:///{folder}/mlflow.db. When the server is back: dlrun push"
        for reason in (
            "Connection refused",
            "Connection reset by peer",
            "Remote end closed connection without response",
        )
    ]
    kept = find_study(study.store, study.id)
    assert (kept.status, len(kept.trials)) == ("FINISHED", 3)
    assert len(kept.read_predictions("linear")) == 150
    assert kept.started == find_study(open_store(server.uri), there).started
    # The half on the server gives way to the whole.
    pushed = push()
    assert find_study(pushed.store, pushed.id).trials.equals(kept.trials)
    client = pushed.store.client
    assert client.get_run(there).info.lifecycle_stage == "deleted"
    assert search_runs(pushed.store, f"tags.`mlflow.parentRunId` = '{there}'") == []
    assert find_study(pushed.store).id == pushed.id
