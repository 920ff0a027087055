"""Several devices, in processes of their own: TensorFlow fixes its devices once."""

from __future__ import annotations

import inspect
import json
import math
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from dlrun.errors import TrainingError
from dlrun.recipe.training import Training

pytestmark = pytest.mark.tf

MIRRORED = """
import json, sys
import numpy as np
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 4)
listed = tf.config.list_logical_devices

import modalities
from conftest import train
from dlrun.deep.distributed.strategy import choose_strategy
from dlrun.deep.training.device_data import DeviceDataset, copy_to_replicas

names = json.loads(sys.argv[1])
replicas = {}
for n in (2, 4):
    tf.config.list_logical_devices = lambda kind: listed(kind)[:n]
    replicas[n] = [choose_strategy(name).num_replicas_in_sync
                   for name in ("auto", "one_device", "mirrored")]
results = {"replicas": replicas}
for name, (data, model, training) in names.items():
    results[name] = {}
    for n in (1, 2, 4) if name == "mlp, clipped" else (1, 2):
        tf.config.list_logical_devices = lambda kind: listed(kind)[:n]
        strategy = "mirrored" if n > 1 else "one_device"
        dataset = getattr(modalities, data)("classification")
        run = train(dataset, model={"dropout": 0, **model}, training={
            "optimizer": {"name": "sgd", "momentum": 0.9}, "learning_rate": 0.02, "epochs": 1,
            "batch_size": 50, "strategy": strategy, **training})
        results[name][n] = [list(epoch.metrics.values()) for epoch in run.epochs]
        results[name][n] += run.fitted.predict(run.test.frame).values.tolist()
tf.config.list_logical_devices = lambda kind: listed(kind)[:2]
results["augmented"] = {}
for modality, preprocessing in json.loads(sys.argv[2]).items():
    dataset = getattr(modalities, modality)("classification")
    run = train(dataset, model={"architecture": "cnn", "filters": [4]},
                training={"strategy": "mirrored", "batch_size": 8, "accumulate": 4},
                preprocessing=preprocessing)
    results["augmented"][modality] = run.epochs[-1].metrics["train/loss"]
table = DeviceDataset({"number": tf.random.uniform((99, 9))}, tf.zeros(99))
strategy = choose_strategy("mirrored")
inputs, _ = copy_to_replicas(strategy, table)
address = lambda tensor: np.asarray(memoryview(tensor)).ctypes.data
results["copies"] = [
    [each.device[-5:], address(each) == address(table.inputs["number"])]
    for each in strategy.experimental_local_results(inputs["number"])
]
print(json.dumps(results))
"""

# name → the dataset, the model and its training
CASES = {
    "mlp, batch normalisation": (
        "table",
        {"architecture": "mlp", "hidden": [4], "normalization": "batch"},
        {},
    ),
    "mlp, clipped": ("table", {"architecture": "mlp", "hidden": [4]}, {"clip_norm": 0.05}),
    "mlp, accumulated": (
        "table",
        {"architecture": "mlp", "hidden": [4]},
        {"batch_size": 10, "accumulate": 5, "clip_norm": 0.05},
    ),
    "tabm, weighted": (
        "table",
        {"architecture": "tabm", "hidden": [4], "members": 2},
        {"class_weight": "balanced"},
    ),
    "cnn": ("image", {"architecture": "cnn", "filters": [4]}, {}),
    "resnet": ("image", {"architecture": "resnet", "depth": 8, "width": 2}, {}),
    "transformer": (
        "image",
        {"architecture": "transformer", "width": 4, "heads": 2, "blocks": 1, "feedforward": 4},
        {},
    ),
    "rnn": ("text", {"architecture": "rnn", "units": [4], "embedding": 4}, {}),
    "fcn, with a mask": (
        "series",
        {"architecture": "fcn", "filters": [4], "kernel_sizes": [3]},
        {},
    ),
}

AUGMENTED = {
    "image": {"image": {"augment": {"flip": True, "rotation": 0.1, "zoom": 0.1, "contrast": 0.2}}},
    "audio": {"audio": {"augment": {"frequency": 0.3, "time": 0.2}}},
}


@pytest.fixture(scope="module")
def results():
    here = Path(__file__).parent
    path = os.pathsep.join(map(str, (here.parent, here.parents[2], here.parents[1])))
    done = subprocess.run(
        [sys.executable, "-c", MIRRORED, json.dumps(CASES), json.dumps(AUGMENTED)],
        cwd=here,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


def test_every_device_has_a_table_of_its_own_and_memory_is_not_copied(results):
    """Logical devices of one CPU share its memory."""
    assert results["copies"] == [["CPU:0", True], ["CPU:1", True]]


def test_mirrored_takes_all_devices_and_auto_no_second_cpu(results):
    assert results["replicas"] == {"2": [1, 1, 2], "4": [1, 1, 4]}


@pytest.mark.parametrize("case", CASES)
def test_several_devices_train_as_one_does(results, case):
    """Losses, gradients' norms, scores and predictions, of every kind of layer."""
    one = results[case].pop("1")
    assert results[case]
    for several in results[case].values():
        for found, expected in zip(several, one, strict=True):
            assert found == pytest.approx(expected, abs=1e-5)


def test_rows_are_changed_on_two_devices(results):
    assert set(results["augmented"]) == {*AUGMENTED}
    assert all(map(math.isfinite, results["augmented"].values()))


def test_a_batch_too_small_for_the_replicas_is_refused():
    from dlrun.deep.distributed.strategy import check_shares

    four = SimpleNamespace(num_replicas_in_sync=4)
    check_shares(Training(batch_size=4), four, n_rows=10)
    with pytest.raises(TrainingError) as caught:
        check_shares(Training(batch_size=3), four, n_rows=10)
    assert str(caught.value) == (
        "training.batch_size: 3 rows cannot be shared by 4 replicas. Choose a larger batch, or "
        "training.strategy: one_device"
    )
    with pytest.raises(TrainingError) as caught:
        check_shares(Training(), four, n_rows=3)
    assert str(caught.value) == (
        "3 training rows cannot be shared by 4 replicas. Choose a larger batch, or "
        "training.strategy: one_device"
    )


def test_strategies_without_their_devices_are_refused():
    from dlrun.deep.distributed.strategy import choose_strategy

    with pytest.raises(TrainingError) as caught:
        choose_strategy("multi_worker")
    assert str(caught.value) == (
        "training.strategy: multi_worker, but this process was started alone"
    )
    with pytest.raises(
        TrainingError, match=r"^training\.strategy: tpu, but TensorFlow finds none: "
    ):
        choose_strategy("tpu")


def test_what_dlrun_replaces_in_keras_is_still_there():
    """If this fails, several replicas need another way: see dlrun/deep/replicas.py."""
    from dlrun.deep.backend import keras

    optimizer, layer = keras.optimizers.SGD, keras.layers.BatchNormalization
    pairs = inspect.signature(optimizer._all_reduce_sum_gradients).parameters
    moments = inspect.signature(layer._moments).parameters
    assert list(pairs) == ["self", "grads_and_vars"], f"optimizers of Keras {keras.__version__}"
    assert list(moments) == ["self", "inputs", "mask"], f"normalisation of {keras.__version__}"


def test_a_keras_without_them_is_refused(monkeypatch):
    from dlrun.deep.distributed import replicas

    monkeypatch.setattr(replicas, "n_replicas", lambda: 2)
    with pytest.raises(TrainingError) as caught:
        replicas.disable_optimizer_allreduce(object())
    assert str(caught.value) == (
        f"several replicas cannot be trained with Keras {replicas.keras.__version__}: its object "
        "has no _all_reduce_sum_gradients any more. Install keras 3.15, or choose "
        "training.strategy: one_device"
    )
