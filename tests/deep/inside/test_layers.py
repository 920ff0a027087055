"""Which layers are seen, how their activations are pooled, and a copy with random weights."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

pytestmark = pytest.mark.tf


@pytest.fixture(scope="module")
def deep() -> Any:
    """Import TensorFlow, and what is tested."""
    from dlrun.deep.backend import keras, tf
    from dlrun.deep.inside import activations, layers, random_weights
    from dlrun.deep.random_state import seed_random_numbers

    return SimpleNamespace(
        keras=keras,
        tf=tf,
        layers=keras.layers,
        seed=seed_random_numbers,
        choose=layers.choose_layers,
        most=layers.MAX_LAYERS,
        pool=activations.pool,
        pooled_outputs=activations.pooled_outputs,
        randomized=random_weights.randomized,
    )


def head(deep, inputs, tensor):
    return deep.keras.Model(inputs, deep.layers.Dense(2, name="dlrun_head")(tensor))


def names(deep, body) -> list[str]:
    return [each.step.operation.name for each in deep.choose(body)]


@pytest.fixture(scope="module")
def residual(deep):
    """A convolution, then residual blocks of two, normalised before."""
    layers, inputs = deep.layers, deep.keras.Input((8, 8, 1), name="image")
    tensor = layers.Conv2D(2, 3, padding="same", name="first")(inputs)
    for block in range(6):
        inner = layers.ReLU()(layers.BatchNormalization()(tensor))
        inner = layers.Conv2D(2, 3, padding="same", name=f"inner_{block}")(inner)
        inner = layers.Conv2D(2, 3, padding="same", name=f"outer_{block}")(inner)
        tensor = layers.Add()([tensor, layers.Dropout(0.1)(inner)])
    mean = layers.GlobalAveragePooling2D(name="mean")(tensor)
    return head(deep, {"image": inputs}, mean)


def test_layers_with_weights_are_seen_after_their_normalisation_and_activation(deep):
    layers, inputs = deep.layers, deep.keras.Input((8, 8, 1), name="image")
    tensor = layers.Conv2D(2, 3, name="conv")(inputs)
    activated = layers.ReLU()(layers.BatchNormalization()(tensor))
    tensor = layers.Flatten()(layers.MaxPooling2D()(activated))
    last = layers.Dropout(0.5)(layers.Dense(3, activation="relu", name="dense")(tensor))
    body = head(deep, inputs, last)
    assert names(deep, body) == ["conv", "dense"]
    assert [each.output for each in deep.choose(body)] == [activated, last]


def test_of_many_layers_those_within_residual_blocks_are_left_out(deep, residual):
    assert names(deep, residual) == ["first", *(f"outer_{block}" for block in range(6)), "mean"]
    assert deep.choose(residual)[-1].title == "input of the head"


def test_of_more_layers_some_are_seen_evenly(deep):
    inputs = tensor = deep.keras.Input((3,))
    for number in range(40):
        tensor = deep.layers.Dense(3, name=f"dense_{number}")(tensor)
    found = names(deep, head(deep, inputs, tensor))
    assert len(found) == deep.most
    assert (found[0], found[-1]) == ("dense_0", "dense_39")


def test_branches_are_seen_once_they_are_joined(deep):
    layers, inputs = deep.layers, deep.keras.Input((5, 4))
    parts = [layers.Conv1D(2, size, padding="same")(inputs) for size in (1, 3)]
    joined = layers.ReLU()(layers.Concatenate()(parts))
    found = deep.choose(head(deep, inputs, layers.GlobalMaxPooling1D()(joined)))
    assert [each.output is joined for each in found] == [True, False]


def test_a_trained_tensor_and_the_projections_of_an_attention_are_no_layers(deep):
    from dlrun.deep.blocks.attention import attend
    from dlrun.deep.blocks.trainable_tensor import trainable_tensor

    inputs = deep.keras.Input((5, 4))
    tokens = deep.layers.Dense(4, name="tokens")(inputs)
    placed = tokens + trainable_tensor(tokens[:, 0], (5, 4), "zeros")
    summed = placed + attend(placed, placed, heads=2, dropout=0.0)
    found = deep.choose(head(deep, inputs, deep.keras.ops.mean(summed, axis=1)))
    assert [each.output for each in found][:2] == [placed, summed]
    assert len(found) == 3


def test_large_activations_are_pooled_without_padding(deep):
    values = np.zeros((2, 100, 3), np.float32)
    values[0, :4] = [[1, -2, 3], [3, -4, 5], [1, -2, 3], [3, -4, 5]]
    tensor = deep.tf.constant(values)
    assert deep.pool(tensor).numpy().tolist() == [[2, -3, 4, 3, -2, 5], [0] * 6]
    steps = np.zeros((2, 100), bool)
    steps[0, :1] = True
    pooled = deep.pool(tensor, deep.tf.constant(steps)).numpy()
    assert pooled[0].tolist() == [1, -2, 3] * 2


def test_small_activations_are_laid_out(deep):
    values = np.arange(24, dtype=np.float16).reshape(2, 3, 4)
    pooled = deep.pool(deep.tf.constant(values)).numpy()
    assert pooled.dtype == np.float32
    np.testing.assert_array_equal(pooled, values.reshape(2, 12))


def test_a_random_copy_has_other_weights_and_leaves_no_trace(deep, residual):
    rows = {"image": np.random.default_rng(0).random((4, 8, 8, 1), np.float32)}

    def activations(body):
        outputs = [each.output for each in deep.choose(body)]
        return [each.numpy() for each in deep.pooled_outputs(body, outputs)(rows)]

    def drawn():
        return deep.layers.Dense(3)(np.ones((1, 2))).numpy()

    deep.seed(1)
    expected = drawn()
    deep.seed(1)
    copies = [deep.randomized(residual, seed) for seed in (5, 5, 6)]
    np.testing.assert_array_equal(drawn(), expected)
    own, first, second, other = map(activations, [residual, *copies])
    for place, matrix in enumerate(first):
        np.testing.assert_array_equal(matrix, second[place])
        assert np.abs(matrix - own[place]).max() > 1e-3
        assert np.abs(matrix - other[place]).max() > 1e-3
