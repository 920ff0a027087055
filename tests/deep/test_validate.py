from __future__ import annotations

from dataclasses import replace

import pytest

from dlrun.catalog.metrics import metrics_of
from dlrun.deep.validate import check_training
from dlrun.errors import RecipeError, TrainingError
from dlrun.recipe.load import load_recipe


def _fault(recipe, dataset):
    with pytest.raises(RecipeError) as caught:
        check_training(recipe, dataset)
    return str(caught.value)


def test_what_fits_passes(recipe, breast_cancer, diabetes):
    weights = {"class_weight": {"benign": 2.0}, "early_stopping": {"monitor": "val/roc_auc"}}
    check_training(recipe(training={**weights, "loss": "binary_focal_crossentropy"}), breast_cancer)
    check_training(recipe(training={"loss": "poisson", "early_stopping": False}), diabetes)


def test_a_loss_must_fit_the_task(recipe, breast_cancer, diabetes, mixed):
    assert _fault(recipe(training={"loss": "huber"}), breast_cancer) == (
        "recipe.yaml: training.loss: huber is not a loss for classification. Allowed: auto, "
        "binary_crossentropy, binary_focal_crossentropy, categorical_crossentropy, "
        "categorical_focal_crossentropy, sparse_categorical_crossentropy"
    )
    assert _fault(recipe(training={"loss": "binary_crossentropy"}), mixed) == (
        "recipe.yaml: training.loss: binary_crossentropy is for two classes, but 'kind' has 3. "
        "Allowed: auto, categorical_crossentropy, categorical_focal_crossentropy, "
        "sparse_categorical_crossentropy"
    )
    below = replace(diabetes, y=diabetes.y - 100)
    assert _fault(recipe(training={"loss": "poisson"}), below) == (
        "recipe.yaml: training.loss: poisson is for numbers from 0 upwards, but 'target' goes "
        "down to -75. Take mean_squared_error or huber"
    )
    zero = replace(diabetes, y=diabetes.y - diabetes.y.min())
    assert _fault(recipe(training={"loss": "mean_absolute_percentage_error"}), zero) == (
        "recipe.yaml: training.loss: mean_absolute_percentage_error divides by the target, but "
        "'target' is 0 in 1 rows. Take mean_absolute_error or huber"
    )


def test_class_weights_need_classes_that_there_are(recipe, breast_cancer, diabetes):
    unknown = recipe(training={"class_weight": {"malign": 2.0, "benign": 1.0}})
    assert _fault(unknown, breast_cancer) == (
        "recipe.yaml: training.class_weight.malign: 'malign' is not a class of 'target'. "
        "Classes: malignant, benign"
    )
    assert _fault(recipe(training={"class_weight": "balanced"}), diabetes) == (
        "recipe.yaml: training.class_weight: 'target' is a number, which has no classes. Remove it"
    )


def test_the_monitored_metric_must_fit_the_task(recipe, breast_cancer):
    stopping = {"early_stopping": {"monitor": "val/rmse"}}
    assert _fault(recipe(training=stopping), breast_cancer) == (
        "recipe.yaml: training.early_stopping.monitor: val/rmse cannot be measured in "
        f"classification. Allowed: val/loss, val/{', val/'.join(metrics_of('classification'))}"
    )


def test_a_tpu_that_is_not_there_is_refused(recipe, breast_cancer, tmp_path, monkeypatch):
    monkeypatch.delenv("TPU_NAME", raising=False)
    monkeypatch.setattr("dlrun.catalog.strategies.DEVICES", tmp_path)
    assert _fault(recipe(training={"strategy": "tpu"}), breast_cancer) == (
        "recipe.yaml: training.strategy: tpu, but there is none here: no device /dev/accel* or "
        "/dev/vfio/*, and the variable TPU_NAME is not set. Choose auto, or name the TPU in "
        "TPU_NAME"
    )
    (tmp_path / "accel0").touch()
    check_training(recipe(training={"strategy": "tpu"}), breast_cancer)


def test_missing_numbers_can_be_refused(recipe, mixed):
    impute = recipe(preprocessing={"number": {"impute": "error"}})
    assert _fault(impute, mixed) == (
        "recipe.yaml: preprocessing.number.impute: error, and numbers are missing in 'a/b' (22), "
        "'Größe (µm)' (240). Choose median, mean or zero, or fill them in the data"
    )
    check_training(recipe(model=[], preprocessing={"number": {"impute": "error"}}), mixed)


def test_all_faults_of_all_models_are_told_with_their_lines(tmp_path, breast_cancer):
    path = tmp_path / "net.yaml"
    path.write_text(
        "data: {source: a.csv, target: y}\n"
        "training:\n"
        "  optimizer: {name: adamw, momentum: 0.9}\n"
        "model:\n"
        "  - architecture: mlp\n"
        "  - architecture: mlp\n"
        "    name: second\n"
        "    training:\n"
        "      optimizer: {name: sgd, momentun: 0.9}\n"
        "      loss: poisson\n"
    )
    assert _fault(load_recipe(path), breast_cancer) == (
        "net.yaml:3: training.optimizer.momentum: momentum is not a setting of adamw. "
        "Allowed: weight_decay, beta_1, beta_2, epsilon, amsgrad\n"
        "net.yaml:9: model.1.training.optimizer.momentun: momentun is not a setting of sgd. "
        "Did you mean momentum?\n"
        "net.yaml:10: model.1.training.loss: poisson is not a loss for classification. Allowed: "
        "auto, binary_crossentropy, binary_focal_crossentropy, categorical_crossentropy, "
        "categorical_focal_crossentropy, sparse_categorical_crossentropy"
    )


def test_the_module_of_an_own_network_must_be_there(recipe, breast_cancer, tmp_path):
    own = recipe(model=[{"architecture": "my_missing_nets:build"}])
    own._file = tmp_path / "recipe.yaml"
    assert _fault(own, breast_cancer) == (
        "recipe.yaml: model.architecture: there is no module 'my_missing_nets' in the folder "
        f"{tmp_path}. A recipe is data, and runs code from its own folder alone. If you trust an "
        "installed module, add --trust-modules my_missing_nets."
    )
    (tmp_path / "my_missing_nets.py").write_text("raise RuntimeError\n")  # not imported yet
    check_training(own, breast_cancer)


@pytest.mark.tf
def test_values_that_keras_refuses_are_told_without_a_traceback(recipe):
    from dlrun.deep.training.optimizers import make_optimizer

    refused = recipe(training={"optimizer": {"name": "sgd", "momentum": 2}}).training
    with pytest.raises(TrainingError) as caught:
        make_optimizer(refused, scales_loss=False)
    assert str(caught.value) == (
        "training.optimizer: sgd does not take these settings: `momentum` must be a float between "
        "[0, 1]."
    )
