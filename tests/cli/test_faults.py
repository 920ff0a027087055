"""The n-th write or MLflow call of a study fails; the same command then ends as if it had not."""

from __future__ import annotations

import sqlite3
from dataclasses import fields
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from killing import CALLS, OUTPUT, Nursery

from dlrun.contract.trial import Cost

pytestmark = [pytest.mark.slow, pytest.mark.tf]

RECIPE = """\
data: {source: sklearn:iris}
model: none
baselines: [linear]
evaluation: {folds: 2}
"""
N_TRIED = 2  # of about 250; tests/benchmarks/faults.py tries them all
MEASURED = [each.name for each in fields(Cost) if each.name != "parameters"]


def written(folder: Path) -> dict[str, Any]:
    """Read what the last study of a folder says, but for what it took."""
    with sqlite3.connect(folder / "mlflow.db") as store:
        runs = store.execute(
            "select run_uuid, name, status, artifact_uri from runs"
            " where lifecycle_stage = 'active' order by start_time desc limit 3"
        ).fetchall()
        places = ", ".join(repr(run_id) for run_id, *_ in runs)
        points = store.execute(
            "select name, key, step, value from metrics join runs using (run_uuid)"
            f" where run_uuid in ({places}) order by 1, 2, 3"
        ).fetchall()
        left = store.execute("select name from runs where status = 'RUNNING'").fetchall()
    artifacts = {name: Path(uri.removeprefix("file://")) for _, name, _, uri in runs}
    (study,) = (name for name in artifacts if name.startswith("r-"))
    return {
        "statuses": {status for *_, status, _ in runs},
        "left running": left,
        "trials": pd.read_csv(artifacts[study] / "trials.csv").drop(columns=[*MEASURED]).to_csv(),
        "predictions": {
            name: pd.read_parquet(artifacts[name] / "predictions.parquet").to_csv()
            for name in ("dummy", "linear")
        },
        "points": [
            (name.partition("-")[0], *point)
            for name, *point in points
            if not point[0].startswith("cost/")
        ],
    }


def leftovers(folder: Path) -> list[str]:
    """Return the files that only a study that was cut off leaves."""
    cache = folder.parent / "cache"
    hidden = [path.name for path in folder.glob(".*")]
    return hidden + [path.name for path in cache.rglob("*") if path.is_file()]


def begin(folder: Path) -> Path:
    folder.mkdir()
    (folder / "r.yaml").write_text(RECIPE, encoding="utf-8")
    return folder


def train(processes: Nursery, folder: Path, fails_at: int | None = None) -> int:
    cache = str(folder.parent / "cache")
    return processes.run(folder, "train", "r.yaml", fails_at=fails_at, DLRUN_CACHE_DIR=cache)


def fail_and_go_on(processes: Nursery, folder: Path, fails_at: int) -> dict[str, Any]:
    """Run a study of which a call fails, and again; return what the last one says."""
    code = train(processes, folder, fails_at=fails_at)
    said = (folder / OUTPUT).read_text()
    assert "Traceback" not in said, said
    if code:
        assert code in (1, 2), said
        assert train(processes, folder) == 0, (folder / OUTPUT).read_text()
    return written(folder) | {"leftovers": leftovers(folder)}


def test_whichever_call_fails_nothing_is_lost(processes: Nursery, tmp_path: Path) -> None:
    whole = begin(tmp_path / "whole")
    assert train(processes, whole, fails_at=0) == 0
    expected = written(whole) | {"leftovers": []}
    n_calls = len((whole / CALLS).read_text().splitlines())
    for number in range(N_TRIED):
        fails_at = 2 + number * n_calls // N_TRIED
        found = fail_and_go_on(processes, begin(tmp_path / str(fails_at)), fails_at)
        assert found == expected, fails_at
