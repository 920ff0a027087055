"""A study in the local store, copied to the server that did not answer when it ran."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from dlrun.errors import TrackingError, UsageError
from dlrun.system.secrets import MASK
from dlrun.tracking.client import METRICS_AT_ONCE, PARAMS_AT_ONCE, clear_errors, in_batches
from dlrun.tracking.model import ModelCard, model_name, upload
from dlrun.tracking.read import find_run
from dlrun.tracking.reader import STUDIES
from dlrun.tracking.store import (
    candidates_of,
    local_path,
    local_uri,
    next_name,
    open_store,
    search_runs,
)
from dlrun.tracking.stored_model import model_folder
from dlrun.tracking.tags import NOTE

if TYPE_CHECKING:
    from dlrun.tracking.store import Store

WAITING: Final = "dlrun.push_to"
PUSHED: Final = "dlrun.pushed_to"
HALF: Final = "dlrun.half"  # the run id of what the server got before it failed
LOCAL_TAGS: Final = (WAITING, PUSHED, HALF)
ORIGIN: Final = "dlrun.pushed_from"  # on the server: the run id here, by which a copy is found
COMPLETE: Final = "dlrun.push_complete"  # on the server: when the study that was copied had ended


@dataclass(frozen=True)
class Pushed:
    """A study on its server."""

    name: str
    id: str
    store: Store


def push(name: str | None = None, *, to: str | None = None) -> Pushed:
    """Copy a study of this folder's store to a server, with all its runs, files and models.

    A study that is there already is not copied again; what an interrupted push has left is
    replaced.

    Args:
        name: the study, as in `find_study`; None: the last one that waits to be pushed.
        to: the server; None: the one that did not answer when the study was run.

    Raises:
        UsageError: there is no such study, no server is known for it, or another process pushes.
        TrackingError: the server still does not answer, or refuses.
    """
    here = open_store(local_uri(), create=False)
    with _alone():
        study = find_run(here, name) if name else _waiting(here)
        uri = to or study.data.tags.get(WAITING)
        experiment = here.reader.experiment_name(study.info.experiment_id)
        server = _server(uri, study.info.run_name, experiment)
        with clear_errors(server.place):
            copy = _copy_once(here, server, study)
            if to is None and HALF in study.data.tags:
                _delete(server, study.data.tags[HALF])
        here.client.set_tag(study.info.run_id, PUSHED, server.place)
        if WAITING in study.data.tags:
            here.client.delete_tag(study.info.run_id, WAITING)
    return Pushed(copy.info.run_name, copy.info.run_id, server)


@contextmanager
def _alone() -> Iterator[None]:
    """Keep other processes from pushing the studies of this folder meanwhile."""
    from filelock import FileLock, Timeout

    file = Path(local_uri().removeprefix("sqlite:///")).with_name(".mlflow.db.push.lock")
    try:
        with FileLock(file, timeout=0):
            yield
            file.unlink(missing_ok=True)
    except Timeout:
        message = f"{file.parent}: another process pushes a study from here. Wait for its end"
        raise UsageError(message) from None


def _copy_once(here: Store, server: Store, study: Any) -> Any:
    """Return the copy of a study on the server, made unless there is a complete one."""
    origin, ended = study.info.run_id, str(study.info.end_time)
    for copy in search_runs(server, f"{STUDIES} and tags.`{ORIGIN}` = '{origin}'"):
        if copy.data.tags.get(COMPLETE) == ended:
            return copy
        _delete(server, copy.info.run_id)
    name = next_name(server, study.data.tags["dlrun.recipe"])
    study_id = _copy_run(here, server, study, {"mlflow.runName": name, ORIGIN: origin})
    for child in candidates_of(here, origin).values():
        child_id = _copy_run(here, server, child, {"mlflow.parentRunId": study_id})
        kept = here.reader.models(child.info.run_id)
        for output in here.client.get_run(child.info.run_id).outputs.model_outputs:
            if output.model_id in kept:
                _copy_model(here, server, output, child_id, name)
    server.client.set_tag(study_id, COMPLETE, ended)
    return server.client.get_run(study_id)


def _waiting(here: Store) -> Any:
    runs = search_runs(here, f"{STUDIES} and tags.`{WAITING}` != ''", at_most=1)
    if not runs:
        message = f"{here.place}: no study waits here to be pushed. Name one, and --to SERVER"
        raise UsageError(message)
    return runs[0]


def _server(uri: str | None, study: str, experiment: str) -> Store:
    if uri is None:
        message = f"{study}: no server is known for it. Name one: dlrun push {study} --to URI"
        raise UsageError(message)
    if f":{MASK}@" in uri:
        message = f"{study}: {uri} needs its password: dlrun push {study} --to URI"
        raise UsageError(message)
    server = open_store(uri, experiment=experiment)
    if server.stands_in_for:
        message = f"{server.stands_in_for} does not answer. {study} stays here; push it later."
        raise TrackingError(message)
    return server


def _copy_run(here: Store, server: Store, run: Any, new_tags: dict[str, str]) -> str:
    from mlflow.entities import Param

    client = server.client
    run = here.client.get_run(run.info.run_id)  # a search may leave inputs and outputs out
    tags = {key: value for key, value in run.data.tags.items() if key not in LOCAL_TAGS}
    created = client.create_run(server.experiment_id, run.info.start_time, tags | new_tags)
    run_id: str = created.info.run_id
    texts = [Param(key, text) for key, text in run.data.params.items()]
    for params in in_batches(texts, PARAMS_AT_ONCE):
        client.log_batch(run_id, params=params)
    for key in run.data.metrics:
        history = here.client.get_metric_history(run.info.run_id, key)
        for points in in_batches(history, METRICS_AT_ONCE):
            client.log_batch(run_id, metrics=points)
    client.log_inputs(run_id, run.inputs.dataset_inputs)
    artifacts = local_path(run.info.artifact_uri)
    if artifacts and artifacts.exists():
        client.log_artifacts(run_id, str(artifacts))
    client.set_terminated(run_id, run.info.status, run.info.end_time)
    return run_id


def _copy_model(here: Store, server: Store, output: Any, run_id: str, study: str) -> None:
    """Copy a model to a run on the server, under the study's name there."""
    from mlflow.entities import Metric

    model = here.client.get_logged_model(output.model_id)
    own = {key: text for key, text in model.tags.items() if key.startswith("dlrun.") or key == NOTE}
    is_named = "dlrun.candidate" in own  # older models have no name of their own
    if is_named:
        own["dlrun.study"] = study
    name = model_name(study, own["dlrun.candidate"]) if is_named else model.name
    card = ModelCard(name, model.params or {}, own, output.step)
    with TemporaryDirectory() as scratch:
        copy = shutil.copytree(model_folder(here, output.model_id), Path(scratch, "model"))
        model_id = upload(server, run_id, copy, card)
    points = [
        Metric(
            each.key, each.value, each.timestamp, each.step, model_id=model_id,
            dataset_name=each.dataset_name, dataset_digest=each.dataset_digest, run_id=run_id,
        )
        for each in model.metrics or ()
    ]  # fmt: skip
    server.client.log_batch(run_id, metrics=points)


def _delete(server: Store, study_id: str) -> None:
    """Delete, in MLflow's restorable way, what there is of a study on the server.

    The parent is deleted last, so that what an error interrupts can be deleted again.
    """
    where = (f"tags.`mlflow.parentRunId` = '{study_id}'", f"attributes.run_id = '{study_id}'")
    for run in (run for each in where for run in search_runs(server, each)):
        for model_id in server.reader.models(run.info.run_id):
            server.client.delete_logged_model(model_id)
        server.client.delete_run(run.info.run_id)
