"""Studies are listed, described, renamed, tagged and deleted in the store."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from dlrun.errors import UsageError
from dlrun.report.studies import to_values
from dlrun.tracking import studies
from dlrun.tracking.facts import StudyFacts
from dlrun.tracking.read import find_study
from dlrun.tracking.store import Store, open_store
from dlrun.tracking.study import StudyRun

pytestmark = pytest.mark.slow

Write = Callable[[StudyRun], None]


def short(store: Store, facts: StudyFacts) -> str:
    with StudyRun(store, facts) as study:
        pass
    return study.id


def test_a_study_in_the_list_and_in_full(written: tuple[Store, str]) -> None:
    store, study_id = written
    (summary,) = studies.list_studies(store)
    assert (summary.id, summary.name, summary.experiment) == (study_id, "iris-1", "iris")
    assert (summary.status, summary.verdict) == ("FINISHED", "Classic ML: linear beats net.")
    assert studies.list_studies(store, "iris") == [summary]
    assert studies.list_studies(store, "wine") == []
    details = studies.describe_study(store, "last")
    assert details.summary == summary
    assert (details.metrics, details.n_models) == (("accuracy", "log_loss"), 3)
    assert [each.name for each in details.candidates] == ["linear", "dummy", "net"]
    assert details.candidates[0].scores["accuracy"] > 0.9
    values = json.loads(json.dumps(to_values(details), allow_nan=False))
    assert values["name"] == "iris-1"
    assert values["candidates"][0]["models"] == list(details.candidates[0].models)


def test_a_new_name_is_what_the_study_is_found_by(store: Store, facts: StudyFacts) -> None:
    first, second = short(store, facts), short(store, facts)
    assert studies.rename_study(store, "iris-1", "before the move") == "iris-1"
    assert find_study(store, "before the move").id == first
    for taken in ("before the move", "last", " "):
        with pytest.raises(UsageError, match="empty, reserved or taken"):
            studies.rename_study(store, second, taken)


def test_tags_are_set_and_removed_on_the_study(store: Store, facts: StudyFacts) -> None:
    short(store, facts)
    studies.tag_study(store, "last", {"for": "paper", "draft": "1"})
    studies.tag_study(store, "last", {"draft": "", "never": ""})
    assert studies.list_studies(store)[0].tags == {"for": "paper"}
    with pytest.raises(UsageError, match="dlrun and MLflow use this tag themselves"):
        studies.tag_study(store, "last", {"dlrun.role": "deep"})


def test_a_deleted_study_is_gone_with_its_runs_and_models(
    store: Store, facts: StudyFacts, write_study: Write
) -> None:
    kept = short(store, facts)
    with StudyRun(store, facts) as study:
        write_study(study)
    all_models = studies.describe_study(store, "iris-2").candidates[0].models
    store.client.delete_logged_model(all_models[0])  # as where a study was killed and went on
    doomed = studies.describe_study(store, "iris-2")
    assert doomed.n_models == 2
    studies.delete_study(store, doomed)
    assert [each.id for each in studies.list_studies(store)] == [kept]
    assert store.reader.candidates(doomed.summary.id) == []
    assert list(store.client.search_logged_models([store.experiment_id])) == []
    with pytest.raises(UsageError) as error:
        find_study(store, "iris-2")
    assert str(error.value) == (
        "iris-2: no study of that name, id or experiment. Did you mean 'iris-1'? There are: iris-1"
    )


def test_a_study_that_runs_is_not_deleted(store: Store, facts: StudyFacts) -> None:
    with StudyRun(store, facts):
        running = studies.describe_study(store, "last")
        with pytest.raises(UsageError) as error:
            studies.check_deletable(store, running)
        assert str(error.value) == (
            f"iris-1 is running: process {os.getpid()} on {socket.gethostname()}. Stop it first"
        )
        store.client.set_tag(running.summary.id, "dlrun.pid", "999999999")
        studies.check_deletable(store, running)


def test_a_study_killed_at_its_start_can_be_described_and_deleted(folder: Path) -> None:
    store = open_store(None, experiment="iris")
    tags = {"dlrun.role": "study", "dlrun.task": "regression"}
    run = store.client.create_run(store.experiment_id, run_name="iris-1", tags=tags)
    store.client.set_terminated(run.info.run_id, "KILLED")
    details = studies.describe_study(store, None)
    assert (details.metrics, details.candidates) == ((), [])
    studies.delete_study(store, details)
    assert studies.list_studies(store) == []
