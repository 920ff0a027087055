"""All that the last study of a folder says, and what differs from the same study elsewhere."""

from __future__ import annotations

import sqlite3
import zipfile
from dataclasses import fields
from io import BytesIO
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd

from dlrun.contract.trial import Cost

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
