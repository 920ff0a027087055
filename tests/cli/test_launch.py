"""Several workers on this machine: the same results, and what happens when one is lost."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from dlrun.deep.distributed.launch import LocalLauncher

RECIPE = """\
name: joint
data: {source: churn.csv, target: churned, exclude: [customer]}
model: {architecture: mlp, hidden: [8], dropout: 0}
training: {epochs: 24, batch_size: 16, early_stopping: {patience: 24}}
baselines: none
evaluation: {folds: 1}
"""
ROOT = Path(__file__).parents[2]
AGAIN = "Start all workers again with the same commands: the study goes on at its last checkpoint"


def _losses(folder):
    """Return the validation loss of every epoch."""
    with sqlite3.connect(folder / "mlflow.db") as store:
        query = "select step, value from metrics where key = 'val/loss'"
        return dict(store.execute(query).fetchall())


@pytest.mark.tf
def test_two_workers_equal_one_though_one_is_killed_in_the_middle(tmp_path, dlrun, write_churn):
    """The whole of it, over loopback: train together, lose a worker, go on, the same results."""
    alone, joint = tmp_path / "alone", tmp_path / "joint"
    for folder in (alone, joint):
        folder.mkdir()
        write_churn(folder, rows=160)
        (folder / "joint.yaml").write_text(RECIPE, encoding="utf-8")
    ran = dlrun("train", "joint.yaml", "--json", cwd=alone)
    assert ran.code == 0, ran.err
    cache, output = tmp_path / "cache", tmp_path / "output.txt"
    with (
        output.open("w") as file,
        subprocess.Popen(
            [sys.executable, "-m", "dlrun", "launch", "joint.yaml", "-n", "2"],
            cwd=joint,
            env={**os.environ, "PYTHONPATH": str(ROOT), "DLRUN_CACHE_DIR": str(cache)},
            stdout=file,
            stderr=file,
        ) as launched,
    ):
        while launched.poll() is None and not [*cache.rglob("training.record")]:
            time.sleep(0.05)
        _second_worker(launched.pid).kill()
    lines = output.read_text().splitlines()
    assert launched.returncode == 0, lines
    assert any(
        line.endswith(f" is lost, and nothing goes on without it. {AGAIN}") for line in lines
    ), "\n".join(lines)
    assert (
        "worker 1 was ended by SIGKILL. All start again from the last checkpoint: restart 1 of 3"
    ) in lines
    assert _losses(joint) == pytest.approx(_losses(alone), abs=1e-5)
    said = json.loads(dlrun("compare", "--json", cwd=joint).out)
    before = json.loads(ran.out)
    assert said["split_digest"] == before["split_digest"]
    scores = [row["mean"] for found in (said, before) for row in found["rows"]]
    assert scores[0] == pytest.approx(scores[1], abs=1e-5)


def _second_worker(launcher):
    children = psutil.Process(launcher).children()
    places = [json.loads(child.environ()["TF_CONFIG"])["task"]["index"] for child in children]
    return children[places.index(1)]


def test_refusals_come_before_any_worker_starts(tmp_path, dlrun):
    recipe = tmp_path / "r.yaml"
    recipe.write_text("data: {source: a.csv, target: y}\nmodel: {architecture: mlp}\n")
    ran = dlrun("launch", "r.yaml", "training.strategy=mirrored", cwd=tmp_path)
    assert (ran.code, ran.out) == (2, "")
    assert ran.err == (
        "command line: training.strategy: there are 2 workers, and the recipe has mirrored, for "
        "which one process is enough. Choose auto or multi_worker, or start a single process "
        "without --workers and TF_CONFIG\n"
    )
    ran = dlrun("train", "r.yaml", "training.strategy=multi_worker", cwd=tmp_path)
    assert ran.code == 2
    assert ran.err == (
        "command line: training.strategy: multi_worker, but this is one process alone: there are "
        "no --workers, no TF_CONFIG that names several, and no Slurm step of several tasks. To "
        "try it out here: dlrun launch -n 2 r.yaml\n"
    )


# Workers that do not train: what each does by its place and by how often it was started.
STUB = """
import json, os, pathlib, signal, sys, time
index = json.loads(os.environ["TF_CONFIG"])["task"]["index"]
starts = pathlib.Path("starts").open("a+"); starts.write(f"{index} {sys.argv[1:]}\\n")
starts.flush(); starts.seek(0)
number = sum(line.startswith(str(index)) for line in starts)
print("worker", index, "speaks", flush=True)
while sum(not line.startswith(str(index)) for line in pathlib.Path("starts").open()) < number:
    time.sleep(0.01)  # until the other one is there as well
"""


@pytest.fixture
def launch(tmp_path, monkeypatch):
    """Launch two stubs; returns the code, what was said, and how they were started."""
    monkeypatch.chdir(tmp_path)

    def run(then, n_restarts=2, fresh=False):
        said = []
        command = [sys.executable, "-c", STUB + then]
        code = LocalLauncher(command, fresh, 2, n_restarts, said.append).run()
        return code, said, Path("starts").read_text().splitlines()

    return run


def test_all_end_well(launch):
    code, said, starts = launch("", fresh=True)
    assert (code, said) == (0, [])
    assert sorted(starts) == ["0 ['--fresh']", "1 ['--fresh']"]


def test_a_lost_worker_is_started_again_with_the_others_but_not_afresh(launch):
    code, said, starts = launch(
        "if index == 1 and number == 1: os.kill(os.getpid(), signal.SIGKILL)\n"
        "sys.exit(75 if number == 1 else 0)",
        fresh=True,
    )
    assert code == 0
    assert said == [
        "worker 1 was ended by SIGKILL. All start again from the last checkpoint: restart 1 of 2"
    ]
    assert sorted(starts) == ["0 ['--fresh']", "0 []", "1 ['--fresh']", "1 []"]


def test_restarts_are_bounded(launch):
    code, said, starts = launch("sys.exit(75 * index)")
    assert code == 75
    again = "worker 1 ended with 75. All start again from the last checkpoint: restart"
    assert said == [
        f"{again} 1 of 2",
        f"{again} 2 of 2",
        "worker 1 ended with 75. It said:\nworker 1 speaks",
    ]
    assert len(starts) == 6


def test_a_fault_of_the_recipe_is_not_tried_again(launch):
    code, said, starts = launch("sys.exit(2) if index == 0 else time.sleep(60)")
    assert (code, said) == (2, [])  # the chief has said it on the terminal
    assert len(starts) == 2


def test_a_fault_of_another_worker_is_shown(launch):
    code, said, _ = launch("sys.exit(1) if index else time.sleep(60)")
    assert (code, said) == (1, ["worker 1 ended with 1. It said:\nworker 1 speaks"])


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_all_workers(launch, number):
    def stop():
        while len(_workers()) < 2 or Path("starts").read_text().count("\n") < 2:
            time.sleep(0.05)
        os.kill(os.getpid(), number)

    Path("starts").touch()
    threading.Thread(target=stop).start()
    with pytest.raises(KeyboardInterrupt):
        launch("time.sleep(60)")
    assert _workers() == []


def _workers():
    return [child for child in psutil.Process().children() if "TF_CONFIG" in child.environ()]
