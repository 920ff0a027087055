"""TabM: members that share layers are trained one by one and predict together."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from alone import raw_columns

from dlrun.catalog.losses import LOSSES
from dlrun.contract.dataset import Column, Target
from dlrun.deep.candidates import make_candidates
from dlrun.errors import RecipeError
from dlrun.metrics.scores import score
from dlrun.recipe.training import Training

pytestmark = pytest.mark.tf

RNG = np.random.default_rng(0)
TWO = Target("y", "classification", ("no", "yes"))
NUMBER = Target("y", "regression")
SMALL = {"architecture": "tabm", "members": 5, "hidden": [8]}


def _group(width):
    """Make a group of numbers that are taken as they are."""
    from dlrun.deep.backend import keras
    from dlrun.deep.inputs.groups import Group
    from dlrun.deep.inputs.number import NumberEncoding

    zeros, ones = np.zeros(width), np.ones(width)
    encoding = NumberEncoding(tuple(map(str, range(width))), zeros, zeros, ones)
    return Group(encoding, keras.Input((width,), name="number"))


def _body(**settings):
    from dlrun.deep.architectures import tabm
    from dlrun.deep.backend import keras

    group = _group(4)
    known = {"members": 3, "hidden": [5, 6], "activation": "tanh", "dropout": 0.0, "encode": None}
    return keras.Model(group.encoded, tabm.build({"number": group}, **{**known, **settings}))


def test_each_member_scales_what_goes_into_and_comes_out_of_shared_layers():
    body = _body()
    weights = [RNG.normal(size=weight.shape).astype(np.float32) for weight in body.weights]
    body.set_weights(weights)
    by_shape = {}
    for weight in weights:
        by_shape.setdefault(weight.shape, []).append(weight)
    rows = RNG.normal(size=(7, 4)).astype(np.float32)
    expected = np.repeat(rows[:, None], 3, axis=1)
    for n_in, n_out in ((4, 5), (5, 6)):
        shared = by_shape[n_in, n_out].pop(0)
        before, after, bias = (
            by_shape[1, 3 * width].pop(0).reshape(3, width) for width in (n_in, n_out, n_out)
        )
        expected = np.tanh((expected * before) @ shared * after + bias)
    assert not any(by_shape.values())
    np.testing.assert_allclose(body(rows).numpy(), expected, atol=1e-5)


def test_the_first_adapter_alone_starts_at_random():
    body = _body()
    starts = [np.asarray(weight) for weight in body.weights if weight.shape[0] == 1]
    assert len(starts) == 6
    assert len(np.unique(starts[0])) == starts[0].size
    assert [np.unique(start).tolist() for start in starts[1:]] == [[1], [0], [1], [1], [0]]
    outputs = body(RNG.normal(size=(7, 4)).astype(np.float32)).numpy()
    assert np.ptp(outputs, axis=1).min() > 1e-4  # members see the columns differently


def test_dropout_differs_from_member_to_member():
    from dlrun.deep.backend import keras

    keras.utils.set_random_seed(0)
    outputs = _body(dropout=0.5)(np.ones((50, 4), np.float32), training=True).numpy()
    dropped = outputs == 0
    assert 0.4 < dropped.mean() < 0.6
    assert (dropped[:, 0] != dropped[:, 1]).any()


def test_every_member_has_a_head_of_its_own(recipe, breast_cancer):
    (candidate,) = make_candidates(recipe(model={**SMALL, "encode": "none"}), breast_cancer)
    summary = candidate.summarize(breast_cancer)
    adapters, shared, heads = 5 * (30 + 8 + 8), 30 * 8, 5 * (8 + 1)
    assert summary.parameters == adapters + shared + heads


def _objective(loss, **training):
    from dlrun.deep.objective import choose_objective

    is_class = "classification" in LOSSES[loss].tasks
    y = RNG.integers(0, 2, 40) if is_class else RNG.gamma(2.0, 300.0, 40)
    settings = Training.model_validate({"loss": loss, **training})
    return choose_objective(settings, TWO if is_class else NUMBER, y), y


@pytest.mark.parametrize("loss", LOSSES)
def test_losses_of_members_are_averaged(loss):
    from dlrun.deep.backend import tf

    weights = {"class_weight": "balanced"} if "classification" in LOSSES[loss].tasks else {}
    objective, values = _objective(loss, **weights)
    y = tf.constant(objective.head.encode_y(values))
    outputs = RNG.normal(size=(40, 3, objective.head.n_outputs)).astype(np.float32)
    together = np.asarray(objective.losses(y, tf.constant(outputs)))
    apart = [objective.losses(y, tf.constant(outputs[:, i])) for i in range(3)]
    assert together.shape == (40,)
    np.testing.assert_allclose(together, np.mean(apart, axis=0), rtol=1e-4)
    mixed = np.asarray(objective.losses(y, tf.constant(outputs.mean(axis=1))))
    assert np.abs(together - mixed).max() > 1e-3  # no loss of the averaged output


@pytest.mark.parametrize("loss", ["auto", "categorical_crossentropy", "huber", "poisson"])
def test_predictions_of_members_are_averaged(loss):
    objective, _ = _objective("binary_crossentropy" if loss == "auto" else loss)
    outputs = RNG.normal(size=(40, 3, objective.head.n_outputs)).astype(np.float32)
    one = objective.finish((objective.head.n_outputs,))
    together = objective.finish((3, objective.head.n_outputs))(outputs).numpy()
    assert together.dtype == np.float64
    expected = np.mean([one(outputs[:, i]).numpy() for i in range(3)], axis=0)
    np.testing.assert_allclose(together, expected, rtol=1e-9)


@pytest.mark.parametrize("precision", ["float32", "mixed_bfloat16"])
def test_two_classes_are_told_apart(trained, breast_cancer, precision):
    training = {"epochs": 6, "learning_rate": 0.01, "precision": precision}
    run = trained(breast_cancer, model=SMALL, training=training)
    predictions = run.fitted.predict(run.test.frame)
    assert score(["roc_auc"], predictions, run.test.y, breast_cancer.target)["roc_auc"] > 0.97


def test_numbers_are_estimated_in_their_own_unit(trained, diabetes):
    training = {"epochs": 30, "learning_rate": 0.01, "batch_size": 32}
    run = trained(diabetes, model={**SMALL, "encode": None}, training=training)
    predictions = run.fitted.predict(run.test.frame)
    assert score(["r2"], predictions, run.test.y, diabetes.target)["r2"] > 0.35


def test_what_is_told_of_an_epoch_is_of_the_members(trained, diabetes):
    """The loss is the members' mean, the metric that of the mean of their predictions."""
    training = {"epochs": 1, "learning_rate": 1e-4}
    run = trained(diabetes, model=SMALL, training=training)
    told, spread = run.epochs[0].metrics, run.train.y.std()
    predicted = run.fitted.predict(run.validation.frame).values
    error = np.sqrt(((predicted - run.validation.y) ** 2).mean())
    assert told["val/rmse"] == pytest.approx(error, rel=1e-5)
    assert told["val/loss"] > (error / spread) ** 2 * 1.01


def test_keras_alone_predicts_the_same_from_raw_columns(trained, mixed, keras_alone, tmp_path):
    run = trained(mixed, model=SMALL, training={"epochs": 2})
    run.fitted.save(tmp_path)
    inputs = json.loads((tmp_path / "network.json").read_text(encoding="utf-8"))["inputs"]
    said = keras_alone.predict(tmp_path, raw_columns(mixed.frame, inputs))
    expected = run.fitted.predict(mixed.frame).values
    np.testing.assert_allclose(said, expected, rtol=1e-6)
    assert run.fitted.predict(mixed.frame.iloc[:0]).values.shape == (0, 3)


def test_a_table_without_its_columns_is_told_what_fits(recipe, trained, mixed):
    words = replace(mixed, columns=(Column("town", "text"),))
    with pytest.raises(RecipeError) as caught:
        trained(words, recipe=recipe(model=SMALL))
    assert str(caught.value).startswith(
        "recipe.yaml: model.architecture: tabm is made for columns of the type number or category "
        "or datetime, and here are text. For these: mlp"
    )
