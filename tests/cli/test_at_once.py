"""Several studies at once, in one folder and one store that is not there yet."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

RECIPE = """\
data: {source: sklearn:iris}
evaluation: {repeats: 1}
model: none
baselines: [linear, {name: random_forest, n_estimators: 100}]
"""


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "dlrun", "train", *arguments, "--quiet"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_two_studies_and_one_of_them_twice(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text(RECIPE, encoding="utf-8")
    (tmp_path / "b.yaml").write_text(RECIPE, encoding="utf-8")
    started = [start(tmp_path, "a.yaml"), start(tmp_path, "b.yaml"), start(tmp_path, "a.yaml")]
    ended = [process.communicate(timeout=120) for process in started]
    codes = [process.returncode for process in started]
    assert codes[1] == 0, ended[1]
    assert sorted([codes[0], codes[2]]) == [0, 2], ended
    refused, winner = (0, 2) if codes[0] == 2 else (2, 0)
    assert ended[refused] == (
        "",
        f"a.yaml: process {started[winner].pid} is training this study. Wait for it, or train "
        "another one: with another seed, or another tracking.experiment\n",
    )
    with sqlite3.connect(tmp_path / "mlflow.db") as store:
        statuses = dict(store.execute("select name, status from runs where name like '%-%'"))
    assert statuses == {"a-1": "FINISHED", "b-1": "FINISHED"}
