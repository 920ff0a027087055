"""The health of each layer, measured at the end of every epoch on a few training rows.

It is measured beside the compiled steps, as in training, with dropout and the statistics of the
batch: what that changes, random states and moving averages, is put back.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import numpy as np

from dlrun.contract.dataset import Dataset
from dlrun.contract.health import LayerHealth
from dlrun.deep.backend import keras, tf
from dlrun.deep.network import Network, has_backbone
from dlrun.deep.objective import MATRIX, Objective
from dlrun.deep.training.device_data import PRETRAINED_ROWS, DeviceDataset
from dlrun.deep.training.programs import Program
from dlrun.system.cost import startup

N_ROWS: Final = 128
TINY: Final = 1e-30
FLAT: Final = 0.05  # of the steepest slope, below which an activation is saturated
RECTIFIERS: Final = ("relu", "relu6")
SLOPES: Final[dict[str, Callable[[Any], Any]]] = {
    "sigmoid": lambda value: 4 * value * (1 - value),
    "tanh": lambda value: 1 - value**2,
}
"""Activation → the slope at an output, as a share of the steepest."""


def some_rows(dataset: Dataset, network: Network) -> Dataset:
    """Return the rows that are watched, evenly spaced: fewer where a backbone needs the memory."""
    most = PRETRAINED_ROWS if has_backbone(network.body) else N_ROWS
    n_rows = min(most, len(dataset))
    return dataset.take(np.linspace(0, len(dataset) - 1, n_rows).astype(np.int64))


def make_watch(program: Program, objective: Objective, rows: DeviceDataset) -> LayerWatch:
    """Watch the network that a program trains, on some of its training rows."""
    return LayerWatch(program.network, objective, program.optimizer, rows)


@dataclass
class LayerWatch:
    """Watches the layers of a network that is trained on one device.

    Attributes:
        network: that is trained.
        optimizer: scales the loss where the precision needs it.
        rows: the training rows that are watched.
    """

    network: Network
    objective: Objective
    optimizer: Any
    rows: DeviceDataset
    _before: list[Any] = field(default_factory=list)

    def keep_weights(self) -> None:
        """Copy the weights before the last step of an epoch."""
        self._before = [tf.identity(weight.value) for weight in self._weights]

    def measure(self) -> tuple[LayerHealth, ...]:
        """Measure every layer that has weights or an activation, from the input side.

        It counts as start-up: it takes the same for any number of rows, and trains nothing.
        """
        with startup():
            state = [(each, tf.identity(each.value)) for each in self._changing]
            before = self._before or [weight.value for weight in self._weights]
            found = self._compiled(self.rows.inputs, self.rows.y, before)
            for variable, value in state:
                variable.assign(value)
            return tuple(self._layers(*(tf.nest.map_structure(_number, each) for each in found)))

    def _layers(self, norms: Any, dead: Any, saturated: Any) -> Iterator[LayerHealth]:
        is_updated, self._before = bool(self._before), []
        for name in self._names:
            gradient, weight, ratio = norms.get(name, (None, None, None))
            ratio = ratio if is_updated else None
            yield LayerHealth(name, gradient, weight, ratio, dead.get(name), saturated.get(name))

    @cached_property
    def _weights(self) -> list[Any]:
        return self.network.trained()

    @cached_property
    def _changing(self) -> list[Any]:
        """Return what a pass through the network in training changes beside its weights."""
        trained = {*map(id, self._weights)}
        return [each for each in self.network.changing if id(each) not in trained]

    @cached_property
    def _places(self) -> dict[str, list[int]]:
        """Return the places of each layer's weights; a backbone has one entry for each block."""
        place = {id(weight): number for number, weight in enumerate(self._weights)}
        block = {
            id(weight): f" block {number}"
            for number, weights in enumerate(self.network.blocks, start=1)
            for weight in weights
        }
        places: dict[str, list[int]] = {}
        for operation in self.network.body.operations:
            for weight in getattr(operation, "trainable_weights", ()):
                name = _name(operation) + block.get(id(weight), "")
                places.setdefault(name, []).append(place[id(weight)])
        return places

    @cached_property
    def _activations(self) -> dict[str, tuple[str, Any]]:
        """Return layer → its activation and output, of the activations that are looked at.

        Those within a backbone or within a layer of the user's own are not seen.
        """
        body = self.network.body
        return {
            _name(operation): (kind, _output(body, operation))
            for operation in body.operations
            if (kind := _activation(operation)) in (*RECTIFIERS, *SLOPES)
        }

    @cached_property
    def _names(self) -> list[str]:
        """Return the names of all entries, from the input side."""
        names: dict[str, None] = {}
        for operation in self.network.body.operations:
            own = _name(operation)
            found = [each for each in self._places if each.partition(" block ")[0] == own]
            names |= dict.fromkeys(found or ([own] if own in self._activations else []))
        return [*names]

    @cached_property
    def _compiled(self) -> Callable[..., Any]:
        body = self.network.body
        outputs = {name: output for name, (_, output) in self._activations.items()}
        watched = keras.Model(body.input, (body.output, outputs), name="dlrun_watched")

        def measure(inputs: Any, y: Any, before: Sequence[Any]) -> Any:
            with tf.GradientTape() as tape:
                predicted, values = watched(inputs, training=True)
                loss = tf.reduce_mean(self.objective.losses(y, predicted))
                loss = self.optimizer.scale_loss(tf.add_n([loss, *watched.losses]))
            gradients = tape.gradient(loss, self._weights, unconnected_gradients="zero")
            return self._norms(gradients, before), *self._shares(values)

        return tf.function(measure, autograph=False)  # type: ignore[no-any-return]

    def _norms(self, gradients: Sequence[Any], before: Sequence[Any]) -> dict[str, Any]:
        """Return layer → the norms of gradient and weights, and their last change as a ratio."""
        scale = self.optimizer.scale_loss(1.0)
        after = [weight.value for weight in self._weights]

        def norms(places: Sequence[int]) -> Any:
            gradient = _norm([gradients[place] for place in places]) / scale
            change = _norm([after[place] - before[place] for place in places])
            old = _norm([before[place] for place in places])
            return gradient, _norm([after[place] for place in places]), change / (old + TINY)

        return {name: norms(places) for name, places in self._places.items()}

    def _shares(self, values: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return layer → share of dead units, and layer → share of saturated values."""
        dead, saturated = {}, {}
        is_ensemble = len(self.network.body.output.shape) > MATRIX
        for name, (kind, _) in self._activations.items():
            value = tf.cast(values[name], tf.float32)
            if kind in RECTIFIERS:
                # Of maps and steps a unit is a channel; an ensemble has its own in each member.
                n_axes = 1 if is_ensemble and len(value.shape) == MATRIX + 1 else -1
                axes = [*range(len(value.shape))][:n_axes]
                is_dead = tf.reduce_all(value == 0, axis=axes)
                dead[name] = tf.reduce_mean(tf.cast(is_dead, tf.float32))
            else:
                is_flat = SLOPES[kind](value) < FLAT
                saturated[name] = tf.reduce_mean(tf.cast(is_flat, tf.float32))
        return dead, saturated


def _name(operation: Any) -> str:
    return str(operation.name).removeprefix("dlrun_")


def _activation(operation: Any) -> str:
    """Return the name of the activation that an operation ends with; empty: none."""
    if isinstance(operation, keras.layers.RNN | keras.layers.Wrapper):
        return ""  # a recurrent layer's output is not that of its activation
    if isinstance(operation, keras.layers.ReLU):
        is_plain = not operation.negative_slope and not operation.threshold
        return "relu" if is_plain else ""
    if not isinstance(operation, keras.layers.Layer):
        return type(operation).__name__.lower()  # of keras.ops
    return str(getattr(getattr(operation, "activation", None), "__name__", ""))


def _output(body: Any, operation: Any) -> Any:
    """Return the tensor of an operation's first call in a model."""
    for number, node in enumerate(operation._inbound_nodes):
        if f"{id(operation)}_ib-{number}" in body._nodes:
            return node.output_tensors[0]
    message = f"{operation.name} is not called in {body.name}"
    raise LookupError(message)


def _norm(tensors: Sequence[Any]) -> Any:
    return tf.linalg.global_norm([tf.cast(tensor, tf.float32) for tensor in tensors])


def _number(tensor: Any) -> float:
    return float(tensor)
