"""Gradients of each layer against finite differences, which a wrong backward pass cannot fool.

Every layer is checked by itself, on what it gets from the layers before: a fault is found in the
layer that has it. The network is built in double precision where its layers allow it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dlrun.contract.dataset import Dataset
from dlrun.deep.backend import keras, tf
from dlrun.deep.inputs.groups import fit_encodings, frame_reader
from dlrun.deep.network import Network
from dlrun.deep.objective import choose_objective
from dlrun.deep.random_state import seed_random_numbers
from dlrun.deep.spec import NetworkSpec
from dlrun.deep.train import build
from dlrun.deep.training.device_data import encode_table
from dlrun.errors import TrainingError

N_ROWS: Final = 6
N_TRIES: Final = 3  # directions, of which most must agree that a gradient is wrong
STEPS: Final = {"float64": (1e-7, 1e-6, 1e-5, 1e-4), "float32": (1e-3, 3e-3, 1e-2, 3e-2)}
TOLERANCES: Final = {"float64": 1e-4, "float32": 3e-2}
CLEAR: Final = 0.1  # of the tolerance, up to which two steps agree
SLIGHT: Final = 1e-3  # a derivative that counts as none, for outputs of about 1

FAILURES: Final = (TypeError, ValueError, tf.errors.InvalidArgumentError, TrainingError)

Array = NDArray[np.float64]


@dataclass(frozen=True)
class GradientFault:
    """A gradient that finite differences contradict.

    Attributes:
        layer: its name.
        of: the name of a weight, or "its input".
        gradient: the derivative along a random direction, as the layer's gradient gives it.
        difference: the same by central differences.
    """

    layer: str
    of: str
    gradient: float
    difference: float

    def __str__(self) -> str:
        return (
            f"layer {self.layer}: by {self.of} its gradient gives {self.gradient:.6g}, finite "
            f"differences give {self.difference:.6g}. Its backward pass (tf.custom_gradient, "
            "stop_gradient, a rounding) does not belong to its forward pass: correct it, or leave "
            "it to TensorFlow"
        )


@dataclass
class GradientCheck:
    """What was checked of a network.

    Attributes:
        dtype: in which it was built.
        n_checked: weights and inputs of layers.
        unclear: those near a kink or too noisy to be told, as "layer: weight".
        largest: relative difference of those that agree, in double precision.
    """

    dtype: str
    n_checked: int = 0
    unclear: list[str] = field(default_factory=list)
    largest: float = 0.0
    faults: list[GradientFault] = field(default_factory=list)


def check_gradients(spec: NetworkSpec, dataset: Dataset, seed: int = 0) -> GradientCheck:
    """Check the gradients of every layer by its weights and by its inputs, before any training.

    They are compared along random directions, at points beside those that the rows give, so that
    no relu stands at its kink; two step sizes must agree before a difference counts. What is drawn
    at random in training is switched off. Where a layer means another gradient, such as a
    straight-through estimator does, it is a fault all the same.

    Raises:
        TrainingError: the network cannot be built on these columns.
    """
    encodings = fit_encodings(dataset.columns, dataset.frame, spec.preprocessing)
    objective = choose_objective(spec.training, dataset.target, dataset.y)
    rows = dataset.take(np.linspace(0, len(dataset) - 1, N_ROWS).astype(np.int64))

    def check(dtype: str) -> GradientCheck:
        seed_random_numbers(seed)
        network = build(spec, dataset.columns, encodings, objective, dtype)
        reader = frame_reader(dataset.columns, network.reader)
        inputs = encode_table(rows, reader, network, objective).inputs
        return _check(network, inputs, GradientCheck(dtype), np.random.default_rng(seed))

    try:
        return check("float64")
    except FAILURES:
        return check("float32")  # a layer of the user's own has numbers of this precision


def _check(network: Network, inputs: Any, found: GradientCheck, rng: Any) -> GradientCheck:
    body = network.body
    nodes = [node for operation in body.operations if (node := _first_node(body, operation))]
    tensors = [tensor for node in nodes for tensor in node.outputs]
    values = keras.Model(body.input, tensors, name="dlrun_tensors")(inputs, training=False)
    known = {
        id(tensor): value for tensor, value in zip(tensors, tf.nest.flatten(values), strict=True)
    }
    for node in nodes:
        name = node.operation.name
        if not node.is_input and type(node.operation).__name__ != "StopGradient":
            for place in LayerCall(node, known, found.dtype, rng).places():
                _compare(name, place, found, rng)
    return found


def _first_node(body: Any, operation: Any) -> Any:
    """Return the first call of an operation in a model."""
    calls = enumerate(operation._inbound_nodes)
    return next((node for n, node in calls if f"{id(operation)}_ib-{n}" in body._nodes), None)


@dataclass(frozen=True)
class Place:
    """Something that a layer is differentiated by.

    Attributes:
        name: of a weight, or "its input".
        at: where.
        dtype: the coarsest one of the layer's numbers.
        gradient: there, of a random sum of the layer's outputs.
        value: the sum, anywhere.
    """

    name: str
    at: Array
    dtype: str
    gradient: Array
    value: Callable[[Array], float]


class LayerCall:
    """One call of a layer, at a point beside that of the rows; its weights are moved for good."""

    def __init__(self, node: Any, values: dict[int, Any], dtype: str, rng: Any) -> None:
        self._node = node
        tensors = {id(tensor): values[id(tensor)] for tensor in node.input_tensors}
        given = {key: _moved(value, rng) for key, value in tensors.items()}
        self._weights = list(getattr(node.operation, "trainable_weights", ()))
        for weight in self._weights:
            weight.assign(_moved(weight.value, rng))
        self._inputs = {key: _cast(value, dtype) for key, value in given.items()}
        try:
            outputs = self._outputs(self._inputs)
        except FAILURES:  # it takes single precision alone
            self._inputs = given
            outputs = self._outputs(given)
        self._factors = [rng.normal(size=output.shape) for output in outputs]
        floats = [each for each in self._inputs.values() if each.dtype.is_floating]
        numbers = [*outputs, *floats, *(weight.value for weight in self._weights)]
        is_fine = all(each.dtype == tf.float64 for each in numbers)
        self._dtype = "float64" if is_fine else "float32"

    def places(self) -> Iterator[Place]:
        """Yield what the layer is differentiated by; nothing where its output is of integers."""
        if not self._factors:
            return
        floats = [key for key, value in self._inputs.items() if value.dtype.is_floating]
        with tf.GradientTape() as tape:
            tape.watch([self._inputs[key] for key in floats])
            total = self._sum(self._inputs)
        variables = [weight.value for weight in self._weights]
        sources = [*(self._inputs[key] for key in floats), *variables]
        gradients = tape.gradient(total, sources, unconnected_gradients="zero")
        arrays = [np.asarray(tf.convert_to_tensor(each), np.float64) for each in gradients]
        for key, gradient in zip(floats, arrays, strict=False):
            at = np.asarray(self._inputs[key], np.float64)
            yield Place("its input", at, self._dtype, gradient, partial(self._at, key))
        for weight, gradient in zip(self._weights, arrays[len(floats) :], strict=True):
            at = np.asarray(weight.value, np.float64)
            yield Place(
                weight.name,
                at,
                self._dtype,
                gradient,
                partial(self._with, weight),
            )

    def _at(self, key: int, array: Array) -> float:
        changed = tf.constant(array, self._inputs[key].dtype)
        return float(self._sum({**self._inputs, key: changed}))

    def _with(self, weight: Any, array: Array) -> float:
        before = tf.identity(weight.value)
        weight.assign(array)
        total = float(self._sum(self._inputs))
        weight.assign(before)
        return total

    def _sum(self, inputs: dict[int, Any]) -> Any:
        pairs = zip(self._outputs(inputs), self._factors, strict=True)
        return tf.add_n([tf.reduce_sum(tf.cast(each, tf.float64) * by) for each, by in pairs])

    def _outputs(self, inputs: dict[int, Any]) -> Sequence[Any]:
        arguments, named = self._node.arguments.fill_in(inputs)
        outputs = tf.nest.flatten(self._node.operation(*arguments, **named))
        return [each for each in outputs if each.dtype.is_floating]


def _moved(value: Any, rng: Any) -> Any:
    """Move numbers a little at random; zeros to positive numbers, others keep their sign."""
    if not value.dtype.is_floating:
        return value
    array = np.asarray(value, np.float64)
    noise = rng.normal(size=array.shape)
    usual = float(np.sqrt((array**2).mean())) if array.any() else 0.1
    moved = np.where(array == 0, usual * (0.5 + abs(noise)), array * (1 + 0.05 * noise))
    return tf.constant(moved, value.dtype)


def _cast(value: Any, dtype: str) -> Any:
    return tf.cast(value, dtype) if value.dtype.is_floating else value


def _compare(layer: str, place: Place, found: GradientCheck, rng: Any) -> None:
    """Compare along random directions until one agrees, or most do not."""
    wrong: list[GradientFault] = []
    n_clear = 0
    for _ in range(N_TRIES):
        direction = rng.normal(size=place.at.shape)
        measured = _difference(place, direction)
        if measured is None:
            continue
        n_clear += 1
        difference, gradient, apart = measured
        if apart <= TOLERANCES[place.dtype]:
            if place.dtype == "float64":
                found.largest = max(found.largest, apart)
            break
        wrong.append(GradientFault(layer, place.name, gradient, difference))
    found.n_checked += n_clear > 0
    if not n_clear:
        found.unclear.append(f"{layer}: {place.name}")
    elif len(wrong) > 1 or (wrong and n_clear == 1):
        found.faults.append(wrong[0])


def _difference(place: Place, direction: Array) -> tuple[float, float, float] | None:
    """Return the derivative by central differences and by the gradient, and how far apart they are.

    They are over the same distance, which the digits of the type allow, and apart in relation to
    the size of the parts that the derivative is the sum of.

    Returns:
        None where no two steps that follow each other agree: at a kink, or in noise.
    """
    before = None
    for step in STEPS[place.dtype]:
        high, low = (
            (place.at + sign * step * direction).astype(place.dtype).astype(np.float64)
            for sign in (1, -1)
        )
        difference = (place.value(high) - place.value(low)) / (2 * step)
        parts = place.gradient * (high - low) / (2 * step)
        gradient = float(parts.sum())
        size = max(abs(difference), float(np.linalg.norm(parts)), SLIGHT)
        if (
            before is not None
            and abs(difference - before) <= CLEAR * TOLERANCES[place.dtype] * size
        ):
            return difference, gradient, abs(gradient - difference) / size
        before = difference
    return None
