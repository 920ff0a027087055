"""What the units of a trained network do over rows, and what of a row moves them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dlrun.deep.backend import keras, tf

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Encoded = Mapping[str, Any]

ENTRY_AXES: Final = {"image": 4, "audio": 3, "series": 3, "text": 3, "number": 2}


@dataclass(frozen=True)
class LayerActivity:
    """What the units of a layer do over some rows.

    Attributes:
        peaks: (rows, units) float32, the largest activation over the places of a row.
        active: (units,) the share of all places at which the activation is positive.
    """

    peaks: NDArray[np.float32]
    active: NDArray[np.float64]


def measure_activity(
    body: Any, tensors: Sequence[Any], pieces: Iterable[Encoded]
) -> list[LayerActivity]:
    """Run rows through a network once, and return what the units of some layers do.

    Args:
        body: encoded groups → outputs.
        tensors: of the layers, (rows, …, units).
        pieces: the encoded rows, some at a time.
    """
    model = keras.Model(body.input, [*tensors])

    def summarize(encoded: Encoded) -> list[tuple[Any, Any]]:
        # Keras returns the only one of a list without it.
        return [_summarize(each) for each in tf.nest.flatten(model(encoded, training=False))]

    run = tf.function(summarize, reduce_retracing=True)
    measured = [[(peak.numpy(), share.numpy()) for peak, share in run(each)] for each in pieces]
    return [
        LayerActivity(
            np.concatenate([peak for peak, _ in parts]),
            np.concatenate([share for _, share in parts]).mean(axis=0, dtype=np.float64),
        )
        for parts in zip(*measured, strict=True)
    ]


def _summarize(values: Any) -> tuple[Any, Any]:
    """Return the largest activation of each unit in each row, and where it is positive."""
    places = _places(values)
    is_active = tf.cast(places > 0, tf.float32)
    return tf.cast(tf.reduce_max(places, axis=1), tf.float32), tf.reduce_mean(is_active, axis=1)


def _places(values: Any) -> Any:
    """Lay out a layer's places, (rows, places, units)."""
    return tf.reshape(values, (tf.shape(values)[0], -1, values.shape[-1]))


@dataclass(frozen=True)
class UnitTracer:
    """Finds what of a row moves a unit, by the gradient of its largest activation in the row.

    Attributes:
        body: encoded groups → outputs.
        tensor: of the layer, (rows, …, units).
        kinds: group → the kind of its columns.
    """

    body: Any
    tensor: Any
    kinds: Mapping[str, str]

    def trace(self, encoded: Encoded, unit: int) -> dict[str, NDArray[np.float32]]:
        """Return gradients by what the network gets, of each group that the layer sees.

        Returns:
            Signed for numbers, (rows, columns); of the other kinds the size at each place of a
            row: (rows, height, width) of an image, (rows, frames, bands) of a sound, (rows, steps,
            channels) of a series, (rows, tokens) of a text. Without places, (rows, 0), where a
            group enters as a vector.
        """
        gradients = self._trace(encoded, tf.constant(unit))
        return {name: self._size(name, each.numpy()) for name, each in gradients.items()}

    def _size(self, name: str, gradient: NDArray[np.float32]) -> NDArray[np.float32]:
        kind = self.kinds[name]
        if gradient.ndim != ENTRY_AXES.get(kind):
            return gradient.reshape(len(gradient), -1)[:, :0]
        if kind == "number":
            return gradient
        sizes = np.abs(gradient)
        if kind in ("audio", "series"):
            return sizes[..., : count_channels(self.body, name)]
        total: NDArray[np.float32] = sizes.sum(axis=-1)
        return total

    @cached_property
    def _trace(self) -> Any:
        entries = entries_of(self.body)
        model = keras.Model(self.body.input, (entries, self.tensor))

        def trace(encoded: Encoded, unit: Any) -> dict[str, Any]:
            found, values = model(encoded, training=False)
            places = _places(values)[:, :, unit]
            peaks = tf.gather(places, tf.argmax(places, axis=1), axis=1, batch_dims=1)
            gradients = tf.gradients(peaks, [*found.values()])
            return {
                name: tf.cast(tf.convert_to_tensor(gradient), tf.float32)
                for name, gradient in zip(found, gradients, strict=True)
                if gradient is not None
            }

        return tf.function(trace, reduce_retracing=True)


def entries_of(body: Any) -> dict[str, Any]:
    """Return for each group the first floating-point tensor: codes and bytes have no slope."""
    return {
        name: tensor if "float" in tensor.dtype else next(_made_of(body, tensor), tensor)
        for name, tensor in body.input.items()
    }


def _made_of(body: Any, tensor: Any) -> Iterator[Any]:
    """Yield the floating-point tensors that layers make of a tensor directly."""
    for node in _uses(body, tensor):
        yield from (made for made in node.output_tensors if "float" in made.dtype)


def _uses(body: Any, tensor: Any) -> Iterator[Any]:
    for operation in body.operations:
        for node in operation._inbound_nodes:
            if any(each is tensor for each in node.input_tensors):
                yield node


def count_channels(body: Any, name: str) -> int:
    """Count the channels of an encoded group but for the one that says what is padding."""
    uses = _uses(body, body.input[name])
    is_masked = any(isinstance(node.operation, keras.layers.Masking) for node in uses)
    return int(body.input[name].shape[-1]) - is_masked
