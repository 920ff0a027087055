"""The health of layers, measured beside a training that it leaves alone."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from dlrun.contract.candidate import FitContext
from dlrun.deep.candidates import make_candidates

pytestmark = pytest.mark.tf

LOW = {"class_name": "Constant", "config": {"value": -50}}
LAYERS = [
    {"Dense": {"units": 6, "activation": "relu", "bias_initializer": LOW}},
    {"BatchNormalization": {}},
    {"Dropout": {"rate": 0.3}},
    {"Dense": {"units": 5, "activation": "tanh"}},
]
NAMES = ["dense", "batch_normalization", "dense_1", "head"]


@pytest.fixture(scope="module")
def fit(recipe, breast_cancer):
    """Fit a network with dropout and moving averages, whose relu units are all dead."""

    def fit(*, watches_layers, checkpoint=None, stop_after=None, **training):
        model = {"architecture": "layers", "layers": LAYERS}
        settings = {"epochs": 2, "batch_size": 90, "early_stopping": False, **training}
        (candidate,) = make_candidates(recipe(model=model, training=settings), breast_cancer)
        epochs = []

        def on_epoch(epoch):
            if epoch.number == stop_after:
                raise KeyboardInterrupt
            epochs.append(epoch)
            return True

        context = FitContext(0, on_epoch, checkpoint, watches_layers=watches_layers)
        rows = np.split(np.arange(569), [400])
        fitted = candidate.fit(*map(breast_cancer.take, rows), context)
        return SimpleNamespace(epochs=epochs, weights=fitted.model.get_weights())

    return fit


@pytest.fixture(scope="module")
def watched(fit):
    return fit(watches_layers=True)


def test_a_watched_training_gives_the_same_bits(fit, watched):
    alone = fit(watches_layers=False)
    assert [epoch.layers for epoch in alone.epochs] == [(), ()]
    assert [each.metrics for each in alone.epochs] == [each.metrics for each in watched.epochs]
    for own, other in zip(alone.weights, watched.weights, strict=True):
        np.testing.assert_array_equal(own, other)


def test_every_layer_is_measured_from_the_input_side(watched):
    for epoch in watched.epochs:
        assert [each.layer for each in epoch.layers] == NAMES
        first, _, second, head = epoch.layers
        assert (first.dead, first.saturated) == (1.0, None)
        assert first.gradient_norm == 0.0 < head.gradient_norm
        assert second.dead is None and 0 <= second.saturated <= 1
        assert head.dead is head.saturated is None


def test_layers_of_a_resumed_training_are_those_of_one_that_went_on(
    fit, watched, tmp_path, monkeypatch
):
    monkeypatch.setattr("dlrun.deep.training.run.MOMENT_SECONDS", 0.0)
    with pytest.raises(KeyboardInterrupt):
        fit(watches_layers=True, checkpoint=tmp_path, stop_after=2)
    again = fit(watches_layers=True, checkpoint=tmp_path)
    assert [epoch.resumed for epoch in again.epochs] == [True, False]
    first, second = (epoch.layers for epoch in again.epochs)
    assert first == watched.epochs[0].layers
    norms = [(each.layer, each.gradient_norm, each.dead) for each in watched.epochs[1].layers]
    assert [(each.layer, each.gradient_norm, each.dead) for each in second] == norms


def test_the_update_is_that_of_the_last_step(fit):
    """Plain gradient descent over all rows in one step: rate times gradient."""
    rate = 0.01
    descent = {"epochs": 1, "batch_size": 400, "learning_rate": rate, "optimizer": "sgd"}
    run = fit(watches_layers=True, **descent)
    head = run.epochs[0].layers[-1]
    step = run.epochs[0].metrics["train/gradient_norm"] * rate
    assert 0 < head.update_ratio * head.weight_norm <= step * 1.05
