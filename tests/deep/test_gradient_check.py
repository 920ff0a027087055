"""Gradients of layers against finite differences: wrong ones are found in the layer they are of."""

from __future__ import annotations

import pytest

from dlrun.testing import CheckError
from dlrun.testing.candidates import has_gradients_that_finite_differences_confirm
from dlrun.testing.parts import architecture_cases

pytestmark = pytest.mark.tf

NETS = """\
import keras
import tensorflow as tf


@tf.custom_gradient
def tripled_behind(x):
    return 2 * x, lambda upstream: 3 * upstream


@tf.custom_gradient
def scaled(x, factor):
    def backward(upstream):
        return upstream * factor, tf.reduce_sum(upstream * x, axis=0) / 2

    return x * factor, backward


class Doubled(keras.layers.Layer):
    def call(self, x):
        return tripled_behind(x)


class Scaled(keras.layers.Layer):
    def build(self, shape):
        self.factor = self.add_weight(shape=shape[1:], initializer="ones", name="factor")

    def call(self, x):
        return scaled(x, tf.convert_to_tensor(self.factor))


class Single(keras.layers.Layer):
    def call(self, x):
        return tf.math.divide(x, tf.constant([2.0]))


def build(inputs, layer=None):
    tensor = keras.layers.Concatenate()(list(inputs.values()))
    tensor = keras.layers.Dense(8, activation="relu", name="before")(tensor)
    tensor = {"doubled": Doubled, "scaled": Scaled, "single": Single}[layer](name="own")(tensor)
    return keras.layers.Dense(8, activation="relu", name="after")(tensor)
"""


@pytest.fixture
def case(tmp_path):
    """Make the first case of a network, whose own module is beside it."""
    (tmp_path / "my_wrong_nets.py").write_text(NETS)

    def make(architecture, **settings):
        return next(iter(architecture_cases(architecture, settings, folder=tmp_path)))

    return make


@pytest.mark.parametrize(("layer", "of"), [("doubled", "its input"), ("scaled", "factor")])
def test_a_wrong_gradient_is_named_with_its_layer(case, layer, of):
    with pytest.raises(CheckError) as error:
        has_gradients_that_finite_differences_confirm(case("my_wrong_nets:build", layer=layer))
    (message,) = str(error.value).split("; ")
    start, _, rest = message.partition(" its gradient gives ")
    assert start == f"layer own: by {of}"
    gradient, _, rest = rest.partition(", finite differences give ")
    difference, _, advice = rest.partition(". ")
    ratio = {"doubled": 3 / 2, "scaled": 1 / 2}[layer]
    assert float(gradient) / float(difference) == pytest.approx(ratio, rel=1e-3)
    assert advice.startswith("Its backward pass (tf.custom_gradient")


def test_kinks_and_single_precision_are_no_faults(case):
    """Relu and max-pooling at zeros; a layer that takes no other numbers than float32."""
    has_gradients_that_finite_differences_confirm(case("cnn", filters=[4, 4]))
    has_gradients_that_finite_differences_confirm(case("my_wrong_nets:build", layer="single"))
