"""On a GPU: skipped where there is none."""

from __future__ import annotations

import numpy as np
import pytest

from dlrun.metrics.scores import score

pytestmark = [pytest.mark.tf, pytest.mark.gpu]


@pytest.fixture
def gpus():
    from dlrun.deep.backend import tf

    found = tf.config.list_physical_devices("GPU")
    if not found:
        pytest.skip("needs an NVIDIA GPU, and TensorFlow sees none")
    return found


def auc(run, dataset):
    said = run.fitted.predict(run.test.frame)
    return score(["roc_auc"], said, run.test.y, dataset.target)["roc_auc"]


def test_it_trains_there_in_the_precision_that_is_faster(trained, breast_cancer, gpus):
    run = trained(breast_cancer, training={"epochs": 10, "learning_rate": 0.01})
    body = run.fitted.model.get_layer("dlrun_body")
    assert all("GPU" in weight.value.device for weight in body.weights)
    assert auc(run, breast_cancer) > 0.97


def test_it_learns_what_a_cpu_learns(trained, breast_cancer, gpus):
    from dlrun.deep.backend import tf

    training = {"epochs": 3, "precision": "float32", "strategy": "one_device"}
    there = trained(breast_cancer, training=training)
    with tf.device("CPU"):
        here = trained(breast_cancer, training=training)
    losses = [[epoch.metrics["val/loss"] for epoch in run.epochs] for run in (there, here)]
    np.testing.assert_allclose(*losses, rtol=1e-3)


def test_all_of_them_train_together(trained, breast_cancer, gpus):
    if len(gpus) == 1:
        pytest.skip("needs two GPUs, and there is one")
    training = {"epochs": 3, "precision": "float32"}
    together, alone = (
        trained(breast_cancer, training={**training, "strategy": strategy})
        for strategy in ("auto", "one_device")
    )
    losses = [[epoch.metrics["val/loss"] for epoch in run.epochs] for run in (together, alone)]
    np.testing.assert_allclose(*losses, rtol=1e-3)
