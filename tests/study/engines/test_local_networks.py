"""Networks in worker processes: the same bits, also where a worker is killed in the middle."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest
from trials import make_dataset, make_splits, task

from dlrun.contract.candidate import Epoch
from dlrun.deep.candidates import make_candidates
from dlrun.recipe.load import parse_recipe
from dlrun.recipe.schema import Execution
from dlrun.study.engines.local import open_local
from dlrun.study.trial import TrialTask

pytestmark = [pytest.mark.tf, pytest.mark.slow]

RECIPE = """
data: {source: small.csv}
model: {architecture: "my_nets:build", units: 6}
training:
  epochs: 100
  batch_size: 8
  early_stopping: false
  checkpoint_every: 5 steps
  deterministic: true
"""
NETWORK = """
import keras
def build(inputs, units):
    return keras.layers.Dense(units, activation="relu")(keras.ops.concatenate([*inputs.values()]))
"""


@pytest.fixture
def given(tmp_path: Path) -> TrialTask:
    (tmp_path / "my_nets.py").write_text(NETWORK, encoding="utf-8")
    recipe = parse_recipe(RECIPE, tmp_path / "recipe.yaml")
    (candidate,) = make_candidates(recipe, make_dataset())
    checkpoint = tmp_path / "checkpoint"
    return task(candidate, make_splits(1)[0], checkpoint=checkpoint, model_folder=tmp_path / "m")


def test_a_network_goes_on_where_its_worker_was_killed(given: TrialTask, tmp_path: Path) -> None:
    killed: list[int] = []
    epochs: list[int] = []

    def on_epoch(_: int, epoch: Epoch) -> None:
        epochs.append(epoch.number)
        if not killed and epoch.number == 20:
            (worker,) = [
                each
                for each in psutil.Process().children()
                if "local_worker" in str(each.cmdline())
            ]
            killed.append(worker.pid)
            os.kill(worker.pid, signal.SIGKILL)

    with open_local(Execution(workers=2), make_dataset()) as engine:
        engine.submit(0, given)
        _, trial = engine.wait(on_epoch)
        engine.submit(1, replace(given, checkpoint=None))
        _, alone = engine.wait(lambda *_: None)
    assert trial.error is None
    assert killed
    assert epochs == [*range(1, 101)]
    n_resumed = sum(each.resumed for each in trial.epochs)
    assert 0 < n_resumed < 100
    assert any((tmp_path / "m").iterdir())

    assert [each.metrics for each in alone.epochs] == [each.metrics for each in trial.epochs]
    assert alone.scores == trial.scores
    np.testing.assert_array_equal(alone.predictions.values, trial.predictions.values)
