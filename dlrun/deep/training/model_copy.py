"""Copies of a Keras model that stand in for any model of the same config but for its constants.

What an architecture has computed of the training rows, such as the mean pixel, is an array in the
graph of its model. In the copy it is a variable.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np

from dlrun.deep.backend import keras

NUMPY: Final = "__numpy__"  # Keras' class of an array in a config


def describe(model: Any) -> str:
    """Write the config that models have in common which one copy stands in for.

    It has neither constants nor seeds: random states are variables too.

    Raises:
        RuntimeError, TypeError, ValueError: Keras cannot write a part of it.
    """
    config = model.get_config()
    for layer in config["layers"]:
        layer["inbound_nodes"] = _without_values(layer["inbound_nodes"])
    return json.dumps(_without_seeds(config))


def copy_model(model: Any) -> tuple[Any, list[Any]]:
    """Build a copy with fresh weights; return it and the variables for the constants."""
    own = {type(each).__name__: type(each) for each in model.layers if is_of("dlrun", each)}
    copy = type(model).from_config(model.get_config(), custom_objects=own)
    variables: list[Any] = []

    def replace(array: Any) -> Any:
        # A layer of half precision would round it.
        variable = keras.Variable(array, trainable=False, dtype=array.dtype, autocast=False)
        variables.append(variable)
        return variable

    for arguments in _arguments(copy):
        arguments.args = _map_constants(replace, arguments.args)
        arguments.kwargs = _map_constants(replace, arguments.kwargs)
    return copy, variables


def constants(model: Any) -> list[Any]:
    """Return the constants of a model, in the order of a copy's variables."""
    found: list[Any] = []
    for arguments in _arguments(model):
        _map_constants(found.append, [arguments.args, arguments.kwargs])
    return found


def is_of(package: str, layer: Any) -> bool:
    """Say whether the class of a layer is of a package."""
    return type(layer).__module__.partition(".")[0] == package


def _arguments(model: Any) -> Iterator[Any]:
    """Yield the arguments of every call of a layer or an operation in a model."""
    for operation in model.operations:
        for number, node in enumerate(operation._inbound_nodes):
            if f"{id(operation)}_ib-{number}" in model._nodes:
                yield node.arguments


def _map_constants(change: Callable[[Any], Any], arguments: Any) -> Any:
    def map_one(argument: Any) -> Any:
        return change(argument) if _is_constant(argument) else argument

    return keras.tree.map_structure(map_one, arguments)


def _is_constant(argument: Any) -> bool:
    """Say whether an argument is such as the mean of each channel: whole numbers may be shapes.

    The edges of bins, which are a matrix, are none: TensorFlow rounds a quotient differently where
    the divisor is a constant.
    """
    return isinstance(argument, np.ndarray) and argument.ndim == 1 and argument.dtype.kind == "f"


def _without_values(config: Any) -> Any:
    if isinstance(config, dict):
        if config.get("class_name") == NUMPY:
            array = config["config"]
            is_constant = _is_constant(np.array(array["value"], array["dtype"]))
            return [array["dtype"], np.shape(array["value"])] if is_constant else array
        return {key: _without_values(each) for key, each in config.items()}
    return [*map(_without_values, config)] if isinstance(config, list | tuple) else config


def _without_seeds(config: Any) -> Any:
    if isinstance(config, dict):
        return {key: _without_seeds(each) for key, each in config.items() if key != "seed"}
    return [*map(_without_seeds, config)] if isinstance(config, list | tuple) else config
