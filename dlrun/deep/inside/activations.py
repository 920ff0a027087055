"""The activations of all chosen layers at once, pooled to vectors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import prod
from typing import Any, Final

from dlrun.deep.backend import keras, tf
from dlrun.deep.objective import MATRIX

SMALL: Final = 256  # numbers of a row up to which they are laid out
TOKENS: Final = "text"  # how groups of codes begin whose 0 is padding


def pooled_outputs(body: Any, outputs: Sequence[Any]) -> Callable[[Mapping[str, Any]], list[Any]]:
    """Return a function from encoded groups to the pooled activations of several tensors.

    Args:
        body: a Keras model of encoded groups.
        outputs: Keras tensors within it.
    """
    model = keras.Model(body.input, dict(enumerate(outputs)))

    def compute(encoded: Mapping[str, Any]) -> list[Any]:
        is_step = _steps(encoded)
        found = model(encoded, training=False)
        return [pool(found[place], is_step) for place in found]

    return compute


def pool(tensor: Any, is_step: Any = None) -> Any:
    """Return a vector of each row, (rows, width) float32.

    Small tensors are laid out. Of others the mean and the largest value of each channel, over all
    places that are no padding: zero in all channels, or no step of the text.

    Args:
        tensor: (rows, …, channels).
        is_step: (rows, steps) bool of the only text; None where there is none.
    """
    values = tf.cast(tensor, tf.float32)
    if len(values.shape) == MATRIX:
        return values
    width = prod(values.shape[1:]) if None not in values.shape[1:] else SMALL + 1
    if width <= SMALL:
        return tf.reshape(values, (-1, width))
    counts = tf.reduce_any(values != 0, axis=-1, keepdims=True)
    if is_step is not None and values.shape[1:-1] == is_step.shape[1:]:
        counts &= is_step[:, :, None]
    places = list(range(1, len(values.shape) - 1))
    n_places = tf.reduce_sum(tf.cast(counts, tf.float32), places)
    total = tf.reduce_sum(tf.where(counts, values, 0.0), places)
    largest = tf.reduce_max(tf.where(counts, values, values.dtype.min), places)
    largest = tf.where(n_places > 0, largest, 0.0)
    return tf.concat([total / tf.maximum(n_places, 1.0), largest], axis=1)


def _steps(encoded: Mapping[str, Any]) -> Any:
    """Return where the only text has tokens, (rows, tokens) bool; None without one, or several."""
    texts = [codes for name, codes in encoded.items() if name.startswith(TOKENS)]
    is_text = len(texts) == 1 and texts[0].dtype.is_integer
    return texts[0] != 0 if is_text else None
