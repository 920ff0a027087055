"""A network with fresh random weights, beside which a trained one shows what it has learned."""

from __future__ import annotations

from typing import Any, Final

from dlrun.deep.backend import keras
from dlrun.deep.random_state import unchanged_random_state

PARTS: Final = ("encoder", "body", "finish")


def with_random_body(model: Any, seed: int) -> Any:
    """Return a whole network whose body has weights that are drawn anew, by this seed alone.

    Args:
        model: raw columns → encoder → body → finish, of `dlrun.deep.network`.
        seed: of the weights.
    """
    encoder, body, finish = (model.get_layer(f"dlrun_{part}") for part in PARTS)
    return keras.Model(model.input, finish(randomized(body, seed)(_output(model, encoder))))


def randomized(body: Any, seed: int) -> Any:
    """Return a copy of a Keras model with weights that are drawn anew, by this seed alone."""
    classes = {type(layer).__name__: type(layer) for layer in body.layers}
    with unchanged_random_state(seed):
        return type(body).from_config(body.get_config(), custom_objects=classes)


def _output(model: Any, layer: Any) -> Any:
    """Return the Keras tensors that a layer gives within a model."""
    names = [f"{id(layer)}_ib-{number}" for number in range(len(layer._inbound_nodes))]
    (place,) = (number for number, name in enumerate(names) if name in model._nodes)
    return layer._inbound_nodes[place].outputs
