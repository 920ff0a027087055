from __future__ import annotations

from math import nan

from dlrun.deep.training.early_stopping import EarlyStopper
from dlrun.recipe.training import Training


def _run(values, *, n_steps=1000, monitor="val/loss", **training):
    """Update a stopper with the values until it stops; return it and the number of epochs."""
    early_stopping = training.pop("early_stopping", {"monitor": monitor, "patience": 2})
    stopper = EarlyStopper(
        Training.model_validate({"early_stopping": early_stopping, **training}), n_steps
    )
    epoch = 0
    for epoch, value in enumerate(values, start=1):
        stopper.update(epoch, {monitor: value}, lambda epoch=epoch: [f"weights {epoch}"])
        if stopper.is_over:
            break
    return stopper, epoch


def test_it_stops_after_patience_and_keeps_the_best_weights():
    stopper, epochs = _run([3.0, 1.0, 2.0, 1.0, 0.5])
    assert epochs == 4
    assert stopper.state.best_epoch == 2
    assert stopper.best_weights == ["weights 2"]


def test_a_score_is_better_when_it_is_higher_and_an_error_when_lower():
    assert _run([0.5, 0.9, 0.7], monitor="val/roc_auc")[0].state.best_epoch == 2
    assert _run([0.5, 0.9, 0.7], monitor="val/rmse")[0].state.best_epoch == 1


def test_epochs_before_the_smallest_number_of_steps_do_not_count():
    assert _run([1.0] + [2.0] * 30, n_steps=10)[1] == 21  # 200 steps end with epoch 20


def test_an_undefined_value_is_no_improvement():
    stopper, epochs = _run([nan, 2.0, nan, nan, 1.0])
    assert (epochs, stopper.state.best_epoch) == (4, 2)


def test_without_early_stopping_nothing_is_stopped_or_restored():
    stopper, epochs = _run([1.0, 2.0, 3.0, 4.0], early_stopping=False)
    assert epochs == 4
    assert stopper.best_weights == []


def test_restore_best_can_be_switched_off():
    stopper, _ = _run([1.0, 2.0], early_stopping={"patience": 5, "restore_best": False})
    assert stopper.best_weights == []


def test_an_epoch_without_the_monitored_value_is_passed_over():
    assert _run([1.0, 2.0], early_stopping={"monitor": "val/mcc"})[0].state.best_epoch is None


def test_a_plateau_halves_the_rate_after_half_the_patience():
    stopping = {"patience": 4}
    factors = [
        _run([1.0] * n, early_stopping=stopping, learning_rate={"schedule": "plateau"})[0]
        for n in (1, 2, 3, 5)
    ]
    assert [stopper.rate_factor for stopper in factors] == [1.0, 1.0, 0.5, 0.25]
    assert _run([1.0] * 5, early_stopping=stopping)[0].rate_factor == 1.0
