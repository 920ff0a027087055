"""A list of Keras layers in a recipe, checked without TensorFlow."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from dlrun.catalog.keras_api import Signature, activations, layers, signature
from dlrun.system.text import suggest

IMPORTING: Final = ("module", "registered_name")
"""Keys of a serialised object by which Keras looks for a class outside of itself."""


def parse_layer(layer: object) -> tuple[str, dict[str, object]]:
    """Part an item of a list of layers into the layer's name and its arguments by name.

    `Flatten`, `Dense: 64` (one plain value is the first argument) and `Dense: {units: 64}` are
    the forms.

    Raises:
        ValueError: the item has another form.
    """
    if isinstance(layer, str):
        return layer, {}
    if not isinstance(layer, Mapping) or len(layer) != 1:
        message = (
            f"{layer!r} is not a layer. Write its name, or one mapping of its name to its "
            "arguments, such as `Dense: {units: 64}`"
        )
        raise ValueError(message)
    ((name, value),) = layer.items()
    if value is None:
        return str(name), {}
    if isinstance(value, Mapping):
        return str(name), {str(key): argument for key, argument in value.items()}
    known = _signature(str(name))
    first = known.arguments[:1] if known else ()
    if known and not first:
        message = f"{name} takes no arguments, but was given {value!r}. Write `{name}` alone"
        raise ValueError(message)
    return str(name), dict.fromkeys(first, value)


def check_layers(listed: list[object]) -> None:
    """Check the names and the argument names of a list of layers, counted from 1.

    Raises:
        ValueError: some are wrong; one line for each fault.
    """
    faults = [
        f"layer {number}: {fault}"
        for number, layer in enumerate(listed, start=1)
        for fault in _faults(layer)
    ]
    if faults:
        raise ValueError("\n".join(faults))


def _faults(layer: object) -> Iterator[str]:
    try:
        name, arguments = parse_layer(layer)
    except ValueError as error:
        yield str(error)
        return
    known = _signature(name)
    if known is None:
        allowed = "the classes of keras.layers that turn one tensor into one"
        yield f"{name} is not a layer. {suggest(name, layers(), allowed)}"
        return
    yield from (f"{name} needs {each}" for each in known.required if each not in arguments)
    for argument, value in arguments.items():
        yield from _argument_faults(name, known, argument, value)


def _argument_faults(name: str, known: Signature, argument: str, value: object) -> Iterator[str]:
    if argument not in known.arguments:
        yield f"{argument} is not an argument of {name}. {suggest(argument, known.arguments)}"
    elif argument == "layer":
        yield from (f"{name}: {fault}" for fault in _faults(value))
    elif _names_code(value):
        yield (
            f"{name}: {argument} names a module, which Keras would import. Write the name of a "
            "class of Keras, or {class_name: …, config: {…}}"
        )
    elif argument.endswith("activation") and isinstance(value, str) and value not in activations():
        yield f"{name}: {value!r} is not a Keras activation. {suggest(value, activations())}"


def _names_code(value: object) -> bool:
    """Say whether a value has Keras import a module, at any depth."""
    if isinstance(value, Mapping):
        return not value.keys().isdisjoint(IMPORTING) or any(map(_names_code, value.values()))
    return isinstance(value, list) and any(map(_names_code, value))


def _signature(name: str) -> Signature | None:
    return signature("layers", name) if name in layers() else None
