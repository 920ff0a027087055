"""A number of epochs that is set beforehand, as where all rows are trained on."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from modalities import MODALITIES

from dlrun.contract.candidate import FitContext
from dlrun.deep.candidates import make_candidates

pytestmark = pytest.mark.tf

TRAINING = {
    "epochs": 8,
    "batch_size": 16,
    "learning_rate": {"schedule": "cosine", "peak": 0.01},
    "early_stopping": {"patience": 1},
    "deterministic": True,
}


@pytest.fixture(autouse=True)
def every_epoch(monkeypatch):

    monkeypatch.setattr("dlrun.deep.training.run.MOMENT_SECONDS", 0.0)


@pytest.fixture
def fit(recipe):
    """Fit to all rows, with the first 40 as validation rows or none."""

    def fit(dataset, context, n_validation=0, **training):
        sections = {"training": {**TRAINING, **training}}
        (candidate,) = make_candidates(recipe(**sections), dataset)
        epochs = []

        def on_epoch(epoch):
            epochs.append(epoch)
            return context.on_epoch(epoch)

        held_out = dataset.take(np.arange(n_validation))
        values = {**vars(context), "on_epoch": on_epoch}
        fitted = candidate.fit(dataset, held_out, FitContext(**values))
        said = fitted.predict(dataset.frame).values
        return SimpleNamespace(fitted=fitted, epochs=epochs, said=said)

    return fit


def rates(run):
    return [epoch.metrics["train/learning_rate"] for epoch in run.epochs]


@pytest.mark.parametrize("modality", ["mixed", "text", "audio"])
def test_exactly_as_many_epochs_without_validation_rows(fit, modality):
    """The schedule is that of the settings' own number, and the last weights are kept."""
    dataset = MODALITIES[modality]("classification")
    fixed = fit(dataset, FitContext(3, epochs=2))
    by_hand = fit(dataset, FitContext(3, lambda epoch: epoch.number < 2), early_stopping=False)
    assert [(epoch.number, epoch.of) for epoch in fixed.epochs] == [(1, 2), (2, 2)]
    assert rates(fixed) == rates(by_hand) and 0 < rates(fixed)[-1] < 0.01
    assert fixed.fitted.best_epoch == 2
    np.testing.assert_array_equal(fixed.said, by_hand.said)


def test_validation_rows_stop_nothing(fit, breast_cancer):
    """With a rate of nearly zero no epoch is better than the first, and patience runs out."""
    training = {"batch_size": 8, "learning_rate": 1e-12}
    assert len(fit(breast_cancer, FitContext(0), 40, **training).epochs) < 8
    run = fit(breast_cancer, FitContext(0, epochs=8), 40, **training)
    assert len(run.epochs) == run.fitted.best_epoch == 8


def test_more_epochs_than_the_schedule_has_go_on_at_its_last_rate(fit, breast_cancer):
    run = fit(breast_cancer, FitContext(0, epochs=4), epochs=2, learning_rate=0.01)
    assert len(run.epochs) == 4
    assert rates(run)[1:] == [rates(run)[1]] * 3


def test_a_plateau_is_halved_where_it_was(fit, breast_cancer, tmp_path):
    """In a training that is stopped in between as well, and by no validation row."""
    training = {"learning_rate": {"schedule": "plateau", "peak": 0.02}}
    context = FitContext(0, epochs=4, halvings=(1, 3))
    whole = fit(breast_cancer, context, 40, **training)
    assert rates(whole) == pytest.approx([0.02, 0.01, 0.01, 0.005])

    def stop(epoch):
        if epoch.number == 3 and not epoch.resumed:
            raise KeyboardInterrupt
        return True

    values = {**vars(context), "checkpoint": tmp_path / "checkpoint"}
    with pytest.raises(KeyboardInterrupt):
        fit(breast_cancer, FitContext(**{**values, "on_epoch": stop}), **training)
    again = fit(breast_cancer, FitContext(**values), **training)
    assert any(epoch.resumed for epoch in again.epochs)
    np.testing.assert_array_equal(again.said, whole.said)
