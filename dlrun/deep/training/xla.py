"""What XLA can compile of a network, and the random numbers that it draws."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from typing import Any, Final

from dlrun.deep.backend import keras, tf

DIGITS: Final = {
    tf.float32: (tf.uint32, 23, 0x3F800000),
    tf.float16: (tf.uint16, 10, 0x3C00),
    tf.bfloat16: (tf.uint16, 7, 0x3F80),
}
"""Type of number → unsigned integer of its size, binary digits after the point, and 1 as bits."""


def layers_without_kernel(body: Any) -> list[str]:
    """Return the names of the layers that XLA cannot compile, as Keras marks them.

    On a GPU they are recurrent ones, which run on cuDNN.
    """
    return [layer.name for layer in body._flatten_layers() if not layer.supports_jit]


def mixes_rows(body: Any) -> bool:
    """Say whether the outputs of a row, or a penalty, depend on the other rows of its batch."""
    return any(
        isinstance(layer, keras.layers.BatchNormalization | keras.layers.Lambda)
        or not type(layer).__module__.startswith("keras.")
        or getattr(layer, "activity_regularizer", None) is not None
        for layer in body._flatten_layers()
    )


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
