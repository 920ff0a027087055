"""Reading runs: by MLflow's client, or, of a local store, straight from its SQLite file.

MLflow's own store over SQLite imports a web framework, SQLAlchemy and migrations, which costs more
than a second of CPU time in every command that only reads.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from math import nan
from pathlib import Path
from typing import Any, Final, Protocol

NEWEST_FIRST: Final = ["attributes.start_time DESC"]
STUDIES: Final = "tags.`dlrun.role` = 'study'"
PAGE: Final = 1000
BUSY_SECONDS: Final = 20

# What the direct way reads. A store that lacks any of it is read by MLflow's client.
COLUMNS: Final = {
    "runs": "run_uuid, name, status, start_time, end_time, lifecycle_stage, artifact_uri, "
    "experiment_id",
    "experiments": "experiment_id, name, lifecycle_stage",
    "experiment_tags": "key, value, experiment_id",
    "tags": "key, value, run_uuid",
    "params": "key, value, run_uuid",
    "latest_metrics": "key, value, is_nan, run_uuid",
    "inputs": "source_type, source_id, destination_type, destination_id",
    "logged_models": "model_id, artifact_location, lifecycle_stage",
    "logged_model_tags": "model_id, tag_key, tag_value",
}
RUNS: Final = """\
SELECT run_uuid, runs.name, status, start_time, end_time, runs.lifecycle_stage, artifact_uri,
       CAST(runs.experiment_id AS TEXT)
FROM runs JOIN experiments USING (experiment_id)
WHERE {where} ORDER BY start_time DESC, run_uuid LIMIT ?"""
ACTIVE: Final = "runs.lifecycle_stage = 'active' AND experiments.lifecycle_stage = 'active'"
TAGGED: Final = "run_uuid IN (SELECT run_uuid FROM tags WHERE key = ? AND value = ?)"
ENTRIES: Final = {
    "tags": "value",
    "params": "value",
    "latest_metrics": "CASE WHEN is_nan THEN NULL ELSE value END",
}
MODELS: Final = """\
SELECT model_id FROM inputs JOIN logged_models ON model_id = destination_id
WHERE source_type = 'RUN_OUTPUT' AND source_id = ? AND destination_type = 'MODEL_OUTPUT'
      AND lifecycle_stage = 'active'
ORDER BY inputs.rowid"""


class RunReader(Protocol):
    """What reading a study needs. A run has the shape of `mlflow.entities.Run`."""

    def studies(self, at_most: int | None = None) -> list[Any]:
        """Return the parent runs of studies, the newest first."""

    def candidates(self, study_id: str) -> list[Any]:
        """Return the runs of a study's candidates."""

    def candidates_with_id(self, start: str) -> list[Any]:
        """Return at most two candidates' runs whose id begins with `start`."""

    def run(self, run_id: str) -> Any:
        """Return a run."""

    def experiment_name(self, experiment_id: str) -> str:
        """Return the name of an experiment."""

    def experiment_id(self, name: str) -> str | None:
        """Return the id of an experiment, None where there is none of that name."""

    def experiment_tags(self, experiment_id: str) -> dict[str, str]:
        """Return the tags of an experiment."""

    def models(self, run_id: str) -> list[str]:
        """Return the ids of a run's models, the last one last; without deleted ones."""

    def model_location(self, model_id: str) -> str:
        """Return the URI of a model's artifacts."""

    def model_tags(self, model_id: str) -> dict[str, str]:
        """Return the tags of a model."""


@dataclass(frozen=True)
class ClientReader:
    """Reads any store by its `MlflowClient`."""

    client: Any

    def search(self, where: str, at_most: int | None = None) -> list[Any]:
        """Return the runs of all experiments that match MLflow's filter, the newest first."""
        ids = [each.experiment_id for each in _all_pages(self.client.search_experiments)]
        if not ids:
            return []
        search = partial(
            self.client.search_runs, ids, where, max_results=at_most or PAGE, order_by=NEWEST_FIRST
        )
        return list(search()) if at_most else _all_pages(search)

    def studies(self, at_most: int | None = None) -> list[Any]:
        """Return the parent runs of studies, the newest first."""
        return self.search(STUDIES, at_most)

    def candidates(self, study_id: str) -> list[Any]:
        """Return the runs of a study's candidates."""
        return self.search(f"tags.`mlflow.parentRunId` = '{study_id}'")

    def candidates_with_id(self, start: str) -> list[Any]:
        """Return at most two candidates' runs whose id begins with `start`."""
        where = f"tags.`dlrun.role` != 'study' and attributes.run_id LIKE '{start}%'"
        return self.search(where, at_most=2)

    def run(self, run_id: str) -> Any:
        """Return a run."""
        return self.client.get_run(run_id)

    def experiment_name(self, experiment_id: str) -> str:
        """Return the name of an experiment."""
        return str(self.client.get_experiment(experiment_id).name)

    def experiment_id(self, name: str) -> str | None:
        """Return the id of an experiment, None where there is none of that name."""
        found = self.client.get_experiment_by_name(name)
        return found and str(found.experiment_id)

    def experiment_tags(self, experiment_id: str) -> dict[str, str]:
        """Return the tags of an experiment."""
        return dict(self.client.get_experiment(experiment_id).tags)

    def models(self, run_id: str) -> list[str]:
        """Return the ids of a run's models, the last one last; without deleted ones."""
        # Older versions of MLflow leave the models out of what a search for runs returns, and the
        # outputs of a run name deleted models as well.
        run = self.client.get_run(run_id)
        where = f"source_run_id = '{run_id}'"
        active = self.client.search_logged_models([run.info.experiment_id], filter_string=where)
        ids = {each.model_id for each in active}
        return [each.model_id for each in run.outputs.model_outputs if each.model_id in ids]

    def model_location(self, model_id: str) -> str:
        """Return the URI of a model's artifacts."""
        return str(self.client.get_logged_model(model_id).artifact_location)

    def model_tags(self, model_id: str) -> dict[str, str]:
        """Return the tags of a model."""
        return dict(self.client.get_logged_model(model_id).tags)


def _all_pages(search: Callable[..., Any]) -> list[Any]:
    page = search()
    items = list(page)
    while page.token:
        page = search(page_token=page.token)
        items += page
    return items


# ------------------------------------------------------------------------------------- SQLite


@dataclass(frozen=True)
class SqliteRunInfo:
    """The attributes of a run, in the order of `RUNS`; named as in `mlflow.entities.RunInfo`."""

    run_id: str
    run_name: str
    status: str
    start_time: int
    end_time: int | None
    lifecycle_stage: str
    artifact_uri: str
    experiment_id: str


@dataclass(frozen=True)
class SqliteRunData:
    """The entries of a run, named as in `mlflow.entities.RunData`."""

    tags: dict[str, str]
    params: dict[str, str]
    metrics: dict[str, float]


@dataclass(frozen=True)
class SqliteRun:
    """A run, named as in `mlflow.entities.Run`."""

    info: SqliteRunInfo
    data: SqliteRunData


@dataclass(frozen=True)
class SqliteReader:
    """Reads a store in a file of this machine."""

    path: Path

    def knows_schema(self) -> bool:
        """Return whether the file has all tables and columns that are read here."""
        try:
            for table, columns in COLUMNS.items():
                self._rows(f"SELECT {columns} FROM {table} LIMIT 0")
        except sqlite3.Error:
            return False
        return True

    def studies(self, at_most: int | None = None) -> list[SqliteRun]:
        """Return the parent runs of studies, the newest first."""
        return self._runs(f"{ACTIVE} AND {TAGGED}", ["dlrun.role", "study"], at_most)

    def candidates(self, study_id: str) -> list[SqliteRun]:
        """Return the runs of a study's candidates."""
        return self._runs(f"{ACTIVE} AND {TAGGED}", ["mlflow.parentRunId", study_id])

    def candidates_with_id(self, start: str) -> list[SqliteRun]:
        """Return at most two candidates' runs whose id begins with `start`."""
        is_candidate = "run_uuid IN (SELECT run_uuid FROM tags WHERE key = ? AND value != ?)"
        where = f"{ACTIVE} AND substr(run_uuid, 1, length(?)) = ? AND {is_candidate}"
        return self._runs(where, [start, start, "dlrun.role", "study"], at_most=2)

    def run(self, run_id: str) -> SqliteRun:
        """Return a run."""
        (run,) = self._runs("run_uuid = ?", [run_id])
        return run

    def experiment_name(self, experiment_id: str) -> str:
        """Return the name of an experiment."""
        sql = "SELECT name FROM experiments WHERE experiment_id = ?"
        return str(self._rows(sql, [experiment_id])[0][0])

    def experiment_id(self, name: str) -> str | None:
        """Return the id of an experiment, None where there is none of that name."""
        rows = self._rows("SELECT experiment_id FROM experiments WHERE name = ?", [name])
        return str(rows[0][0]) if rows else None

    def experiment_tags(self, experiment_id: str) -> dict[str, str]:
        """Return the tags of an experiment."""
        sql = "SELECT key, value FROM experiment_tags WHERE experiment_id = ?"
        return dict(self._rows(sql, [experiment_id]))

    def models(self, run_id: str) -> list[str]:
        """Return the ids of a run's models, the last one last; without deleted ones."""
        return [model_id for (model_id,) in self._rows(MODELS, [run_id])]

    def model_location(self, model_id: str) -> str:
        """Return the URI of a model's artifacts."""
        sql = "SELECT artifact_location FROM logged_models WHERE model_id = ?"
        return str(self._rows(sql, [model_id])[0][0])

    def model_tags(self, model_id: str) -> dict[str, str]:
        """Return the tags of a model."""
        sql = "SELECT tag_key, tag_value FROM logged_model_tags WHERE model_id = ?"
        return dict(self._rows(sql, [model_id]))

    def _runs(
        self, where: str, values: Sequence[str], at_most: int | None = None
    ) -> list[SqliteRun]:
        limit = -1 if at_most is None else at_most  # -1: all
        with self._open() as database:
            rows = database.execute(RUNS.format(where=where), [*values, limit]).fetchall()
            return [_read_run(database, SqliteRunInfo(*row)) for row in rows]

    def _rows(self, sql: str, values: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        with self._open() as database:
            return database.execute(sql, values).fetchall()

    def _open(self) -> closing[sqlite3.Connection]:
        """Open the file; for writing, since a killed process may have left a write to undo."""
        uri = f"{self.path.as_uri()}?mode=rw"
        return closing(sqlite3.connect(uri, uri=True, timeout=BUSY_SECONDS))


def _read_run(database: sqlite3.Connection, info: SqliteRunInfo) -> SqliteRun:
    tags, params, metrics = (
        database.execute(f"SELECT key, {value} FROM {table} WHERE run_uuid = ?", [info.run_id])
        for table, value in ENTRIES.items()
    )
    numbers = {key: nan if value is None else value for key, value in metrics}
    return SqliteRun(info, SqliteRunData(dict(tags), dict(params), numbers))
