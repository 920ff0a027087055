"""The layers of a network that are worth looking at: those that compute, and sums of branches."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import numpy as np

from dlrun.deep.backend import keras

MAX_LAYERS: Final = 12
NORMALIZATIONS: Final = (
    keras.layers.BatchNormalization,
    keras.layers.LayerNormalization,
    keras.layers.GroupNormalization,
    keras.layers.RMSNormalization,
    keras.layers.Normalization,
)
# Keras has layers and operations of these names, and base classes of neither.
CONSTANT: Final = frozenset({"OnesLike", "ZerosLike"})
STACKING: Final = frozenset({"Concatenate", "Stack"})
RESHAPING: Final = frozenset({"ExpandDims", "Flatten", "GetItem", "Reshape"})
FOLLOWING: Final = STACKING | {
    "Add", "Multiply", "Subtract",
    "Activation", "AlphaDropout", "Cast", "Dropout", "ELU", "GaussianDropout", "GaussianNoise",
    "Gelu", "LeakyReLU", "LeakyRelu", "PReLU", "ReLU", "Relu", "Sigmoid", "Silu",
    "SpatialDropout1D", "SpatialDropout2D", "Tanh",
}  # fmt: skip


@dataclass(frozen=True)
class Step:
    """A call of a layer or an operation in a network."""

    operation: Any
    inputs: tuple[Any, ...]
    output: Any

    @property
    def kind(self) -> str:
        """Return the class of the operation."""
        return type(self.operation).__name__


@dataclass(frozen=True)
class ChosenLayer:
    """A layer whose output is looked at, after its normalisation, activation and sums.

    Attributes:
        step: the call of the layer.
        output: a Keras tensor.
        total: the last residual sum on the way to the output, if there is one.
    """

    step: Step
    output: Any
    total: Step | None = None

    @property
    def title(self) -> str:
        """Return the layer's class; what the head gets may come from a mere operation."""
        return self.step.kind if _computes(self.step) else "input of the head"


def choose_layers(body: Any) -> list[ChosenLayer]:
    """Return at most `MAX_LAYERS` layers of a network's body, the head's input last.

    A layer with weights is seen after what only normalises, activates, masks or joins its output.
    Of more layers than these, those within residual blocks are left out, and then as many as
    needed, evenly.
    """
    graph = _Graph(body)
    head = body.get_layer("dlrun_head").input
    found = {id(each.output): each for each in graph.chosen}
    last = found.pop(id(head), ChosenLayer(graph.steps[id(head)], head))
    layers = list(found.values())
    if len(layers) >= MAX_LAYERS:
        within = graph.within_blocks(layers)
        layers = [each for each in layers if id(each.output) not in within]
    if len(layers) >= MAX_LAYERS:
        kept = np.linspace(0, len(layers) - 1, MAX_LAYERS - 1).round().astype(int)
        layers = [layers[place] for place in kept]
    return [*layers, last]


@dataclass(frozen=True)
class _Graph:
    """The steps of a Keras model by the tensors that they make, in their order."""

    body: Any
    _above: dict[int, frozenset[int]] = field(default_factory=dict)

    @cached_property
    def steps(self) -> dict[int, Step]:
        """Return tensor id → the step that makes it."""
        return {id(step.output): step for step in _steps(self.body)}

    @cached_property
    def readers(self) -> dict[int, list[Step]]:
        """Return tensor id → the steps that read its values, and not its shape alone."""
        found: dict[int, list[Step]] = defaultdict(list)
        for step in reversed(self.steps.values()):
            is_read = found[id(step.output)] or step.kind not in RESHAPING
            if is_read and step.kind not in CONSTANT:
                for tensor in step.inputs:
                    found[id(tensor)].append(step)
        return found

    @property
    def chosen(self) -> Iterator[ChosenLayer]:
        """Yield the layers that compute, but for the head, in their order."""
        for step in self.steps.values():
            if _computes(step) and not self._is_constant(step) and not self._is_projection(step):
                yield self._followed(step)

    def within_blocks(self, layers: Sequence[ChosenLayer]) -> set[int]:
        """Return the ids of the outputs that lie between a residual sum and what it is added to."""
        found: set[int] = set()
        for each in layers:
            if each.total:
                above = [self._ancestors(tensor) for tensor in each.total.inputs]
                found |= frozenset.union(*above) - frozenset.intersection(*above)
        return found

    def _ancestors(self, tensor: Any) -> frozenset[int]:
        """Return the ids of a tensor and of all that it is computed from."""
        if id(tensor) not in self._above:
            inputs = self.steps[id(tensor)].inputs
            found = frozenset({id(tensor)}).union(*map(self._ancestors, inputs))
            self._above[id(tensor)] = found
        return self._above[id(tensor)]

    def _followed(self, step: Step) -> ChosenLayer:
        """Follow the output of a layer while only a single step reads it, which modifies it."""
        tensor, total = step.output, None
        while following := self._following(tensor):
            total = following if self._is_sum(following) else total
            tensor = following.output
        return ChosenLayer(step, tensor, total)

    def _following(self, tensor: Any) -> Step | None:
        """Return the step that modifies a tensor, or joins it to others after a new shape."""
        readers = self.readers[id(tensor)]
        if len(readers) != 1:
            return None
        if readers[0].kind in RESHAPING:
            following = self._following(readers[0].output)
            return following if following and following.kind in STACKING else None
        return readers[0] if _follows(readers[0]) else None

    def _is_sum(self, step: Step) -> bool:
        inputs = [self.steps[id(tensor)] for tensor in step.inputs]
        return step.kind == "Add" and len(inputs) > 1 and not any(map(self._is_constant, inputs))

    def _is_constant(self, step: Step) -> bool:
        """Say whether a step's output is a trained tensor, which no row has a part in."""
        if step.kind in CONSTANT:
            return True
        above = [self.steps[id(tensor)] for tensor in step.inputs]
        return bool(above) and all(map(self._is_constant, above))

    def _is_projection(self, step: Step) -> bool:
        """Say whether a layer only makes the queries, keys or values of an attention."""
        readers = self.readers[id(step.output)]
        if len(readers) != 1 or readers[0].kind != "Reshape":
            return False
        return [each.kind for each in self.readers[id(readers[0].output)]] == ["Transpose"]


def _steps(body: Any) -> Iterator[Step]:
    for operation in body.operations:
        for number, node in enumerate(operation._inbound_nodes):
            if f"{id(operation)}_ib-{number}" in body._nodes:
                for output in node.output_tensors:
                    yield Step(operation, tuple(node.input_tensors), output)


def _computes(step: Step) -> bool:
    operation = step.operation
    return (
        isinstance(operation, keras.layers.Layer)
        and bool(operation.weights)
        and not isinstance(operation, NORMALIZATIONS)
        and operation.name != "dlrun_head"
    )


def _follows(step: Step) -> bool:
    return step.kind in FOLLOWING or isinstance(step.operation, NORMALIZATIONS)
