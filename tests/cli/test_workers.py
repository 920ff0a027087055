"""A study on worker processes, from the command line: stopped by Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

pytestmark = pytest.mark.slow

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


def _start(folder: Path) -> subprocess.Popen[str]:
    command = ["train", "r.yaml", "--trust-modules", "slow"]
    return subprocess.Popen(
        [sys.executable, "-m", "dlrun", *command],
        cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(folder)},
    )  # fmt: skip


def test_ctrl_c_leaves_no_process(tmp_path: Path) -> None:
    (tmp_path / "r.yaml").write_text(RECIPE, encoding="utf-8")
    (tmp_path / "slow.py").write_text(SLOW, encoding="utf-8")
    fits = tmp_path / "fits"
    with _start(tmp_path) as driver:
        while not fits.exists() or fits.read_text().count("\n") < 2:
            assert driver.poll() is None, driver.communicate()
            time.sleep(0.05)
        workers = [psutil.Process(int(each)) for each in fits.read_text().split()]
        driver.send_signal(signal.SIGINT)
        _, said = driver.communicate(timeout=60)
    assert driver.returncode == 130
    assert "Stopped. What was trained is kept. To go on: dlrun train r.yaml" in said
    assert "Traceback" not in said
    assert psutil.wait_procs(workers, 5)[1] == []
