"""The studies of a store: listed, described, renamed, tagged, deleted."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from dlrun.errors import TrackingError, UsageError
from dlrun.tracking.client import clear_errors
from dlrun.tracking.inside import log_inside
from dlrun.tracking.orphaned_runs import is_alive
from dlrun.tracking.read import LAST, find_run, read_study_json
from dlrun.tracking.store import candidates_of
from dlrun.tracking.tags import KIND, NOTE, kept_model

if TYPE_CHECKING:
    from dlrun.contract.inside import Inside
    from dlrun.tracking.store import Store

OWN_TAGS: Final = ("dlrun.", "mlflow.")  # what reading a study depends on


@dataclass(frozen=True)
class StudySummary:
    """A study in a list.

    Attributes:
        source: path of the recipe's file when the study ran.
        seconds: from its start to its end; None while it runs.
        verdict: its sentence; the recipe's description where it has not finished.
        kept: its model, and what that was trained on; empty where it has none.
        tags: those that users gave it.
    """

    id: str
    name: str
    experiment: str
    source: str
    status: str
    started: datetime
    seconds: float | None
    verdict: str
    kept: str
    tags: Mapping[str, str]


@dataclass(frozen=True)
class CandidateRun:
    """A candidate of a study.

    Attributes:
        id: the run id.
        scores: test metric → mean over the splits.
        models: ids of its MLflow models.
    """

    id: str
    name: str
    family: str
    kind: str
    status: str
    scores: Mapping[str, float]
    models: Sequence[str]


@dataclass(frozen=True)
class StudyDetails:
    """A study with its candidates.

    Attributes:
        metrics: the primary one first; empty where the study ended before it was known.
        artifacts: the URI of the files of the study itself.
    """

    summary: StudySummary
    task: str
    metrics: Sequence[str]
    artifacts: str
    candidates: Sequence[CandidateRun]

    @property
    def n_models(self) -> int:
        """Count the models of all candidates."""
        return sum(len(each.models) for each in self.candidates)


def list_studies(store: Store, experiment: str | None = None) -> list[StudySummary]:
    """Return the studies of a store, or of an experiment, the newest first."""
    with clear_errors(store.place):
        runs = store.reader.studies()
        ids = {run.info.experiment_id for run in runs}
        names = {each: store.reader.experiment_name(each) for each in ids}
    studies = [_summary(run, names[run.info.experiment_id]) for run in runs]
    return [each for each in studies if experiment in (None, each.experiment)]


def describe_study(store: Store, name: str | None) -> StudyDetails:
    """Return a study with its candidates; for what names it see `dlrun.tracking.read.find_study`.

    Raises:
        UsageError: there is no such study.
    """
    with clear_errors(store.place):
        run = find_run(store, name)
        newest_first = candidates_of(store, run.info.run_id)
        return StudyDetails(
            summary=_summary(run, store.reader.experiment_name(run.info.experiment_id)),
            task=run.data.tags["dlrun.task"],
            metrics=_metrics(store, run),
            artifacts=run.info.artifact_uri,
            candidates=[_candidate(store, *each) for each in reversed(newest_first.items())],
        )


def rename_study(store: Store, name: str, new: str) -> str:
    """Give a study another name; return the old one.

    Raises:
        UsageError: there is no such study, or the new name is taken or empty.
    """
    with clear_errors(store.place):
        run = find_run(store, name)
        taken = {each.info.run_name for each in store.reader.studies()}
        if not new.strip() or new == LAST or new in taken - {run.info.run_name}:
            message = f"{new!r}: a study cannot get this name. It is empty, reserved or taken"
            raise UsageError(message)
        store.client.update_run(run.info.run_id, name=new)
        return str(run.info.run_name)


def tag_study(store: Store, name: str, tags: Mapping[str, str]) -> str:
    """Set tags of a study, or remove those whose value is empty; return the study's name.

    Raises:
        UsageError: there is no such study, or a tag is dlrun's or MLflow's own.
    """
    own = next((key for key in tags if key.startswith(OWN_TAGS)), None)
    if own:
        message = f"{own}: dlrun and MLflow use this tag themselves. Choose another key"
        raise UsageError(message)
    with clear_errors(store.place):
        run = find_run(store, name)
        for key, value in tags.items():
            if value:
                store.client.set_tag(run.info.run_id, key, value)
            elif key in run.data.tags:
                store.client.delete_tag(run.info.run_id, key)
        return str(run.info.run_name)


def check_deletable(store: Store, study: StudyDetails) -> None:
    """Check that no process is training a study.

    Raises:
        UsageError: one is, here or perhaps on another machine.
    """
    with clear_errors(store.place):
        run = store.reader.run(study.summary.id)
    if run.info.status != "RUNNING":
        return
    host, process = run.data.tags["dlrun.host"], run.data.tags["dlrun.pid"]
    if host != socket.gethostname() or is_alive(run):
        message = f"{study.summary.name} is running: process {process} on {host}. Stop it first"
        raise UsageError(message)


def delete_study(store: Store, study: StudyDetails) -> None:
    """Delete the models and runs of a study, in MLflow's way: its files stay until `mlflow gc`.

    The parent run is deleted last, so that what an error interrupts can be deleted again.
    """
    with clear_errors(store.place):
        for candidate in study.candidates:
            for model_id in candidate.models:
                store.client.delete_logged_model(model_id)
            store.client.delete_run(candidate.id)
        store.client.delete_run(study.summary.id)


def finished_studies(store: Store, tags: Mapping[str, str]) -> list[str]:
    """Return the ids of the studies that ended and have all of these tags, the newest first."""
    with clear_errors(store.place):
        return [
            run.info.run_id
            for run in store.reader.studies()
            if run.info.status == "FINISHED" and tags.items() <= run.data.tags.items()
        ]


def keep_inside(store: Store, study_id: str, inside: Inside) -> None:
    """Log what a look inside a candidate has found, in place of an earlier look."""
    with clear_errors(store.place):
        run = candidates_of(store, study_id)[inside.candidate]
        log_inside(store.client, run.info.run_id, inside)


def _summary(run: Any, experiment: str) -> StudySummary:
    info, tags = run.info, run.data.tags
    return StudySummary(
        id=info.run_id,
        name=info.run_name,
        experiment=experiment,
        source=tags.get("mlflow.source.name", ""),
        status=info.status,
        started=datetime.fromtimestamp(info.start_time / 1000, tz=UTC),
        seconds=None if info.end_time is None else (info.end_time - info.start_time) / 1000,
        verdict=tags.get(NOTE, "").partition("\n\n")[0],
        kept=str(kept_model(tags) or ""),
        tags={key: value for key, value in tags.items() if not key.startswith(OWN_TAGS)},
    )


def _candidate(store: Store, name: str, run: Any) -> CandidateRun:
    metrics = run.data.metrics
    return CandidateRun(
        id=run.info.run_id,
        name=name,
        family=run.data.tags["dlrun.family"],
        kind=run.data.tags.get(KIND, ""),
        status=run.info.status,
        scores={
            key.removeprefix("test/"): value
            for key, value in metrics.items()
            if key.startswith("test/")
        },
        models=store.reader.models(run.info.run_id),
    )


def _metrics(store: Store, run: Any) -> tuple[str, ...]:
    try:
        return tuple(read_study_json(store, run)["metrics"])
    except TrackingError:  # it was killed before this file was written
        return ()
