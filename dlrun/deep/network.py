"""A network in four Keras models: raw columns → groups → encoded → outputs → predictions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import chain, zip_longest
from typing import Any

from dlrun.contract.dataset import Column
from dlrun.deep.backend import keras
from dlrun.deep.inputs.encoding import Blocks, Encoding, Spec, is_joined
from dlrun.deep.inputs.groups import Group, group_columns
from dlrun.deep.inputs.layer_names import layer_name
from dlrun.deep.objective import MATRIX, Objective
from dlrun.deep.weight_limit import limited_weights
from dlrun.errors import TrainingError

BuildArchitecture = Callable[[Mapping[str, Group]], Any]
"""Groups → the tensor under the head, (rows, width), or (rows, members, width) of an ensemble."""
Augmentation = Callable[[Any], Any]
"""Encoded group → the same, augmented."""


@dataclass(frozen=True)
class Network:
    """The parts of a network, each a Keras model; reader, encoder, body and finish are the whole.

    Attributes:
        reader: raw columns to groups, looking up categories.
        encoder: groups to encoded groups; frozen, so run once over a whole table.
        augmenter: encoded groups to augmented ones, in training alone; or None.
        body: encoded groups to outputs; trained.
        finish: outputs to predictions.
        blocks: the trained variables of pretrained networks, in blocks from the input side.
        make_saved: makes the reader and the encoder of the saved network, which frozen backbones
            are part of; None where they are those of training.
    """

    reader: Any
    encoder: Any
    augmenter: Any
    body: Any
    finish: Any
    blocks: Blocks = ()
    make_saved: Callable[[], tuple[Any, Any]] | None = None

    def saved(self) -> Network:
        """Return the network that is saved and deployed."""
        reader, encoder = self.make_saved() if self.make_saved else (self.reader, self.encoder)
        return replace(self, reader=reader, encoder=encoder, make_saved=None)

    def whole(self) -> Any:
        """Join the parts: a dict of raw columns in, predictions out.

        Numbers are float64 (NaN is missing), categories and texts strings ("" is missing), dates
        int64 seconds since 1970 UTC (the smallest int64 is missing), each (rows,) or (rows, 1);
        images (rows, height, width, channels) uint8, sounds (rows, samples) and series
        (rows, steps, channels) float32 with NaN for what is missing and for padding. Out come
        probabilities, (rows, classes), of the second class alone, (rows, 1), or numbers in the
        target's unit, (rows, 1). More than 200 columns of numbers are one input `dlrun_number`,
        (rows, columns), in the order of `model.json`. A text that a pretrained network reads is
        (rows, tokens) int32 ids, 0 where it has ended; what a frozen network of another library
        makes of a row is (rows, width) float32.
        """
        outputs = self.body(self.encoder(self.reader.output))
        return keras.Model(self.reader.input, self.finish(outputs))

    @property
    def encodes(self) -> bool:
        """Say whether the encoder changes any group."""
        encoder = self.encoder
        return any(encoder.output[name] is not encoder.input[name] for name in encoder.output)

    @property
    def changing(self) -> list[Any]:
        """Return the body's variables, random numbers included, but for pretrained ones at rest."""
        at_rest = {
            id(weight)
            for layer in _backbones(self.body)
            for weight in layer.weights
            if not weight.trainable
        }
        return [variable for variable in self.body.variables if id(variable) not in at_rest]

    @property
    def new_layers(self) -> list[Any]:
        """Return the layers with weights but for pretrained networks."""
        old = {id(layer) for layer in _backbones(self.body)}
        return [layer for layer in self.body.layers if layer.weights and id(layer) not in old]

    @property
    def weights(self) -> list[Any]:
        """Return the weights among the variables that change."""
        random = {id(variable) for variable in self.body.variables}
        random -= {id(weight) for weight in self.body.weights}
        return [variable for variable in self.changing if id(variable) not in random]

    def trained(self, n_frozen: int = 0) -> list[Any]:
        """Return the weights that are trained while the first blocks of a backbone are frozen."""
        frozen = {id(weight) for weight in chain(*self.blocks[:n_frozen])}
        return [each for each in self.body.trainable_variables if id(each) not in frozen]

    @property
    def n_parameters(self) -> int:
        """Count the trained weights."""
        return count_parameters(self.body)


def count_parameters(model: Any) -> int:
    """Count the weights of a Keras model that are trained."""
    return sum(int(weight.value.shape.num_elements()) for weight in model.trainable_variables)


def has_backbone(model: Any) -> bool:
    """Say whether a pretrained network is among the layers of a Keras model."""
    return bool(_backbones(model))


def _backbones(model: Any) -> list[Any]:
    return [layer for layer in model.layers if layer.name.startswith(layer_name("backbone", ""))]


def build_network(
    columns: Sequence[Column],
    encodings: Mapping[str, Encoding],
    objective: Objective,
    architecture: BuildArchitecture,
    augmentations: Mapping[str, Augmentation],
) -> Network:
    """Build a network with fresh weights.

    Raises:
        TrainingError: the architecture cannot be built on these columns.
    """
    with limited_weights():
        body = _build_body(encodings, objective, architecture)
    saved = {name: encoding.saved for name, encoding in encodings.items()}
    is_same = all(saved[name] is encoding for name, encoding in encodings.items())
    return Network(
        *_build_front(columns, encodings),
        _build_augmenter(encodings, augmentations),
        body,
        objective.finish(body.output.shape[1:]),
        _join_blocks([encoding.blocks(body) for encoding in encodings.values()]),
        None if is_same else partial(_build_front, columns, saved),
    )


def _join_blocks(networks: Sequence[Blocks]) -> Blocks:
    """Join the blocks of several pretrained networks, the last ones with each other."""
    layers = zip_longest(*(blocks[::-1] for blocks in networks), fillvalue=())
    return tuple(tuple(chain(*layer)) for layer in layers)[::-1]


def _build_front(columns: Sequence[Column], encodings: Mapping[str, Encoding]) -> tuple[Any, Any]:
    """Build the reader and the encoder."""
    return _build_reader(columns, encodings), _build_encoder(encodings)


def input_names(columns: Sequence[Column]) -> dict[str, str]:
    """Return column name → name of the Keras input; Keras allows no slash.

    Columns that enter side by side have one in common.
    """
    taken = {column.name for column in columns}
    names: dict[str, str] = {}
    for name, group in group_columns(columns).items():
        if is_joined(group[0].type, len(group)):
            names.update({column.name: _joined_name(name) for column in group})
    for column in columns:
        if column.name in names:
            continue
        name = column.name.replace("/", "_") or "_"
        while name != column.name and name in taken:
            name += "_"
        taken.add(name)
        names[column.name] = name
    return names


def _build_reader(columns: Sequence[Column], encodings: Mapping[str, Encoding]) -> Any:
    names = input_names(columns)
    specs = {name: encoding.raw for encoding in encodings.values() for name in encoding.names}
    joined = {name: encoding for name, encoding in encodings.items() if encoding.is_joined}
    groups = {name: _input(_joined_name(name), joined[name].group) for name in joined}
    inputs = {_joined_name(name): tensor for name, tensor in groups.items()}
    known = {column for encoding in joined.values() for column in encoding.names}
    raw = {
        column.name: _input(names[column.name], specs[column.name])
        for column in columns
        if column.name not in known
    }
    groups |= {
        name: encoding.read([raw[column] for column in encoding.names])
        for name, encoding in encodings.items()
        if name not in joined
    }
    inputs |= {names[name]: tensor for name, tensor in raw.items()}
    return keras.Model(inputs, groups, name="dlrun_reader")


def _joined_name(group: str) -> str:
    return f"dlrun_{group}"


def _build_encoder(encodings: Mapping[str, Encoding]) -> Any:
    groups = {name: _input(name, encoding.group) for name, encoding in encodings.items()}
    encoded = {name: encodings[name].encode(group) for name, group in groups.items()}
    return keras.Model(groups, encoded, name="dlrun_encoder")


def _build_augmenter(
    encodings: Mapping[str, Encoding], augmentations: Mapping[str, Augmentation]
) -> Any:
    if not augmentations:
        return None
    encoded = _encoded_inputs(encodings)
    changed = {
        name: augmentations[name](tensor) if name in augmentations else tensor
        for name, tensor in encoded.items()
    }
    return keras.Model(encoded, changed, name="dlrun_augmenter")


def _build_body(
    encodings: Mapping[str, Encoding], objective: Objective, architecture: BuildArchitecture
) -> Any:
    encoded = _encoded_inputs(encodings)
    tensor = architecture(
        {name: Group(encodings[name], tensor) for name, tensor in encoded.items()}
    )
    try:
        return keras.Model(encoded, _head(objective.head.n_outputs, tensor), name="dlrun_body")
    except ValueError as error:
        message = f"the architecture's tensor does not come from its inputs: {error}"
        raise TrainingError(message) from error


def _head(n_outputs: int, tensor: Any) -> Any:
    """Add the linear output layer, one for each member of an ensemble."""
    # Logits and numbers need more digits than mixed precision has.
    if len(tensor.shape) == MATRIX:
        return keras.layers.Dense(n_outputs, dtype="float32", name="dlrun_head")(tensor)
    n_members = tensor.shape[1]
    return keras.layers.EinsumDense(
        "rmw,mwo->rmo",
        output_shape=(n_members, n_outputs),
        bias_axes="mo",
        dtype="float32",
        name="dlrun_head",
    )(tensor)


def _encoded_inputs(encodings: Mapping[str, Encoding]) -> dict[str, Any]:
    return {name: _input(name, encoding.encoded) for name, encoding in encodings.items()}


def _input(name: str, spec: Spec) -> Any:
    return keras.Input(spec.shape, name=name, dtype=spec.dtype)
