"""The models of a store: that of a study, or of any candidate."""

from __future__ import annotations

import atexit
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from math import inf, isnan
from pathlib import Path
from tempfile import mkdtemp
from typing import TYPE_CHECKING, Any

from dlrun.catalog.baselines import DUMMY
from dlrun.catalog.metrics import get_metric
from dlrun.data.model_io import FACTS
from dlrun.errors import TrackingError, UsageError
from dlrun.tracking import tables
from dlrun.tracking.client import clear_errors
from dlrun.tracking.model import ARTIFACT
from dlrun.tracking.read import (
    LAST,
    artifact,
    candidate_run,
    candidate_with_id,
    find_run,
    read_study_json,
)
from dlrun.tracking.store import candidates_of, local_path
from dlrun.tracking.tags import KEPT, TRAINED_ON

if TYPE_CHECKING:
    from dlrun.tracking.store import Store


@dataclass(frozen=True)
class StoredModel:
    """A model in a store.

    Attributes:
        candidate: its name.
        trained_on: which rows, in words; empty for a model of an earlier version.
        folder: for `dlrun.data.model_io.load`.
    """

    candidate: str
    trained_on: str
    folder: Path

    def __str__(self) -> str:
        rows = f", trained on {self.trained_on}" if self.trained_on else ""
        return f"{self.candidate}{rows}"


def find_model(store: Store, name: str | None, candidate: str | None = None) -> StoredModel:
    """Return a model.

    Args:
        store: where it is.
        name: a study as in `find_study`, or the run id of a candidate.
        candidate: the name of one; None: the one whose model the study keeps, else the best by the
            mean of the primary metric on validation rows.

    Raises:
        UsageError: there is no such study, candidate or model.
    """
    with clear_errors(store.place):
        run = None if candidate or name in (None, LAST) else candidate_with_id(store, name)
        if run is None:
            study = find_run(store, name)
            run = candidate_run(store, study, candidate or _kept(store, study))
        models = store.reader.models(run.info.run_id)
        if not models:
            message = f"{run.info.run_name}: this candidate has no model, since it did not finish."
            raise UsageError(message)
        folder = model_folder(store, models[-1]) / "artifacts" / ARTIFACT
        if not (folder / FACTS).exists():
            message = f"{folder}: the model is missing. Was the folder of the store moved?"
            raise TrackingError(message)
        tags = store.reader.model_tags(models[-1])
        name = run.data.params.get("candidate", run.info.run_name)
        return StoredModel(name, tags.get(TRAINED_ON, ""), folder)


def _kept(store: Store, study: Any) -> str:
    """Return the candidate whose model a study keeps; of an earlier version, one by validation."""
    runs = candidates_of(store, study.info.run_id)
    kept: str = study.data.tags.get(KEPT, "")
    return kept if kept in runs else _best(store, study, runs)


def _best(store: Store, study: Any, runs: Mapping[str, Any]) -> str:
    """Return the candidate with the best mean validation score.

    One that failed on some split comes behind the others, and the dummy last.
    """
    metric = read_study_json(store, study)["metrics"][0]
    with artifact(store, study, tables.TRIALS) as file:
        trials = tables.read_trials(file)
    finished = [name for name, run in runs.items() if run.info.status == "FINISHED"]

    def rank(name: str) -> tuple[bool, bool, float]:
        own = trials[trials["candidate"] == name]
        score = get_metric(metric).sign * own[f"val_{metric}"].mean()
        is_whole = bool((own["status"] == "ok").all())
        return (name != DUMMY, is_whole, -inf if isnan(score) else score)

    if not finished:
        message = f"{study.info.run_name}: no candidate of this study has finished with a score."
        raise UsageError(message)
    return max(finished, key=rank)


def model_folder(store: Store, model_id: str) -> Path:
    """Return the folder of an MLflow model; a downloaded one is removed at exit."""
    location = store.reader.model_location(model_id)
    folder = local_path(location)
    if folder is not None:
        return folder
    from mlflow.artifacts import download_artifacts

    scratch = mkdtemp(prefix="dlrun-")
    atexit.register(shutil.rmtree, scratch, ignore_errors=True)
    return Path(download_artifacts(location, dst_path=scratch, tracking_uri=store.uri))
