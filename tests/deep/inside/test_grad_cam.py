"""Grad-CAM of a small network of convolutions, against the same by Keras' own means."""

from __future__ import annotations

import numpy as np
import pytest
from modalities import MODALITIES

from dlrun.data.reference import make_reference

pytestmark = pytest.mark.tf


@pytest.fixture(scope="module")
def run(trained):
    return trained(
        MODALITIES["image"]("classification"), model={"architecture": "cnn", "filters": [4]}
    )


def test_it_is_the_mean_gradient_times_the_map_behind_the_last_convolution(run):
    from dlrun.deep.backend import keras, tf

    fitted, rows, reference = run.fitted, run.test.frame[:2], make_reference(run.train)
    assert fitted.attribution_methods == ("integrated_gradients", "grad_cam")
    found = fitted.explain(rows, np.array([1, 2]), reference, "grad_cam")
    body = fitted.model.get_layer("dlrun_body")
    (name,) = (layer.name for layer in body.layers if layer.name.startswith("activation"))
    both = keras.Model(body.input, [body.get_layer(name).output, body.output])
    with tf.GradientTape() as tape:
        activated, logits = both({"image": np.stack(list(rows["photo"]))})
        chosen = logits[0, 1] + logits[1, 2]
    channels = tf.reduce_mean(tape.gradient(chosen, activated), axis=(1, 2), keepdims=True)
    expected = tf.nn.relu(tf.reduce_sum(channels * activated, axis=-1)).numpy()
    assert expected.shape == (2, 12, 10)
    assert expected.max() > 0
    for each, heat, value in zip(found, expected, (logits[0, 1], logits[1, 2]), strict=True):
        ((weights, column),) = ((one.weights, one.column) for one in each.columns)
        assert (column, each.unit, each.method) == ("photo", "logit", "grad_cam")
        np.testing.assert_allclose(weights, heat, rtol=1e-4, atol=1e-6)
        assert each.value == pytest.approx(float(value), rel=1e-5)
        assert np.isnan(each.residual)
