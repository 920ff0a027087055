"""Killed at six random moments and started again, a study ends as if nothing had happened."""

from __future__ import annotations

import sqlite3
import time
import zipfile
from dataclasses import fields
from io import BytesIO
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
from killing import Nursery, kill_and_resume

from dlrun.contract.trial import Cost

pytestmark = pytest.mark.tf

RECIPE = """\
data: {source: sklearn:breast_cancer}
model: {architecture: mlp, hidden: [16], dropout: 0.3}
training:
  epochs: 12
  batch_size: 32
  early_stopping: {patience: 9}
  checkpoint_every: 8 steps
  deterministic: true
baselines: [linear]
evaluation: {folds: 2, learning_curve: [0.5]}
"""
N_KILLS = 6
MEASURED = [each.name for each in fields(Cost) if each.name != "parameters"]


def written(folder: Path) -> dict[str, Any]:
    """Read all that the last study of a folder says, but for what it took."""
    with sqlite3.connect(folder / "mlflow.db") as store:
        runs = store.execute(
            "select name, status, artifact_uri from runs"
            " where lifecycle_stage = 'active' order by start_time"  # a blend's is made anew
        ).fetchall()
        doubled = store.execute(
            "select key, step from metrics group by run_uuid, key, step having count(*) > 1"
        ).fetchall()
    tables = sorted(folder.rglob("measurements.csv"), key=lambda file: file.stat().st_mtime)
    measured = pd.read_csv(tables[-1])
    trials = pd.read_csv(tables[-1].with_name("trials.csv")).drop(columns=[*MEASURED])
    files = [Path(uri.removeprefix("file://"), "predictions.parquet") for *_, uri in runs]
    last = {name: file for (name, *_), file in zip(runs, files, strict=True) if file.exists()}
    networks = sorted(folder.rglob("network.keras"), key=lambda file: file.stat().st_mtime)
    return {
        "statuses": {status for _, status, _ in runs[-5:]},
        "trials": trials,
        "measured": measured,
        "predictions": {name: pd.read_parquet(file) for name, file in last.items()},
        "weights": weights(networks[-1]),
        "doubled points": doubled,
        "left running": [name for name, status, _ in runs if status == "RUNNING"],
    }


def differing(found: dict[str, Any], expected: dict[str, Any]) -> list[str]:
    """Return what is not the same, and what may never be."""
    same = {name: found[name].equals(expected[name]) for name in ("trials", "measured")}
    same |= {
        f"predictions of {name}": table.equals(found["predictions"].get(name))
        for name, table in expected["predictions"].items()
    }
    pairs = zip(found["weights"], expected["weights"], strict=True)
    same["weights"] = all(np.array_equal(one, other) for one, other in pairs)
    same |= {name: not found[name] for name in ("doubled points", "left running")}
    return [name for name, is_same in same.items() if not is_same]


def weights(network: Path) -> list[Any]:
    found: list[Any] = []
    with zipfile.ZipFile(network) as archive:
        content = BytesIO(archive.read("model.weights.h5"))
    with h5py.File(content) as file:
        file.visititems(lambda _, node: found.append(node[()]) if hasattr(node, "dtype") else None)
    return found


@pytest.fixture(scope="module")
def reference(
    processes: Nursery, tmp_path_factory: pytest.TempPathFactory
) -> tuple[dict[str, Any], float]:
    """What the study says that nobody stops, and how many seconds it takes."""
    folder = tmp_path_factory.mktemp("whole")
    (folder / "r.yaml").write_text(RECIPE, encoding="utf-8")
    began = time.monotonic()
    assert processes.run(folder, "train", "r.yaml") == 0, (folder / "output.txt").read_text()
    return written(folder), time.monotonic() - began


def test_it_ends_with_the_same_bits(
    processes: Nursery, reference: tuple[dict[str, Any], float], tmp_path: Path
) -> None:
    whole, seconds = reference
    (tmp_path / "r.yaml").write_text(RECIPE, encoding="utf-8")
    killed = kill_and_resume(
        processes, tmp_path, ["train", "r.yaml"], n_kills=N_KILLS, longest=seconds / 2, seed=11
    )
    assert killed > 0  # a busy machine makes it faster and slower
    assert "Going on: " in (tmp_path / "output.txt").read_text()
    found = written(tmp_path)
    assert found["statuses"] == {"FINISHED"}
    assert differing(found, whole) == []
    assert len(found["weights"]) > 0
