"""Programs that the folds and trials of a study share: traced and compiled once for all of them.

To trace the steps of a small network takes longer than to run them. So networks of the same config
are trained one after the other in the place of a copy, which is kept: what is in their variables
and constants is copied in before the training, and out after it.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dlrun.deep.backend import keras, tf
from dlrun.deep.network import Network
from dlrun.deep.objective import Objective
from dlrun.deep.random_state import unchanged_random_state
from dlrun.deep.training.best_weights import LARGE, n_bytes
from dlrun.deep.training.model_copy import constants, copy_model, describe, is_of
from dlrun.deep.training.steps import CompiledSteps
from dlrun.recipe.training import Training

N_KEPT: Final = 2

_kept: OrderedDict[Hashable, Program] = OrderedDict()


@dataclass(frozen=True)
class Program:
    """What is trained in the place of a network, and what was compiled for it.

    Attributes:
        network: has the body and the augmenter that are trained.
        optimizer: of Keras.
        constants: variables in the place of the body's constants.
        start: the optimizer's variables before the first step.
        steps: compiled, by what they were compiled for.
        forward: compiled; encoded groups → outputs of the body, not in training.
    """

    network: Network
    optimizer: Any
    constants: list[Any] = field(default_factory=list)
    start: list[NDArray[Any]] = field(default_factory=list)
    steps: dict[Hashable, CompiledSteps] = field(default_factory=dict)

    @cached_property
    def forward(self) -> Any:
        """Compile encoded groups → outputs, for any number of rows."""
        body = self.network.body
        specs = {name: tf.TensorSpec(each.shape, each.dtype) for name, each in body.input.items()}
        return tf.function(lambda inputs: body(inputs, training=False), input_signature=[specs])

    def load(self, network: Network) -> None:
        """Take over the numbers of a network, and begin at its first step."""
        _copy(constants(network.body), self.constants)
        _copy(_variables(network), _variables(self.network))
        _copy(self.start, self.optimizer.variables)

    def unload(self, network: Network) -> None:
        """Hand weights and random states over to a network."""
        _copy(_variables(self.network), _variables(network))


@contextmanager
def shared_program(
    network: Network, objective: Objective, optimizer: Any, training: Training, *, is_shared: bool
) -> Iterator[Program]:
    """Give the program that a network is trained by; when it ends, the network is trained.

    Args:
        network: with fresh weights.
        objective: of the training.
        optimizer: of Keras, not built yet.
        training: the recipe's section.
        is_shared: whether another network may be trained by it later: not by several replicas, nor
            one that is partly pretrained or of the user's own making.
    """
    key = _key(network, objective, optimizer, training) if is_shared else None
    if key is None:
        yield Program(network, optimizer)
        return
    # No other training has it meanwhile, and none at all after an error.
    program = _kept.pop(key, None) or _make(network, optimizer)
    program.load(network)
    yield program
    program.unload(network)
    _kept[key] = program
    while len(_kept) > N_KEPT:
        _kept.popitem(last=False)


def _make(network: Network, optimizer: Any) -> Program:
    """Make a program of copies alone: the network's own parts are used after its training."""
    with unchanged_random_state():
        body, variables = copy_model(network.body)
        augmenter = network.augmenter and copy_model(network.augmenter)[0]
    optimizer.build(body.trainable_variables)
    start = [np.array(each.value) for each in optimizer.variables]
    return Program(replace(network, body=body, augmenter=augmenter), optimizer, variables, start)


def _key(
    network: Network, objective: Objective, optimizer: Any, training: Training
) -> Hashable | None:
    """Return what networks have in common that one program trains; None where none may."""
    models = [each for each in (network.body, network.augmenter) if each]
    layers = [layer for model in models for layer in model._flatten_layers()]
    if sum(n_bytes(model.variables) for model in models) >= LARGE or not all(map(_is_own, layers)):
        return None
    settings = {**optimizer.get_config(), "name": None, "learning_rate": None}
    try:
        configs = (*map(describe, models), json.dumps(settings))
    except (RuntimeError, TypeError, ValueError):  # which could not be saved either
        return None
    devices = frozenset(each.value.device for each in _variables(network))
    how = training.accumulate, training.deterministic
    return type(optimizer), configs, objective.in_steps, how, devices


def _is_own(layer: Any) -> bool:
    """Say whether a layer is all that its config says."""
    is_known = is_of("keras", layer) or is_of("dlrun", layer)
    return is_known and not isinstance(layer, keras.layers.Lambda)


def _variables(network: Network) -> list[Any]:
    """Return all variables of the parts that are trained."""
    models = (network.body, network.augmenter)
    return [variable for model in models if model for variable in model.variables]


def _copy(values: Sequence[Any], variables: Sequence[Any]) -> None:
    for value, variable in zip(values, variables, strict=True):
        variable.assign(value)


def trace_for_any_rows(compiled: Any, copies: Any, order: Any, *others: Any) -> None:
    """Trace compiled steps for windows of any number of rows; `others` have the same shape always.

    Several replicas are left alone: what is distributed over them has no shape.
    """
    if isinstance(next(iter(tf.nest.flatten(copies))), tf.distribute.DistributedValues):
        return
    some = tf.nest.map_structure(
        lambda tensor: tf.TensorSpec([None, *tensor.shape[1:]], tensor.dtype), (copies, order)
    )
    compiled.get_concrete_function(*some, *others)
