"""What is read from Keras' source is what the imported Keras has."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

from dlrun.catalog.keras_api import (
    OTHER_LAYERS,
    OTHER_OPTIMIZERS,
    SET_ELSEWHERE,
    Signature,
    activations,
    layers,
    optimizers,
    signature,
)


def _real(constructor):
    kept = [
        parameter
        for parameter in inspect.signature(constructor).parameters.values()
        if parameter.name not in SET_ELSEWHERE and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
    ]
    required = [parameter.name for parameter in kept if parameter.default is parameter.empty]
    return Signature(tuple(parameter.name for parameter in kept), tuple(required))


@pytest.mark.tf
def test_layers_and_their_arguments_are_those_of_the_imported_keras():
    from dlrun.deep.backend import keras

    for name in layers():
        assert signature("layers", name) == _real(getattr(keras.layers, name).__init__), name
    classes = {
        name
        for name, layer in vars(keras.layers).items()
        if inspect.isclass(layer) and issubclass(layer, keras.layers.Layer)
    }
    # Left out: merging, attention, and wrappers of other frameworks' code.
    merging = "Add Average Concatenate Dot Maximum Minimum Multiply Subtract"
    attention = "AdditiveAttention Attention GroupQueryAttention MultiHeadAttention"
    foreign = "FlaxLayer JaxLayer TFSMLayer TorchModuleWrapper"
    assert {*layers()} < classes
    left_out = classes - {*layers()} - OTHER_LAYERS
    assert left_out == set(f"{merging} {attention} {foreign}".split())


@pytest.mark.tf
def test_optimizers_and_their_arguments_are_those_of_the_imported_keras():
    from dlrun.deep.backend import keras

    for name in optimizers().values():
        optimizer = getattr(keras.optimizers, name)
        assert signature("optimizers", name) == _real(optimizer.__init__), name
    classes = {name for name, value in vars(keras.optimizers).items() if inspect.isclass(value)}
    assert classes - OTHER_OPTIMIZERS == {*optimizers().values()}


@pytest.mark.tf
def test_activations_are_those_that_the_imported_keras_knows():
    from dlrun.deep.backend import keras

    functions = {name for name, value in vars(keras.activations).items() if callable(value)}
    assert functions - {"deserialize", "get", "serialize"} == {*activations()}
    assert all(callable(keras.activations.get(name)) for name in activations())


def test_keras_is_read_without_an_import():
    code = (
        "import sys; from dlrun.catalog.keras_api import activations, layers, signature; "
        "activations(); signature('layers', layers()[0]); print('keras' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
