"""Training: every setting does what the recipe says it does."""

from __future__ import annotations

import random
import time
from dataclasses import replace
from itertools import cycle

import numpy as np
import pandas as pd
import pytest
from modalities import MODALITIES

from dlrun.catalog.keras_api import optimizers
from dlrun.catalog.losses import LOSSES
from dlrun.catalog.schedules import SCHEDULES
from dlrun.contract.candidate import FitContext
from dlrun.data.types.decode import as_cells
from dlrun.deep.candidates import make_candidates
from dlrun.errors import TrainingError
from dlrun.metrics.scores import score
from dlrun.system import cost

pytestmark = pytest.mark.tf

LINEAR = {"architecture": "mlp", "hidden": []}
TOLD = ("train/loss", "train/gradient_norm", "train/learning_rate")


@pytest.mark.parametrize("modality", ["mixed", "image"])
def test_validation_rows_change_nothing(recipe, modality):
    """Encodings are fitted to the training rows alone; the classic side has the same test."""
    dataset = MODALITIES[modality]("classification")
    (candidate,) = make_candidates(
        recipe(
            model={**LINEAR, "encode": "ple"},
            training={"epochs": 1, "early_stopping": False, "deterministic": True},
        ),
        dataset,
    )
    train, other = dataset.take(np.arange(0, 60)), dataset.take(np.arange(60, 100))
    values = [
        candidate.fit(train, part, FitContext(0)).predict(dataset.frame).values
        for part in (dataset.take(np.arange(0, 5)), replace(other, frame=_odd(other.frame)))
    ]
    np.testing.assert_array_equal(*values)


def test_building_and_compiling_are_start_up_and_no_training(recipe):
    dataset = MODALITIES["mixed"]("classification")
    (candidate,) = make_candidates(recipe(model=LINEAR, training={"epochs": 2}), dataset)
    began = time.perf_counter()
    with cost.measure() as usage:
        candidate.fit(dataset, dataset, FitContext(0))
    elapsed = time.perf_counter() - began
    assert usage.startup_seconds > 0.05 and usage.startup_cpu_seconds > 0.05
    assert usage.wall_seconds > 0 and usage.cpu_seconds > 0
    assert elapsed / 2 < usage.startup_seconds + usage.wall_seconds <= elapsed


def test_the_deployed_network_predicts_the_same(recipe):
    dataset = MODALITIES["mixed"]("classification")
    (candidate,) = make_candidates(recipe(model=LINEAR, training={"epochs": 1}), dataset)
    fitted = candidate.fit(dataset, dataset, FitContext(0))
    deployed, predicted = fitted.deployed(dataset.frame)(), fitted.predict(dataset.frame).values
    np.testing.assert_allclose(deployed, predicted, atol=1e-6)


def _odd(frame):
    """Return other numbers, categories, dates, words and pixels than those of a sample."""
    changed = {}
    for name, column in frame.items():
        if column.dtype.kind == "f":
            changed[name] = column * 100 + 7
        elif column.dtype == "category":
            changed[name] = column.cat.rename_categories(lambda value: f"other {value}")
        elif column.dtype.kind == "M":
            changed[name] = column + pd.Timedelta("9000D")
        elif pd.api.types.is_string_dtype(column):
            changed[name] = column + " unheard words follow"
        else:
            changed[name] = as_cells(
                [(cell // 2 + 7).astype(cell.dtype) for cell in column], len(column)
            )
    return frame.assign(**changed)


@pytest.mark.parametrize(
    ("optimizer", "loss", "schedule"),
    list(zip(optimizers(), LOSSES, cycle(SCHEDULES), strict=False)),
)
def test_every_optimizer_loss_and_schedule_lowers_the_loss(
    trained, breast_cancer, diabetes, optimizer, loss, schedule
):
    """Each optimizer with one of the losses: thirteen of either."""
    dataset = breast_cancer if "classification" in LOSSES[loss].tasks else diabetes
    training = {
        "optimizer": optimizer,
        "loss": loss,
        "learning_rate": {"schedule": schedule, "peak": 0.01, "warmup": 0.1},
        "clip_norm": 10.0,
        "epochs": 3,
        "batch_size": 16,
    }
    run = trained(dataset, model=LINEAR, training=training)
    assert run.epochs[-1].metrics["train/loss"] < run.epochs[0].metrics["train/loss"]


def test_optimizers_and_losses_are_as_many():
    assert len(optimizers()) == len(LOSSES)


@pytest.fixture(scope="module")
def classified(trained, breast_cancer):
    """A network of the default size, watched by a metric that is not the primary one."""
    training = {"epochs": 15, "early_stopping": {"monitor": "val/brier"}}
    return trained(breast_cancer, model={"architecture": "mlp"}, training=training)


def test_a_network_learns_to_classify(classified, breast_cancer):
    run = classified
    predictions = run.fitted.predict(run.test.frame)
    found = score(["roc_auc", "accuracy"], predictions, run.test.y, breast_cancer.target)
    assert found["roc_auc"] > 0.98
    assert found["accuracy"] > 0.93
    np.testing.assert_allclose(predictions.values.sum(axis=1), 1.0)


def test_a_network_learns_to_estimate_in_the_targets_own_unit(trained, diabetes):
    run = trained(diabetes, training={"epochs": 60, "learning_rate": 0.01, "batch_size": 16})
    predictions = run.fitted.predict(run.test.frame)
    assert score(["r2"], predictions, run.test.y, diabetes.target)["r2"] > 0.35


def test_the_rate_and_the_gradients_of_every_epoch_are_told(trained, breast_cancer):
    """What is told of a linear network in one step is what calculus says of its first gradient."""
    training = {
        "optimizer": {"name": "sgd", "momentum": 0.0},
        "learning_rate": {"schedule": "cosine", "peak": 0.25},
        "batch_size": 1000,
        "epochs": 2,
        "clip_norm": 1e-9,
    }
    run = trained(breast_cancer, model=LINEAR, training=training)
    first, last = (epoch.metrics for epoch in run.epochs)
    assert (first["train/learning_rate"], last["train/learning_rate"]) == (0.25, 0.0)
    body = run.fitted.model.get_layer("dlrun_body")
    encoder = run.fitted.model.get_layer("dlrun_encoder")
    groups = {"number": run.fitted._reader.read(run.train.frame)["number"]}
    inputs = np.asarray(encoder(groups)["number"])
    kernel, bias = (np.asarray(weight) for weight in body.weights)
    error = 1 / (1 + np.exp(-(inputs @ kernel + bias)[:, 0])) - run.train.y
    gradient = np.append(inputs.T @ error, error.sum()) / len(error)
    assert first["train/gradient_norm"] == pytest.approx(np.linalg.norm(gradient), rel=1e-3)


def test_every_epoch_is_told_with_the_primary_and_the_monitored_metric(classified):
    told = classified.epochs
    assert [(epoch.number, epoch.of) for epoch in told] == [(i, 15) for i in range(1, 16)]
    assert all(epoch.seconds > 0 for epoch in told)
    assert list(told[0].metrics) == [*TOLD, "val/loss", "val/roc_auc", "val/brier"]


def test_the_same_seed_gives_the_same_bits_and_another_seed_others(trained, mixed):
    model = {"architecture": "mlp", "hidden": [8], "dropout": 0.3, "normalization": "batch"}
    training = {"epochs": 3, "deterministic": True}
    runs = [trained(mixed, model=model, training=training, seed=seed) for seed in (5, 5, 6)]
    first, again, other = (run.fitted.predict(run.test.frame).values for run in runs)
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    losses = [[epoch.metrics["train/loss"] for epoch in run.epochs] for run in runs]
    assert losses[0] == losses[1] != losses[2]


def test_early_stopping_restores_the_best_weights(trained, breast_cancer):
    """A rate that is far too high, so that the loss on validation rows jumps about."""
    training = {"epochs": 40, "batch_size": 8, "learning_rate": 0.3, "optimizer": "adam"}
    training["early_stopping"] = {"patience": 3}
    run = trained(breast_cancer, model=LINEAR, training=training)
    losses = [epoch.metrics["val/loss"] for epoch in run.epochs]
    best = int(np.argmin(losses)) + 1
    assert run.fitted.best_epoch == best
    assert best <= len(losses) - 3 < 37
    again = score(
        ["log_loss"],
        run.fitted.predict(run.validation.frame),
        run.validation.y,
        breast_cancer.target,
    )
    assert again["log_loss"] == pytest.approx(losses[best - 1], rel=1e-4)


def test_penalties_of_layers_are_trained_on_but_not_told(trained, breast_cancer):
    def train(**penalty):
        layers = [{"Dense": {"units": 2, **penalty}}]
        training = {"epochs": 2, "learning_rate": 0.05, "optimizer": "sgd"}
        return trained(
            breast_cancer, model={"architecture": "layers", "layers": layers}, training=training
        )

    penalty = {"class_name": "L2", "config": {"l2": 5.0}}
    free, held = train(), train(kernel_regularizer=penalty)
    sizes = [
        np.abs(run.fitted.model.get_layer("dlrun_body").weights[0]).sum() for run in (free, held)
    ]
    assert sizes[1] < sizes[0] / 2
    assert held.epochs[0].metrics["train/loss"] < 2


def test_without_early_stopping_the_last_epoch_is_kept(trained, breast_cancer):
    training = {"epochs": 4, "learning_rate": 0.5, "early_stopping": False}
    assert trained(breast_cancer, model=LINEAR, training=training).fitted.best_epoch == 4


def test_class_weights_move_predictions_towards_their_class(trained, breast_cancer):
    def share(weights):
        training = {"epochs": 4, "class_weight": weights, "learning_rate": 0.05}
        run = trained(breast_cancer, model=LINEAR, training=training)
        return run.fitted.predict(run.test.frame).values[:, 0].mean()

    assert share({"malignant": 50.0}) > share(None) + 0.05


@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
def test_mixed_precision_learns_as_well(trained, breast_cancer, precision):
    training = {"epochs": 8, "precision": precision, "learning_rate": 0.01}
    run = trained(breast_cancer, training=training)
    predictions = run.fitted.predict(run.test.frame)
    assert score(["roc_auc"], predictions, run.test.y, breast_cancer.target)["roc_auc"] > 0.97
    from dlrun.deep.backend import keras

    assert keras.config.dtype_policy().name == "float32"


def test_a_loss_that_is_not_finite_ends_the_training(trained, diabetes, monkeypatch):

    # However busy the machine is.
    monkeypatch.setattr("dlrun.deep.training.run.MOMENT_SECONDS", 3600.0)
    training = {"optimizer": "sgd", "learning_rate": 1e30, "epochs": 9}
    with pytest.raises(TrainingError) as caught:
        trained(diabetes, training=training)
    message = str(caught.value)
    assert message.startswith("recipe.yaml: model: mlp: the training loss is ")
    assert message.endswith(
        " in steps 2 to 5 of epoch 1. The usual causes are a learning rate that is too high "
        "(peak 1e+30), gradients that need training.clip_norm, and extreme values in a number "
        "column (preprocessing.number.scale: quantile)"
    )


def test_weights_that_are_not_finite_end_the_training_too(trained, diabetes):
    """The only step of the only epoch takes them there, after the loss was measured."""
    training = {"optimizer": "sgd", "learning_rate": 1e38, "batch_size": 1000}
    with pytest.raises(TrainingError, match="mlp: a weight is not finite after epoch 1"):
        trained(diabetes, training={**training, "loss": "mean_absolute_percentage_error"})


@pytest.mark.filterwarnings("ignore:Gradients do not exist")
def test_numbers_that_a_layer_cannot_work_with_end_the_training(trained, breast_cancer):
    """An embedding of two codes gets standardised numbers."""
    layers = [{"Embedding": {"input_dim": 2, "output_dim": 3}}, "Flatten"]
    with pytest.raises(TrainingError) as caught:
        trained(breast_cancer, model={"architecture": "layers", "layers": layers})
    message = str(caught.value)
    assert message.startswith(
        "recipe.yaml: model: layers: a layer cannot work with the numbers that it gets: indices["
    )
    assert message.endswith(" is not in [0, 2)")


def test_a_full_device_is_told_with_what_to_do(trained, breast_cancer, monkeypatch):
    from dlrun.deep.training import run as running

    def fill(*_):
        raise running.tf.errors.ResourceExhaustedError(None, None, "OOM when allocating tensor")

    monkeypatch.setattr(running, "_arguments", fill)
    with pytest.raises(TrainingError) as caught:
        trained(breast_cancer)
    assert str(caught.value) == (
        "recipe.yaml: model: mlp: the device has not enough memory. Lower training.batch_size, "
        "and raise training.accumulate by as much; or lower the width"
    )


def test_a_tiny_table_of_every_column_type_does_not_crash(trained, recipe, mixed):
    """Seven rows leave four to train on and one to validate with, in batches of one."""
    few = mixed.take(np.arange(7))
    run = trained(few, recipe=recipe(training={"batch_size": 1, "epochs": 2}))
    assert np.isfinite(run.fitted.predict(mixed.frame).values).all()


@pytest.mark.parametrize("name", ["Größe (µm)", "only one", "when?"])
def test_a_single_column_is_enough(trained, mixed, name):
    """Among them a number column without a number, and a category with a single value."""
    columns = tuple(column for column in mixed.columns if column.name == name)
    run = trained(replace(mixed, columns=columns, frame=mixed.frame[[name]]))
    assert np.isfinite(run.fitted.predict(run.test.frame).values).all()


def test_training_stops_after_the_epoch_that_its_caller_calls_the_last(trained, breast_cancer):
    """With the weights of the best epoch so far; here the loss rises from the second on."""
    training = {"epochs": 9, "batch_size": 8, "learning_rate": 0.3, "optimizer": "adam"}
    run = trained(
        breast_cancer, model=LINEAR, training=training, on_epoch=lambda epoch: epoch.number < 4
    )
    losses = [epoch.metrics["val/loss"] for epoch in run.epochs]
    assert len(losses) == 4
    assert run.fitted.best_epoch == int(np.argmin(losses)) + 1


def test_training_stops_after_the_epoch_in_which_its_seconds_are_used_up(trained, breast_cancer):
    training = {"epochs": 500, "early_stopping": False}
    run = trained(breast_cancer, model=LINEAR, training=training, seconds=0.5)
    seconds = [epoch.seconds for epoch in run.epochs]
    assert len(seconds) < 500
    assert sum(seconds[:-1]) < 0.5 <= sum(seconds)
    assert run.fitted.best_epoch == len(seconds)


def test_without_validation_rows_the_last_epoch_is_kept(recipe, breast_cancer):
    from dlrun.deep.candidates import make_candidates

    (candidate,) = make_candidates(recipe(training={"epochs": 2}), breast_cancer)
    nothing, metrics = breast_cancer.take(np.arange(0)), []

    def on_epoch(epoch):
        metrics.append(tuple(epoch.metrics))
        return True

    fitted = candidate.fit(breast_cancer, nothing, FitContext(0, on_epoch))
    assert metrics == [TOLD, TOLD]
    assert fitted.best_epoch == 2


def test_the_automatic_batch_size_follows_the_rows():
    from dlrun.deep.training.loop import automatic_batch_size

    sizes = [automatic_batch_size(n) for n in (1, 1000, 4096, 20_000, 229_000)]
    assert sizes == [32, 32, 64, 256, 1024]


def test_seeds_of_layers_do_not_depend_on_other_threads():
    import keras

    from dlrun.deep.train import _reset_session

    def seed_after(disturb):
        _reset_session(3, deterministic=False)
        disturb()
        return np.asarray(keras.random.SeedGenerator().state.value)

    np.testing.assert_array_equal(seed_after(lambda: None), seed_after(random.random))


def test_determinism_is_for_the_training_that_asks_for_it():
    from importlib import import_module

    from dlrun.deep.train import _reset_session

    config = import_module("tensorflow.python.framework.config")
    for deterministic in (True, False):
        _reset_session(0, deterministic=deterministic)
        assert config.is_op_determinism_enabled() is deterministic
