"""A golden study run through the command line, and what can be seen of it from outside.

Only `dlrun.cli` is imported: results are read from the MLflow store, from the artifacts on disk and
from `dlrun compare --json`, so that records outlive every move of a module.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
import sqlite3
import sys
from contextlib import closing, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from golden.studies import Golden

from dlrun.cli import main

# What the clock decides: on a busy machine a latency is not claimed, so that its key is missing.
TIMED_METRICS = ("cost/latency_ms_batch1", "cost/latency_ms_batch1000")
# "…, at 1/3 of the training time and 2.1× the latency.", and which candidate is the cheaper.
TIMED_WORDS = re.compile(
    r"(?:: take the cheaper, .*?)?, at .*?(?:training time|latency)(?: \(.*?\))?(?=\.)"
)
TIMED_NOTE = "DLR127"  # the machine was busy
JUDGED = (
    "metric", "rope", "n_rows", "n_test_rows", "n_splits", "decimals", "best_deep", "best_classic",
)  # fmt: skip


def replay(golden: Golden, folder: Path) -> dict[str, Any]:
    """Train a study in a folder, compare its candidates, and return its record."""
    file = golden.prepare(folder)
    code, _, err = _run_dlrun("train", file.name, *golden.overrides, cwd=folder)
    assert code == golden.exit_code, err
    study = f"{golden.name}-1"
    _, compared, err = _run_dlrun("compare", study, "--json", cwd=folder)
    assert compared, err
    with closing(sqlite3.connect(folder / "mlflow.db")) as database:
        runs = _Runs(database, folder, study)
        return {
            "exit_code": code,
            "split_digest": runs.tag("dlrun.split_digest"),
            "data_digest": runs.tag("dlrun.data_digest"),
            "recipe": _recipe(runs.artifacts / "recipe.yaml", folder),
            "study": json.loads((runs.artifacts / "study.json").read_text(encoding="utf-8")),
            "layout": runs.layout,
            "candidates": _candidates(runs),
            "measurements": _measurements(runs.artifacts / "measurements.csv"),
            "comparison": _comparison(json.loads(compared)),
        }


def _run_dlrun(*arguments: str, cwd: Path) -> tuple[int, str, str]:
    """Run the command line in this process and return its exit code and what it printed."""
    out, err = StringIO(), StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(cwd)
        patch.setattr(sys, "argv", ["dlrun", *arguments])
        with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
            main()
    return int(ended.value.code or 0), out.getvalue(), err.getvalue()


# ----------------------------------------------------------------------------------- the store


@dataclass(frozen=True)
class _Runs:
    """The runs of one study in MLflow's database: the parent's, and one for each candidate."""

    database: sqlite3.Connection
    folder: Path
    study: str

    @property
    def parent(self) -> str:
        return self._column("select run_uuid from runs where name = ?", self.study)[0]

    @property
    def children(self) -> dict[str, str]:
        """Return candidate → run id, in the order in which the candidates were trained."""
        query = (
            "select runs.name, run_uuid from runs join tags using (run_uuid) "
            "where key = 'mlflow.parentRunId' and value = ? order by runs.start_time, runs.rowid"
        )
        return dict(self.database.execute(query, [self.parent]))

    @property
    def artifacts(self) -> Path:
        """Return the folder of the study's artifacts."""
        return self.artifacts_of(self.parent)

    def artifacts_of(self, run_id: str) -> Path:
        (uri,) = self._column("select artifact_uri from runs where run_uuid = ?", run_id)
        return Path(uri.removeprefix("file://"))

    def tag(self, key: str) -> str:
        query = "select value from tags where run_uuid = ? and key = ?"
        return self._column(query, self.parent, key)[0]

    def status(self, run_id: str) -> str:
        return self._column("select status from runs where run_uuid = ?", run_id)[0]

    @property
    def layout(self) -> dict[str, Any]:
        """Return what stands in MLflow under which name, run by run, and the params' values."""
        runs = {"(study)": self.parent, **self.children}
        return {name: self._layout(run_id) for name, run_id in runs.items()}

    def _layout(self, run_id: str) -> dict[str, Any]:
        params = self.database.execute("select key, value from params where run_uuid = ?", [run_id])
        metrics = self._names("metrics", run_id)
        return {
            "params": dict(sorted(params)),
            "tags": self._names("tags", run_id),
            "metrics": [name for name in metrics if name not in TIMED_METRICS],
            "artifacts": _files(self.artifacts_of(run_id)),
            "model": [file for model in self._models(run_id) for file in _files(model)],
        }

    def _names(self, table: str, run_id: str) -> list[str]:
        return sorted(set(self._column(f"select key from {table} where run_uuid = ?", run_id)))

    def _models(self, run_id: str) -> list[Path]:
        query = "select artifact_location from logged_models where source_run_id = ?"
        return [Path(uri.removeprefix("file://")) for uri in self._column(query, run_id)]

    def _column(self, query: str, *values: str) -> list[Any]:
        return [value for (value,) in self.database.execute(query, values)]


def _files(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
    )


# ------------------------------------------------------------------------------- the artifacts


def _recipe(file: Path, folder: Path) -> dict[str, Any]:
    """Return the resolved recipe, without the place of the folder."""
    text = file.read_text(encoding="utf-8").replace(str(folder), "(folder)")
    recipe: dict[str, Any] = yaml.safe_load(text)
    return recipe


def _candidates(runs: _Runs) -> dict[str, Any]:
    """Return of each candidate its scores on every split, its predictions' hash and its epochs."""
    metrics = json.loads((runs.artifacts / "study.json").read_text(encoding="utf-8"))["metrics"]
    with (runs.artifacts / "trials.csv").open(encoding="utf-8", newline="") as file:
        trials = list(csv.DictReader(file))
    return {
        name: {
            "status": runs.status(run_id),
            "trials": [_trial(row, metrics) for row in trials if row["candidate"] == name],
            "predictions": _hash_predictions(runs.artifacts_of(run_id) / "predictions.parquet"),
            "epochs": _epochs(runs.artifacts_of(run_id) / "epochs.csv"),
        }
        for name, run_id in runs.children.items()
    }


def _trial(row: dict[str, str], metrics: list[str]) -> dict[str, Any]:
    told = ("family", "repeat", "fold", "step", "seed", "status", "error", "best_epoch")
    return {
        **{key: row[key] for key in told},
        "test": {name: _number(row[name]) for name in metrics},
        "validation": {name: _number(row[f"val_{name}"]) for name in metrics},
    }


def _number(cell: str) -> float | None:
    """Read a number as it was written, bit for bit; what is not known is None."""
    return float(cell) if cell else None


def _hash_predictions(file: Path) -> str | None:
    """Return the SHA-256 of all columns: row ids, folds, truth, prediction and probabilities."""
    if not file.exists():
        return None
    digest = hashlib.sha256()
    table = pd.read_parquet(file)
    for name in table.columns:
        values = table[name].to_numpy()
        kind = "<f8" if values.dtype.kind == "f" else "<i8"
        digest.update(f"{name} {kind} {len(values)}\n".encode())
        digest.update(values.astype(kind).tobytes())
    return digest.hexdigest()


def _epochs(file: Path) -> list[dict[str, float]]:
    """Return what every epoch of a network told, without its seconds."""
    if not file.exists():
        return []
    with file.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    return [{key: float(row[key]) for key in row if key != "seconds"} for row in rows]


def _measurements(file: Path) -> list[dict[str, Any]]:
    """Return what was measured beside the trials: learning curves, stress, importance."""
    with file.open(encoding="utf-8", newline="") as lines:
        return [{**row, "score": _number(row["score"])} for row in csv.DictReader(lines)]


# ------------------------------------------------------------------------------ the comparison


def _comparison(said: dict[str, Any]) -> dict[str, Any]:
    """Return the verdict, the ranking and the leads, without what they cost."""
    verdict = said["verdict"]
    return {
        **{key: said[key] for key in JUDGED},
        "notes": [note for note in said["notes"] if note["code"] != TIMED_NOTE],
        "verdict": {**verdict, "sentence": TIMED_WORDS.sub("", verdict["sentence"])},
        "ranking": [row["name"] for row in said["rows"]],
        "leads": {row["name"]: row["difference"] for row in said["rows"]},
        "scores": {row["name"]: row["scores"] for row in said["rows"]},
    }
