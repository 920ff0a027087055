"""Gradients that are added up over several batches before a step."""

from __future__ import annotations

import numpy as np
import pytest
from modalities import MODALITIES

from dlrun.contract.candidate import FitContext
from dlrun.deep.candidates import make_candidates

pytestmark = pytest.mark.tf

TRAINING = {
    "epochs": 2,
    "optimizer": {"name": "sgd", "momentum": 0.9, "weight_decay": 0.01},
    "learning_rate": {"schedule": "cosine", "peak": 0.02, "warmup": 0.2},
    "clip_norm": 0.5,
    "early_stopping": False,
}
MLP = {"architecture": "mlp", "hidden": [8], "dropout": 0}

DENSE = {"Dense": {"units": 8, "activation": "relu", "kernel_regularizer": "l2"}}
PENALISED = {"architecture": "layers", "layers": [DENSE]}


@pytest.fixture
def fit(recipe):
    """Fit to the first rows; returns the metrics of the epochs and the weights."""

    def fit(dataset, context=None, *, model=MLP, n_rows=90, **training):
        sections = {"model": model, "training": {**TRAINING, **training}}
        (candidate,) = make_candidates(recipe(**sections), dataset)
        metrics = []

        def on_epoch(epoch):
            metrics.append(dict(epoch.metrics))
            return True

        train, rest = dataset.take(np.arange(n_rows)), dataset.take(np.arange(n_rows, n_rows + 20))
        fitted = candidate.fit(train, rest, context or FitContext(0, on_epoch))
        return metrics, [np.asarray(weight) for weight in fitted.model.get_weights()]

    return fit


def assert_same(found, expected, tolerance=2e-5):
    for own, other in zip(found[0], expected[0], strict=True):
        assert own == pytest.approx(other, rel=tolerance, abs=tolerance)
    for own, other in zip(found[1], expected[1], strict=True):
        np.testing.assert_allclose(own, other, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 2e-5), ("mixed_float16", 2e-3)])
def test_batches_are_trained_on_as_one(fit, breast_cancer, precision, tolerance):
    """Loss, norm, rates, scores and weights; 90 rows make uneven batches."""

    def run(batch_size, accumulate=1):
        training = {"accumulate": accumulate, "precision": precision}
        return fit(breast_cancer, model=PENALISED, batch_size=batch_size, **training)

    large = run(32)
    assert_same(run(8, 4), large, tolerance)
    with pytest.raises(AssertionError):
        assert_same(run(8), large, tolerance)


def test_embedded_words_are_trained_on_as_one_batch(fit):
    """Their gradients name the rows of a table; TensorFlow's norm of them counts some twice."""
    dataset = MODALITIES["text"]("classification")
    training = {"clip_norm": None, "precision": "float32"}
    several = fit(dataset, batch_size=8, accumulate=4, **training)
    large = fit(dataset, batch_size=32, **training)
    for metrics in (*several[0], *large[0]):
        del metrics["train/gradient_norm"]
    assert_same(several, large)


def test_an_automatic_batch_is_one_of_several(fit, breast_cancer):
    several = fit(breast_cancer, n_rows=300, batch_size="auto", accumulate=4)
    assert_same(several, fit(breast_cancer, n_rows=300, batch_size=128))


def test_batch_normalisation_sees_one_batch_at_a_time(fit, breast_cancer):
    """Of rows that are few no batch is empty, whose mean would be NaN."""
    model = {**MLP, "normalization": "batch"}
    metrics, weights = fit(breast_cancer, model=model, n_rows=9, batch_size=4, accumulate=16)
    assert metrics and all(np.isfinite(each).all() for each in weights)
    large = fit(breast_cancer, model=model, batch_size=32)
    with pytest.raises(AssertionError):
        assert_same(fit(breast_cancer, model=model, batch_size=8, accumulate=4), large)


def test_a_training_resumes_between_two_steps(fit, breast_cancer, tmp_path, monkeypatch):
    from dlrun.deep.training.checkpoint import Checkpoint

    training = {"batch_size": 4, "accumulate": 4, "checkpoint_every": "2 steps"}
    _, whole = fit(breast_cancer, FitContext(0), **training)
    save, calls = Checkpoint.save, []

    def save_and_stop(self, state):
        save(self, state)
        calls.append(state.totals.steps)
        if len(calls) == 2:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Checkpoint, "save", save_and_stop)
        with pytest.raises(KeyboardInterrupt):
            fit(breast_cancer, FitContext(0, checkpoint=tmp_path), **training)
    assert calls[:2] == [2, 4]
    _, resumed = fit(breast_cancer, FitContext(0, checkpoint=tmp_path), **training)
    for own, other in zip(resumed, whole, strict=True):
        np.testing.assert_array_equal(own, other)
