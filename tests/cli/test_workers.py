"""A study on worker processes, from the command line: stopped by Ctrl-C."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import psutil
import pytest
from killing import OUTPUT, Nursery

pytestmark = [pytest.mark.slow, pytest.mark.tf]

RECIPE = """\
data: {source: "sklearn:breast_cancer", max_rows: 120}
model: none
baselines: [{estimator: slow.Slow}, decision_tree]
evaluation: {folds: 2, repeats: 1, refit: none, blend: false}
execution: {workers: 2}
"""
SLOW = """
import os, time
from sklearn.dummy import DummyClassifier

class Slow(DummyClassifier):
    def fit(self, X, y):
        with open("fits", "a") as file:
            print(os.getpid(), file=file)
        time.sleep(60)
"""


def test_ctrl_c_leaves_no_process(processes: Nursery, tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(RECIPE, encoding="utf-8")
    (tmp_path / "slow.py").write_text(SLOW, encoding="utf-8")
    fits = tmp_path / "fits"
    command = ["train", "r.yaml", "--trust-modules", "slow"]
    driver = processes.start(tmp_path, *command, PYTHONPATH=str(tmp_path))
    while not fits.exists() or fits.read_text().count("\n") < 2:
        is_running = psutil.Process(driver).status() != psutil.STATUS_ZOMBIE
        assert is_running, (tmp_path / OUTPUT).read_text()
        time.sleep(0.05)
    workers = [psutil.Process(int(each)) for each in fits.read_text().split()]
    os.kill(driver, signal.SIGINT)
    assert processes.wait(driver) == 130
    said = (tmp_path / OUTPUT).read_text()
    assert "Stopped. What was trained is kept. To go on: dlrun train r.yaml" in said
    assert "Traceback" not in said
    assert psutil.wait_procs(workers, 5)[1] == []
