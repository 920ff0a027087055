"""Two devices, in a process of their own: TensorFlow fixes its devices once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.tf

MIRRORED = """
import json
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from conftest import make_mixed, train
from dlrun.deep.strategy import choose_strategy
model = {"architecture": "mlp", "hidden": [8], "dropout": 0}
results = {"replicas": [choose_strategy(name).num_replicas_in_sync for name in
                        ("auto", "one_device", "mirrored")]}
for strategy in ("one_device", "mirrored"):
    training = {"optimizer": {"name": "sgd", "momentum": 0.9}, "learning_rate": 0.05,
                "strategy": strategy, "epochs": 3, "batch_size": 50}
    run = train(make_mixed(), model=model, training=training)
    results[strategy] = [[epoch.metrics[name] for name in ("train/loss", "val/loss")]
                         for epoch in run.epochs]
    results[strategy] += run.fitted.predict(run.test.frame).values.tolist()
print(json.dumps(results))
"""


def _run(code):
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parent,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.splitlines()


def test_two_devices_train_as_one_does():
    results = json.loads(_run(MIRRORED)[-1])
    assert results["replicas"] == [1, 1, 2]
    for mirrored, one in zip(results["mirrored"], results["one_device"], strict=True):
        assert mirrored == pytest.approx(one, abs=1e-5)
