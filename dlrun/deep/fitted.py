"""A trained network, and its file: `network.keras` takes raw columns and needs Keras alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dlrun.contract.attribution import Attribution
from dlrun.contract.candidate import Predictions
from dlrun.contract.dataset import Column, Target
from dlrun.contract.sees_inside import SeenLayer
from dlrun.data.model_io import ModelInfo, read_facts
from dlrun.deep.backbones.backbone import Reader, load_reader
from dlrun.deep.backend import keras, tf
from dlrun.deep.inputs.groups import FrameReader, frame_reader, group_columns
from dlrun.deep.inside.activations import pooled_outputs
from dlrun.deep.inside.attribution import explain_rows, suiting_methods
from dlrun.deep.inside.forward import TrainedParts
from dlrun.deep.inside.layers import ChosenLayer, choose_layers
from dlrun.deep.inside.random_weights import with_random_body
from dlrun.deep.inside.trace import TracedNetwork
from dlrun.deep.network import count_parameters, input_names
from dlrun.deep.objective import MATRIX, to_predictions
from dlrun.deep.training.device_data import chunks
from dlrun.errors import DataError, UsageError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from dlrun.contract.trace import RowTrace

FILE: Final = "network.keras"
NOTES: Final = "network.json"


@dataclass(frozen=True)
class FittedNetwork:
    """A network after training.

    Attributes:
        candidate: its name.
        model: the whole network as one Keras model of raw columns.
        best_epoch: the epoch whose weights it has.
        parameters: the number of its trained weights.
        readers: of the groups that pretrained networks read.
    """

    candidate: str
    columns: tuple[Column, ...]
    target: Target
    model: Any
    best_epoch: int | None
    parameters: int
    readers: Mapping[str, Reader] = field(default_factory=dict)

    def predict(self, frame: pd.DataFrame) -> Predictions:
        """Predict typed rows.

        Raises:
            DataError: the network gives no finite number for a row.
        """
        groups = self._reader.open(frame)
        finished = np.concatenate([self._forward(chunk) for chunk in self._chunks(groups)])
        return self._check_finite(to_predictions(finished, self.target))

    def deployed(self, frame: pd.DataFrame) -> Callable[[], object]:
        """Return the compiled network's prediction of these rows, in pieces as in `predict`."""
        inputs = self._part("encoder").input
        pieces = [
            {name: tf.constant(rows, inputs[name].dtype) for name, rows in piece.items()}
            for piece in self._chunks(self._reader.open(frame))
        ]
        return lambda: np.concatenate([self._forward(piece).numpy() for piece in pieces])

    def embed(self, frame: pd.DataFrame) -> NDArray[np.float32]:
        """Return what the head predicts from, (rows, width) float32; `dlrun.contract` has `Embeds`.

        The width is that of the architecture's last layer. The members of an ensemble are averaged.
        """
        groups = self._reader.open(frame)
        return np.concatenate([self._represent(chunk) for chunk in self._chunks(groups)])

    def trace(self, frame: pd.DataFrame, output: int) -> RowTrace:
        """Trace one typed row through the layers; `dlrun.contract.trace` has `Traces`."""
        network = TracedNetwork(self.model, self.columns, self.target)
        return network.trace(self._reader.read(frame), output)

    @property
    def layers(self) -> tuple[SeenLayer, ...]:
        """Return the layers that are seen inside; `dlrun.contract.sees_inside` says more."""
        return tuple(
            SeenLayer(each.step.operation.name, each.title, tuple(each.output.shape[1:]))
            for each in self._chosen_layers
        )

    def encoded(self, frame: pd.DataFrame) -> dict[str, NDArray[Any]]:
        """Return the encoded rows, column group → (rows, …)."""
        encode = self._compile(lambda encoded: encoded)
        pieces = [encode(chunk) for chunk in self._chunks(self._reader.open(frame))]
        return {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}

    def activations(self, frame: pd.DataFrame) -> tuple[NDArray[np.float32], ...]:
        """Return the pooled activations of each layer, all from one pass over the rows."""
        pieces = [self._see(chunk) for chunk in self._chunks(self._reader.open(frame))]
        return tuple(map(np.concatenate, zip(*pieces, strict=True)))

    def randomized(self, seed: int) -> FittedNetwork:
        """Return the network with fresh random weights in all that follows the encoder."""
        return replace(self, model=with_random_body(self.model, seed))

    @property
    def attribution_methods(self) -> tuple[str, ...]:
        """Return the methods that say why it predicts a row as it does; none: see occlusion."""
        return suiting_methods(self._trained_parts)

    def explain(
        self,
        frame: pd.DataFrame,
        outputs: NDArray[np.int64],
        reference: pd.DataFrame,
        method: str | None = None,
    ) -> list[Attribution]:
        """Explain typed rows; `dlrun.contract` has `Explains`."""
        chosen = method or self.attribution_methods[0]
        return explain_rows(self._trained_parts, self._reader, frame, outputs, reference, chosen)

    def save(self, folder: Path) -> None:
        """Write the network, its facts and its readers into an existing, empty folder."""
        self.model.save(folder / FILE)
        ModelInfo(self.candidate, "deep", self.columns, self.target).write(folder)
        for name, reader in self.readers.items():
            (folder / name).mkdir()
            reader.save(folder / name)
        notes = {
            "best_epoch": self.best_epoch,
            "parameters": self.parameters,
            "inputs": input_names(self.columns),
            "pretrained": list(self.readers),
        }
        text = json.dumps(notes, indent=2, ensure_ascii=False)
        (folder / NOTES).write_text(text, encoding="utf-8")

    @cached_property
    def _trained_parts(self) -> TrainedParts:
        return TrainedParts(self.columns, self.target, self.model, self.readers)

    @cached_property
    def _reader(self) -> FrameReader:
        return frame_reader(self.columns, self.model, self.readers)

    def _chunks(self, groups: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        return chunks(groups, self._part("encoder"), self._part("body"))

    @cached_property
    def _forward(self) -> Any:
        """Compile encoded groups → predictions."""
        body, finish = self._part("body"), self._part("finish")
        return self._compile(lambda encoded: finish(body(encoded, training=False)))

    @cached_property
    def _represent(self) -> Any:
        """Compile encoded groups → the head's input, averaged over members where there are some."""
        body = self._part("body")
        trunk = keras.Model(body.input, body.get_layer("dlrun_head").input)

        def represent(encoded: Any) -> Any:
            vectors = tf.cast(trunk(encoded, training=False), tf.float32)
            return vectors if len(vectors.shape) == MATRIX else tf.reduce_mean(vectors, axis=1)

        return self._compile(represent)

    @cached_property
    def _chosen_layers(self) -> list[ChosenLayer]:
        return choose_layers(self._part("body"))

    @cached_property
    def _see(self) -> Any:
        """Compile encoded groups → the pooled activations of the chosen layers."""
        outputs = [each.output for each in self._chosen_layers]
        return self._compile(pooled_outputs(self._part("body"), outputs))

    def _part(self, name: str) -> Any:
        return self.model.get_layer(f"dlrun_{name}")

    def _compile(self, forward: Callable[[Any], Any]) -> Any:
        """Compile what follows the encoder, once for any number of rows.

        Strings are left out of it: TensorFlow takes as long to copy them as to predict.
        """
        encoder = self._part("encoder")
        signature = {
            kind: tf.TensorSpec([None, *tensor.shape[1:]], tensor.dtype)
            for kind, tensor in encoder.input.items()
        }
        return tf.function(lambda groups: forward(encoder(groups)), input_signature=[signature])

    def _check_finite(self, predictions: Predictions) -> Predictions:
        faulty = np.argwhere(~np.isfinite(predictions.values))
        if len(faulty):
            message = (
                f"row {faulty[0][0]}: {self.candidate} predicts no finite number. Is a "
                "number missing that preprocessing.number.impute does not fill, or beyond reason?"
            )
            raise DataError(message)
        return predictions


def load(folder: Path) -> FittedNetwork:
    """Load a network that `FittedNetwork.save` wrote.

    Raises:
        UsageError: Keras cannot load the file.
    """
    facts = read_facts(folder)
    notes = json.loads((folder / NOTES).read_text(encoding="utf-8"))
    model, groups = _load_model(folder / FILE), group_columns(facts.columns)
    return FittedNetwork(
        candidate=facts.candidate,
        columns=facts.columns,
        target=facts.target,
        model=model,
        best_epoch=notes["best_epoch"],
        # Older models lack these.
        parameters=notes.get("parameters") or count_parameters(model),
        readers={
            name: load_reader(groups[name][0].type, folder / name)
            for name in notes.get("pretrained", ())
        },
    )


def _load_model(path: Path) -> Any:
    try:
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except (OSError, TypeError, ValueError) as error:
        message = (
            f"{path}: Keras {keras.__version__} cannot load it: {error} A layer class of your own "
            "must be importable: add its folder to PYTHONPATH"
        )
        raise UsageError(message) from error
