"""Studies, their tables and their models, read from the store."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from dlrun.catalog.notes import EARLIER
from dlrun.contract.candidate import Predictions
from dlrun.contract.note import Note
from dlrun.contract.search import SearchBudget
from dlrun.contract.study import DataSummary, Study
from dlrun.data.targets import target_kind
from dlrun.errors import TrackingError, UsageError
from dlrun.system.text import did_you_mean, listed
from dlrun.tracking import tables
from dlrun.tracking.client import clear_errors
from dlrun.tracking.excerpt import EXCERPT, excerpt_from_json
from dlrun.tracking.inside import INSIDE, inside_from_json
from dlrun.tracking.store import candidates_of, local_path
from dlrun.tracking.tags import kept_model

if TYPE_CHECKING:
    import pandas as pd

    from dlrun.contract.excerpt import DataExcerpt
    from dlrun.contract.inside import Inside
    from dlrun.tracking.store import Store

SHORTEST_ID: Final = 4
NAMES_SHOWN: Final = 10
LAST: Final = "last"  # the last study, where a name is asked for
BASELINE: Final = "dummy"  # chosen last


def find_study(store: Store, name: str | None = None) -> Study:
    """Read a study.

    Args:
        store: where it is.
        name: the study's name, its run id or at least four characters of it, the run id of one
            of its candidates, or an experiment, which means its last study. None or "last": the
            last study.

    Raises:
        UsageError: there is no such study.
        TrackingError: the store cannot be read.
    """
    with clear_errors(store.place):
        return _read(store, find_run(store, name))


def find_studies(store: Store, names: Sequence[str] = ()) -> tuple[Study, ...]:
    """Read studies in the order of their names; without names, the last one."""
    return tuple(find_study(store, name) for name in names or (None,))


def find_run(store: Store, name: str | None) -> Any:
    """Return the parent run of a study; see `find_study` for what names it."""
    name = None if name == LAST else name
    studies = store.reader.studies(at_most=None if name else 1)
    if not studies:
        message = f"{store.place}: no study here yet. Run: dlrun train RECIPE"
        raise UsageError(message)
    if name is None:
        return studies[0]
    study = _named(store, studies, name) or with_id(studies, name) or _parent_of(store, name)
    if study is None:
        names = [run.info.run_name for run in studies]
        message = (
            f"{name}: no study of that name, id or experiment.{did_you_mean(name, names)} "
            f"There are: {listed(names, NAMES_SHOWN)}"
        )
        raise UsageError(message)
    return study


# ------------------------------------------------------------------------------------- naming


def _named(store: Store, studies: Sequence[Any], name: str) -> Any:
    experiment_id = store.reader.experiment_id(name)
    by_name = (run for run in studies if run.info.run_name == name)
    by_experiment = (run for run in studies if run.info.experiment_id == experiment_id)
    return next(by_name, None) or next(by_experiment, None)


def with_id(studies: Sequence[Any], start: str) -> Any:
    """Return the study whose run id begins with `start`, None where there is none.

    Raises:
        UsageError: there are several.
    """
    runs = [run for run in studies if run.info.run_id.startswith(start)]
    if len(start) < SHORTEST_ID or not runs:
        return None
    if len(runs) > 1:
        ids = ", ".join(f"{run.info.run_id[:12]} ({run.info.run_name})" for run in runs)
        message = f"{start}: several studies have an id that starts so: {ids}"
        raise UsageError(message)
    return runs[0]


def _parent_of(store: Store, run_id: str) -> Any:
    child = candidate_with_id(store, run_id)
    return store.reader.run(child.data.tags["mlflow.parentRunId"]) if child else None


def candidate_with_id(store: Store, start: str) -> Any:
    """Return the run of the one candidate whose id begins with `start`, else None."""
    if len(start) < SHORTEST_ID or not start.isalnum():
        return None
    runs = store.reader.candidates_with_id(start)
    return runs[0] if len(runs) == 1 else None


# ------------------------------------------------------------------------------------ reading


@dataclass(frozen=True, kw_only=True)
class TrackedStudy(Study):
    """A study in an MLflow store.

    Attributes:
        store: where it is.
        run: its parent run.
    """

    store: Store = field(repr=False, compare=False)
    run: Any = field(repr=False, compare=False)

    def read_predictions(self, candidate: str) -> pd.DataFrame:
        """Return a candidate's test predictions; see `Study`.

        Raises:
            UsageError: the study has no such candidate.
            TrackingError: the store cannot be read.
        """
        from pandas import read_parquet

        with clear_errors(self.store.place):
            run = candidate_run(self.store, self.run, candidate)
            with artifact(self.store, run, tables.PREDICTIONS) as file:
                return read_parquet(file)

    def read_validation_predictions(self, candidate: str) -> pd.DataFrame | None:
        """Return a candidate's predictions of the validation rows; see `Study`."""
        from pandas import read_parquet

        with clear_errors(self.store.place):
            run = candidate_run(self.store, self.run, candidate)
            if not _has(self.store, run, tables.VALIDATION_PREDICTIONS):
                return None
            with artifact(self.store, run, tables.VALIDATION_PREDICTIONS) as file:
                return read_parquet(file)

    def read_weights(self, candidate: str) -> pd.DataFrame:
        """Return the members of a blend; see `Study`."""
        with clear_errors(self.store.place):
            run = candidate_run(self.store, self.run, candidate)
            if not _has(self.store, run, tables.WEIGHTS):
                return tables.weights_table([])
            with artifact(self.store, run, tables.WEIGHTS) as file:
                return tables.read_weights(file)

    def decode_predictions(self, frame: pd.DataFrame) -> tuple[Any, Predictions]:
        """Return y and the predictions of rows; see `Study`."""
        return target_kind(self.task).from_table(frame, self.labels)

    def read_probe_scores(self) -> pd.DataFrame:
        """Return the table of probe scores, read once; see `Study`."""
        return self._probe_scores

    @cached_property
    def _probe_scores(self) -> pd.DataFrame:
        with clear_errors(self.store.place):
            if not _has(self.store, self.run, tables.PROBE_SCORES):
                return tables.probe_scores_table([])
            with artifact(self.store, self.run, tables.PROBE_SCORES) as file:
                return tables.read_probe_scores(file)

    def read_search(self) -> pd.DataFrame:
        """Return the table of the searches, read once; see `Study`."""
        return self._search

    @cached_property
    def _search(self) -> pd.DataFrame:
        with clear_errors(self.store.place):
            if not _has(self.store, self.run, tables.SEARCH):
                return tables.search_table([])
            with artifact(self.store, self.run, tables.SEARCH) as file:
                return tables.read_search(file)

    def read_epochs(self, candidate: str) -> pd.DataFrame:
        """Return a candidate's epochs; see `Study`."""
        from pandas import DataFrame, read_csv

        with clear_errors(self.store.place):
            run = candidate_run(self.store, self.run, candidate)
            if not _has(self.store, run, tables.EPOCHS):  # no network, or no finished epoch
                return DataFrame()
            with artifact(self.store, run, tables.EPOCHS) as file:
                return read_csv(file)

    def read_layers(self, candidate: str) -> pd.DataFrame:
        """Return the health of a network's layers; see `Study`."""
        if self.run.data.params.get("evaluation.inside") != "true":
            return tables.layers_table([])
        with clear_errors(self.store.place):
            run = candidate_run(self.store, self.run, candidate)
            if not _has(self.store, run, tables.LAYERS):
                return tables.layers_table([])
            with artifact(self.store, run, tables.LAYERS) as file:
                return tables.read_layers(file)

    def read_excerpt(self) -> DataExcerpt | None:
        """Return what was kept of the rows, read once; see `Study`."""
        return self._excerpt

    @cached_property
    def _excerpt(self) -> DataExcerpt | None:
        with clear_errors(self.store.place):
            is_kept = _has(self.store, self.run, EXCERPT)
        return excerpt_from_json(self.read_text(EXCERPT)) if is_kept else None

    def read_inside(self, candidate: str) -> Inside | None:
        """Return what a look inside a candidate has found; see `Study`."""
        with clear_errors(self.store.place):
            run = candidate_run(self.store, self.run, candidate)
            if not _has(self.store, run, INSIDE):
                return None
            with artifact(self.store, run, INSIDE) as file:
                return inside_from_json(file.read_text(encoding="utf-8"))

    def read_text(self, name: str) -> str:
        """Return the contents of a text file of the study."""
        with clear_errors(self.store.place), artifact(self.store, self.run, name) as file:
            return file.read_text(encoding="utf-8")


def _read(store: Store, run: Any) -> TrackedStudy:
    tags, facts = run.data.tags, read_study_json(store, run)
    with artifact(store, run, tables.TRIALS) as file:
        trials = tables.read_trials(file)
    return TrackedStudy(
        store=store,
        run=run,
        id=run.info.run_id,
        name=run.info.run_name,
        experiment=store.reader.experiment_name(run.info.experiment_id),
        recipe=tags["dlrun.recipe"],
        source=tags["mlflow.source.name"],
        status=run.info.status,
        started=datetime.fromtimestamp(run.info.start_time / 1000, tz=UTC),
        task=tags["dlrun.task"],
        labels=tuple(facts["labels"]),
        metrics=tuple(facts["metrics"]),
        rope=facts["rope"],
        n_rows=facts["n_rows"],
        n_test_rows=facts["n_test_rows"],
        split_digest=tags["dlrun.split_digest"],
        data_digest=tags["dlrun.data_digest"],
        trials=trials,
        data=_data(facts["data"]) if "data" in facts else None,
        features=_features(facts["features"]) if "features" in facts else None,
        muted=tuple(facts.get("muted", ())),
        kept=kept_model(tags),
        search_budget=SearchBudget(**facts["search_budget"]) if "search_budget" in facts else None,
    )


def read_study_json(store: Store, run: Any) -> dict[str, Any]:
    """Return the contents of a study's `study.json`; see `StudyFacts`."""
    with artifact(store, run, "study.json") as file:
        facts: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return facts


def _has(store: Store, run: Any, name: str) -> bool:
    folder = local_path(run.info.artifact_uri)
    if folder is not None:
        return (folder / name).exists()
    return any(file.path == name for file in store.client.list_artifacts(run.info.run_id))


def _data(facts: Mapping[str, Any]) -> DataSummary:
    return DataSummary(
        source=facts["source"],
        target=facts["target"],
        columns=facts["columns"],
        sizes=tuple((train, validation, test) for train, validation, test in facts["sizes"]),
        notes=tuple(map(_note, facts["notes"])),
    )


def _note(kept: str | Mapping[str, str]) -> Note:
    """Read a note; before notes had codes they were kept as their text."""
    return EARLIER.note(kept) if isinstance(kept, str) else Note(**kept)


def _features(facts: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, ...]]:
    return {candidate: tuple(features) for candidate, features in facts.items()}


def candidate_run(store: Store, study: Any, candidate: str) -> Any:
    """Return the run of a candidate of a study.

    Raises:
        UsageError: it has no such candidate.
    """
    runs = candidates_of(store, study.info.run_id)
    if candidate not in runs:
        message = f"{study.info.run_name} has no candidate {candidate!r}. It has: {', '.join(runs)}"
        raise UsageError(message)
    return runs[candidate]


# ---------------------------------------------------------------------------------- artifacts


@contextmanager
def artifact(store: Store, run: Any, name: str) -> Iterator[Path]:
    """Yield the path of a run's file: where it is kept, or of a download that is removed after."""
    folder = local_path(run.info.artifact_uri)
    if folder is None:
        with TemporaryDirectory() as scratch:
            yield Path(store.client.download_artifacts(run.info.run_id, name, scratch))
        return
    file = folder / name
    if not file.exists():
        message = (
            f"{file}: this file of {run.info.run_name} is missing. Either the run ended too early "
            "to write it, or the folder of the store was moved"
        )
        raise TrackingError(message)
    yield file
