"""Every call of an operation while a Keras model computes, with what went in and came out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from inspect import signature
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlrun.deep.backend import keras


@dataclass(frozen=True)
class RecordedCall:
    """One call of an operation.

    Attributes:
        operation: a layer, or one of `keras.ops`.
        within: names of the networks within the network that it is part of.
        inputs: tensors, the first of its arguments.
        output: a tensor; the first where there are several.
    """

    operation: Any
    within: tuple[str, ...]
    inputs: tuple[Any, ...]
    output: Any

    @property
    def kind(self) -> str:
        """Return the class of the operation."""
        return type(self.operation).__name__

    @property
    def is_layer(self) -> bool:
        """Return whether it is a layer."""
        return isinstance(self.operation, keras.Layer)


def record_calls(
    model: Any, inputs: Any, calls: list[RecordedCall], within: tuple[str, ...] = ()
) -> Any:
    """Run a functional model eagerly, without training, and return its outputs.

    One row takes milliseconds this way; to compile the model first takes seconds.

    Args:
        model: whose operations are recorded, those of models within it as well.
        inputs: as the model takes them.
        calls: each call is appended.
        within: names of the models that it is within.
    """

    def observed(operation: Any) -> Any:
        def call(*args: Any, **kwargs: Any) -> Any:
            if isinstance(operation, keras.Model) and hasattr(operation, "_run_through_graph"):
                return record_calls(operation, args[0], calls, (*within, operation.name))
            if isinstance(operation, keras.Layer) and _knows_training(operation):
                kwargs["training"] = False
            output = operation(*args, **kwargs)
            tensors = tuple(keras.tree.flatten(args))
            calls.append(RecordedCall(operation, within, tensors, keras.tree.flatten(output)[0]))
            return output

        return call

    # Keras has no public way to see what goes into each layer.
    return model._run_through_graph(model._standardize_inputs(inputs), observed)


def _knows_training(layer: Any) -> bool:
    return "training" in signature(layer.call).parameters


def numbers(tensor: Any) -> NDArray[np.float64]:
    """Return a tensor in float64, also one of half precision."""
    found: NDArray[np.float64] = np.asarray(keras.ops.convert_to_numpy(tensor), dtype=np.float64)
    return found


def find_call(calls: Iterable[RecordedCall], name: str) -> RecordedCall:
    """Return the call of the layer of a name."""
    return next(call for call in calls if call.operation.name == name)
