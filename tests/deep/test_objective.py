from __future__ import annotations

import numpy as np
import pytest
from scipy.special import expit, softmax

from dlrun.catalog.losses import losses_of
from dlrun.contract.dataset import Target
from dlrun.recipe.training import Training

CLASSIFICATION_LOSSES = [loss.name for loss in losses_of("classification")]
REGRESSION_LOSSES = [loss.name for loss in losses_of("regression")]
pytestmark = pytest.mark.tf

TWO = Target("y", "classification", ("no", "yes"))
THREE = Target("y", "classification", ("a", "b", "c"))
NUMBER = Target("y", "regression")
RNG = np.random.default_rng(0)
CODES = RNG.integers(0, 2, 50)
VALUES = RNG.gamma(2.0, 300.0, 50)


def _choose(target, y, **training):
    from dlrun.deep.objective import choose_objective

    return choose_objective(Training.model_validate(training), target, y)


def _losses(objective, y, outputs):
    from dlrun.deep.backend import tf

    encoded = tf.constant(objective.head.encode_y(y))
    return np.asarray(objective.losses(encoded, tf.constant(outputs, tf.float32)))


def _finished(objective, outputs):
    return objective.finish((objective.head.n_outputs,))(np.asarray(outputs, np.float32)).numpy()


def test_the_loss_follows_the_task():
    assert _choose(TWO, CODES).head.loss.name == "binary_crossentropy"
    assert _choose(THREE, CODES).head.loss.name == "sparse_categorical_crossentropy"
    assert _choose(NUMBER, VALUES).head.loss.name == "mean_squared_error"


def test_cross_entropies_agree_with_their_formula():
    logits = RNG.normal(size=50)
    expected = -np.log(np.where(CODES == 1, expit(logits), 1 - expit(logits)))
    one = _choose(TWO, CODES)
    np.testing.assert_allclose(_losses(one, CODES, logits[:, None]), expected, rtol=1e-4)
    pair = np.stack([np.zeros(50), logits], axis=1)
    for loss in ("sparse_categorical_crossentropy", "categorical_crossentropy"):
        two = _choose(TWO, CODES, loss=loss)
        assert two.head.n_outputs == 2
        np.testing.assert_allclose(_losses(two, CODES, pair), expected, rtol=1e-4)


@pytest.mark.parametrize("loss", CLASSIFICATION_LOSSES)
def test_every_loss_for_classes_is_lower_for_the_truth(loss):
    objective = _choose(TWO, CODES, loss=loss)
    right = np.where(CODES == 1, 2.0, -2.0)[:, None]
    outputs = right if objective.head.n_outputs == 1 else np.hstack([-right, right])
    losses = _losses(objective, CODES, outputs)
    assert losses.shape == (50,)
    assert (losses < _losses(objective, CODES, -outputs)).all()


@pytest.mark.parametrize("loss", REGRESSION_LOSSES)
def test_every_loss_for_numbers_is_lowest_at_the_truth(loss):
    """The outputs that finish as the truth, found by halving, have a lower loss than others."""
    objective = _choose(NUMBER, VALUES, loss=loss)
    low, high = np.full((50, 1), -50.0), np.full((50, 1), 50.0)
    for _ in range(60):
        middle = (low + high) / 2
        is_low = _finished(objective, middle) < VALUES[:, None]
        low, high = np.where(is_low, middle, low), np.where(is_low, high, middle)
    best = _losses(objective, VALUES, low)
    assert best.shape == (50,)
    for step in (-0.3, 0.3):
        assert (_losses(objective, VALUES, low + step) > best).all()


def test_an_output_of_zero_stands_for_the_mean():
    for loss in REGRESSION_LOSSES:
        objective = _choose(NUMBER, VALUES, loss=loss)
        assert _finished(objective, [[0.0]])[0, 0] == pytest.approx(VALUES.mean())


def test_squared_errors_are_of_the_standardised_target():
    objective = _choose(NUMBER, VALUES)
    expected = ((VALUES - VALUES.mean()) / VALUES.std() - 0.5) ** 2
    np.testing.assert_allclose(
        _losses(objective, VALUES, np.full((50, 1), 0.5)), expected, rtol=1e-4, atol=1e-6
    )


def test_percentage_errors_are_of_the_target_itself():
    objective = _choose(NUMBER, VALUES, loss="mean_absolute_percentage_error")
    expected = 100 * np.abs(1 - VALUES.mean() / VALUES)
    np.testing.assert_allclose(_losses(objective, VALUES, np.zeros((50, 1))), expected, rtol=1e-3)


def test_numbers_keep_their_digits():
    y = 1e9 + np.arange(4.0)
    objective = _choose(NUMBER, y)
    outputs = (y[:, None] - objective.head.shift) / objective.head.scale
    np.testing.assert_allclose(_finished(objective, outputs)[:, 0], y, rtol=1e-15)


def test_class_weights_multiply_the_losses():
    y = np.array([0, 0, 0, 1])
    plain, outputs = _choose(TWO, y), np.zeros((4, 1))
    balanced = _choose(TWO, y, class_weight="balanced")
    given = _choose(TWO, y, class_weight={"yes": 5.0})
    base = _losses(plain, y, outputs)
    assert balanced.head.class_weights == pytest.approx((4 / 6, 2.0))
    expected = base * [4 / 6, 4 / 6, 4 / 6, 2.0]
    np.testing.assert_allclose(_losses(balanced, y, outputs), expected, rtol=1e-6)
    assert given.head.class_weights == (1.0, 5.0)


def test_predictions_are_probabilities_of_every_class_or_numbers():
    from dlrun.deep.objective import to_predictions

    one = _finished(_choose(TWO, CODES), [[0.0], [30.0]])
    assert one[1, 0] < 1.0
    np.testing.assert_allclose(to_predictions(one, TWO).values, [[0.5, 0.5], [0.0, 1.0]], atol=1e-9)
    many = _finished(_choose(THREE, CODES), [[1.0, 2.0, 3.0]])
    np.testing.assert_allclose(to_predictions(many, THREE).values, softmax([[1.0, 2.0, 3.0]]))
    assert to_predictions(np.array([[7.0]]), NUMBER).values.tolist() == [7.0]
