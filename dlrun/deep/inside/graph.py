"""A Keras model computed one operation after the other, so that tensors within it can change."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from dlrun.deep.backend import keras, tf

Call = Callable[[Any, Any, Any], Any]
"""Operation, its arguments and its keyword arguments → its output."""

UNKNOWN: Final = object()
"""A tensor that is not computed, nor anything that depends on it."""


def apply(operation: Any, args: Any, kwargs: Any) -> Any:
    """Compute an operation."""
    return operation(*args, **kwargs)


def evaluate(model: Any, inputs: Any, call: Call = apply) -> Any:
    """Compute a model as in inference, without compiling it; models within it are entered.

    Args:
        model: a functional Keras model.
        inputs: tensors, or UNKNOWN, in the model's structure.
        call: computes each operation, in an order that depends on the model alone.
    """

    def enter(operation: Any, *args: Any, **kwargs: Any) -> Any:
        if hasattr(operation, "_run_through_graph"):
            return evaluate(operation, args[0], call)
        return call(operation, args, kwargs)

    return model._run_through_graph(keras.tree.flatten(inputs), call_fn=enter)


def apply_to_known(operation: Any, args: Any, kwargs: Any) -> Any:
    """Compute an operation if all of its tensors are known."""
    if any(each is UNKNOWN for each in keras.tree.flatten((args, kwargs))):
        return unknown_output(operation)
    return operation(*args, **kwargs)


def unknown_output(operation: Any) -> list[Any]:
    """Return UNKNOWN for each output of an operation."""
    return [UNKNOWN] * len(keras.tree.flatten(operation.output))


def enters_numbers(args: Any, kwargs: Any, output: Any) -> bool:
    """Say whether an operation makes numbers of codes, bytes or truth values alone.

    There gradients end, and begins what can be moved in small steps.
    """
    tensors = [each for each in keras.tree.flatten((args, kwargs)) if tf.is_tensor(each)]
    return (
        tf.is_tensor(output)
        and output.dtype.is_floating
        and not any(each.dtype.is_floating for each in tensors)
    )
