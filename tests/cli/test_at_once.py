"""Several studies at once, in one folder and one store that is not there yet."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from killing import Nursery

pytestmark = [pytest.mark.slow, pytest.mark.tf]

RECIPE = """\
data: {source: sklearn:iris}
evaluation: {repeats: 1}
model: none
baselines: [linear, {name: random_forest, n_estimators: 100}]
"""


def test_two_studies_and_one_of_them_twice(processes: Nursery, tmp_path: Path) -> None:
    for name in ("a.yaml", "b.yaml"):
        (tmp_path / name).write_text(RECIPE, encoding="utf-8")
    started = [
        processes.start(tmp_path, "train", name, "--quiet", output=f"{place}.txt")
        for place, name in enumerate(("a.yaml", "b.yaml", "a.yaml"))
    ]
    codes = [processes.wait(number) for number in started]
    said = [(tmp_path / f"{place}.txt").read_text() for place in range(3)]
    assert codes[1] == 0, said[1]
    assert sorted([codes[0], codes[2]]) == [0, 2], said
    refused, winner = (0, 2) if codes[0] == 2 else (2, 0)
    assert said[refused] == (
        f"a.yaml: process {started[winner]} is training this study. Wait for it, or train "
        "another one: with another seed, or another tracking.experiment\n"
    )
    with sqlite3.connect(tmp_path / "mlflow.db") as store:
        statuses = dict(store.execute("select name, status from runs where name like '%-%'"))
    assert statuses == {"a-1": "FINISHED", "b-1": "FINISHED"}
