"""What XLA can compile of a network, and the random numbers that it draws."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from typing import Any, Final

from dlrun.deep.backend import keras, tf
from dlrun.deep.training.model_copy import is_of

DIGITS: Final = {
    tf.float32: (tf.uint32, 23, 0x3F800000),
    tf.float16: (tf.uint16, 10, 0x3C00),
    tf.bfloat16: (tf.uint16, 7, 0x3F80),
}
"""Type of number → unsigned integer of its size, binary digits after the point, and 1 as bits."""
NARROW: Final = 64  # units of a GRU layer


def layers_without_kernel(body: Any) -> list[str]:
    """Return the names of the layers that XLA cannot compile, as Keras marks them.

    On a GPU they are recurrent ones, which run on cuDNN.
    """
    return [layer.name for layer in body._flatten_layers() if not layer.supports_jit]


def has_narrow_gru(body: Any) -> bool:
    """Say whether a network is recurrent by narrow GRU layers alone, which XLA suits on a CPU."""
    layers = [each for each in body._flatten_layers() if isinstance(each, keras.layers.RNN)]
    is_fast = [isinstance(each, keras.layers.GRU) and each.units <= NARROW for each in layers]
    return bool(is_fast) and all(is_fast)


def mixes_rows(body: Any) -> bool:
    """Say whether the outputs of a row, or a penalty, depend on the other rows of its batch.

    Batch normalisation does, but `normalized_by` keeps padding out of it.
    """
    return any(
        isinstance(layer, keras.layers.Lambda)
        or not is_of("keras", layer)
        or getattr(layer, "activity_regularizer", None) is not None
        for layer in body._flatten_layers()
    )


@contextmanager
def normalized_by(body: Any, n_rows: Any) -> Iterator[None]:
    """Let batch normalisation use the first rows of a batch alone, while a step is traced.

    Keras' mask of a batch normalisation is for this, but a model hands it to no inner layer.

    Args:
        body: a Keras model, which may have others within.
        n_rows: that count; None: all.
    """
    layers = [] if n_rows is None else body._flatten_layers()
    found = [each for each in layers if isinstance(each, keras.layers.BatchNormalization)]
    for layer in found:
        layer._moments = partial(_moments, layer, layer._moments, n_rows)
    try:
        yield
    finally:
        for layer in found:
            del layer._moments


def _moments(layer: Any, moments: Any, n_rows: Any, inputs: Any, mask: Any) -> Any:
    """Return mean and variance over the rows that count, where the mask is true."""
    shape = tf.shape(inputs)
    counts = tf.reshape(tf.range(shape[0]) < n_rows, [-1] + [1] * (len(inputs.shape) - 2))
    counts = tf.broadcast_to(counts, shape[:-1])
    found = moments(inputs, counts if mask is None else counts & tf.cast(mask, tf.bool))
    return [tf.reshape(each, layer.moving_mean.shape) for each in found]


@contextmanager
def same_dropout() -> Iterator[None]:
    """Let XLA drop what TensorFlow's kernels drop by the same seeds.

    The bits that both draw are the same, but each makes numbers from others of them. TensorFlow has
    no setting for it: the function that dropout calls is replaced while steps are traced, which
    changes no number elsewhere.
    """
    module: Any = import_module("tensorflow.python.ops.stateless_random_ops")
    draw = module.stateless_random_uniform
    module.stateless_random_uniform = partial(_uniform, draw)
    try:
        yield
    finally:
        module.stateless_random_uniform = draw


def _uniform(draw: Any, shape: Any, seed: Any, dtype: Any, **others: Any) -> Any:
    """Draw numbers from 0 to 1 with the lowest bits as their digits, as the kernels do."""
    limits = {"minval": None, "maxval": None, "alg": "philox"}
    if dtype not in DIGITS:
        return draw(shape=shape, seed=seed, dtype=dtype, **others)
    integer, n_digits, one = DIGITS[dtype]
    bits = tf.cast(draw(shape=shape, seed=seed, dtype=tf.uint32, **limits), integer)
    digits = tf.bitwise.bitwise_and(bits, tf.constant(2**n_digits - 1, integer))
    return tf.bitcast(tf.bitwise.bitwise_or(digits, tf.constant(one, integer)), dtype) - 1
