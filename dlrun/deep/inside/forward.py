"""A trained network from encoded rows to the outputs that are explained."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from numpy.typing import NDArray

from dlrun.contract.dataset import Column, Target
from dlrun.deep.backbones.backbone import Reader
from dlrun.deep.backend import keras, tf
from dlrun.deep.inputs.groups import group_columns
from dlrun.deep.inputs.layer_names import layer_name
from dlrun.deep.inside.graph import UNKNOWN, Call, apply, apply_to_known, evaluate
from dlrun.deep.objective import MATRIX


@dataclass(frozen=True)
class TrainedParts:
    """The parts of a network of raw columns; see `deep.network.Network`.

    Attributes:
        model: the whole network.
        readers: of the groups that pretrained networks read.
    """

    columns: tuple[Column, ...]
    target: Target
    model: Any
    readers: Mapping[str, Reader] = field(default_factory=dict)

    @cached_property
    def groups(self) -> dict[str, tuple[Column, ...]]:
        """Return the columns of each group."""
        return group_columns(self.columns)

    @property
    def encoder(self) -> Any:
        """Return the model from groups to encoded groups."""
        return self.model.get_layer("dlrun_encoder")

    @property
    def body(self) -> Any:
        """Return the model from encoded groups to outputs."""
        return self.model.get_layer("dlrun_body")

    @cached_property
    def frozen(self) -> dict[str, Any]:
        """Return the pretrained networks that are part of the encoder, by their group."""
        known = {layer.name: layer for layer in self.encoder.layers}
        names = {
            name: layer_name("backbone", columns[0].name) for name, columns in self.groups.items()
        }
        return {name: known[layer] for name, layer in names.items() if layer in known}

    @cached_property
    def pretrained(self) -> frozenset[str]:
        """Return the groups that pretrained networks read."""
        return frozenset(self.readers)

    def n_values(self, name: str) -> int:
        """Count the channels of a series, or the bands of a sound, without that of a mask."""
        (column,) = self.groups[name]
        if column.type == "series":
            return column.shape[-1]
        spectra = [
            layer for layer in self.encoder.layers if isinstance(layer, keras.layers.MelSpectrogram)
        ]
        return spectra[0].num_mel_bins if spectra else 1

    def entering(self, name: str) -> Any:
        """Return the Keras input of a group: encoded, or raw where a pretrained network encodes."""
        return (self.encoder if name in self.frozen else self.body).input[name]

    def encode(self, name: str, group: NDArray[Any]) -> Any:
        """Encode the rows of a group, but for what a pretrained network does."""
        rows = tf.constant(group, self.encoder.input[name].dtype)
        if name in self.frozen:
            return rows
        inputs = {each: rows if each == name else UNKNOWN for each in self.groups}
        return evaluate(self.encoder, inputs, apply_to_known)[name]

    def outputs(self, inputs: Mapping[str, Any], call: Call = apply) -> Any:
        """Compute raw outputs, (rows, n_outputs) or (rows, members, n_outputs), of `entering`."""
        encoded = dict(inputs)
        for name, trunk in self.frozen.items():
            encoded[name] = evaluate(trunk, encoded[name], call)
        return evaluate(self.body, encoded, call)

    def explained(self, inputs: Mapping[str, Any], output: int, call: Call = apply) -> Any:
        """Compute what is explained, (rows,): a logit, or a number in the target's unit.

        The logits of an ensemble's members are averaged. Of two classes that have one logit, that
        of the first is its negative.
        """
        raw = self.outputs(inputs, call)
        if not self.target.labels:
            return evaluate(self.model.get_layer("dlrun_finish"), raw)[:, 0]
        raw = tf.cast(raw, tf.float32)
        logits = raw if len(raw.shape) == MATRIX else tf.reduce_mean(raw, axis=1)
        if logits.shape[1] < len(self.target.labels):
            return logits[:, 0] if output else -logits[:, 0]
        return logits[:, output]

    @property
    def unit(self) -> str:
        """Return the unit of what is explained."""
        return "logit" if self.target.labels else ""
