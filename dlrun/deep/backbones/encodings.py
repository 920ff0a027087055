"""Columns that a pretrained network reads: its vectors where it is frozen, else its raw input."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from dlrun.catalog.architecture_settings import Pretrained
from dlrun.contract.dataset import Dataset
from dlrun.deep.backbones.backbone import Backbone, BackboneRequest, Reader, open_backbone
from dlrun.deep.backbones.embeddings import embed
from dlrun.deep.backbones.fine_tuning import choose_trained, trained_blocks
from dlrun.deep.backbones.requests import backbone_requests, pretrained_settings
from dlrun.deep.backend import keras
from dlrun.deep.inputs.encoding import Blocks, Encoding, Spec
from dlrun.deep.inputs.image import resize
from dlrun.deep.inputs.layer_names import layer_name
from dlrun.deep.inputs.text import QUANTILE
from dlrun.deep.spec import NetworkSpec
from dlrun.deep.weight_limit import frozen_weights
from dlrun.errors import TrainingError
from dlrun.recipe.preprocessing import Augment

if TYPE_CHECKING:
    import pandas as pd

SAMPLE: Final = 256  # rows whose vectors are centered and scaled by


@dataclass(frozen=True)
class PretrainedEncoding(Encoding):
    """What a column enters a pretrained network as.

    Attributes:
        backbone: the pretrained network.
        shift: (width,) the mean of its vectors of some training rows, is subtracted from vectors.
        scale: the standard deviation of the rest, which is divided by it.
    """

    backbone: Backbone = field(repr=False)
    shift: NDArray[np.float32] = field(repr=False)
    scale: float

    is_pretrained: ClassVar[bool] = True

    @property
    def kind(self) -> str:  # type: ignore[override]  # that of the backbone
        """Return the type of the column."""
        return self.backbone.column_type

    @property
    def reader(self) -> Reader:
        """Return what turns typed cells into the group."""
        return self.backbone.reader

    @property
    def saved(self) -> PretrainedEncoding:
        """Return the encoding of a saved network."""
        return self

    @property
    def layer(self) -> str:
        """Return the name of the pretrained network among the layers."""
        return layer_name("backbone", self.names[0])

    def expand(self, encoded: Any) -> Any:
        """Center and scale vectors, (rows, width): those of unit length would hardly be learned."""
        return (encoded - self.shift) / self.scale


@dataclass(frozen=True)
class VectorEncoding(PretrainedEncoding):
    """The vectors of a frozen backbone, made once for each cell."""

    @property
    def group(self) -> Spec:
        """Describe the vectors."""
        return Spec((self.backbone.width,), "float32")

    @property
    def raw(self) -> Spec:
        """Describe the vectors."""
        return self.group

    @property
    def reader(self) -> Reader:
        """Return the reader that makes vectors of cells, or finds those that were made before."""
        return EmbeddingReader(self.backbone)

    @property
    def saved(self) -> PretrainedEncoding:
        """Return the encoding that has the backbone in it, where it is made of layers."""
        is_whole = self.backbone.is_trainable
        own = (self.names, self.backbone, self.shift, self.scale)
        return FrozenEncoding(*own) if is_whole else self

    def read(self, inputs: list[Any]) -> Any:
        """Return the vectors."""
        return inputs[0]


@dataclass(frozen=True)
class RawEncoding(PretrainedEncoding):
    """What enters a backbone that is part of the network: ids of tokens, or an image as bytes."""

    @property
    def group(self) -> Spec:
        """Describe what enters the backbone."""
        return self.backbone.group

    @property
    def raw(self) -> Spec:
        """Describe ids of any number, or an image of any size."""
        *sides, channels = self.group.shape
        return Spec((*[None] * len(sides), channels), self.group.dtype) if sides else self.group

    def read(self, inputs: list[Any]) -> Any:
        """Resize images, which leaves those of the right size unchanged; ids stay as they are."""
        *sides, _ = self.group.shape
        return resize(inputs[0], sides) if sides else inputs[0]


@dataclass(frozen=True)
class FrozenEncoding(RawEncoding):
    """The raw input of a frozen backbone, which is part of the saved network's encoder."""

    @property
    def encoded(self) -> Spec:
        """Describe the vectors."""
        return Spec((self.backbone.width,), "float32")

    def encode(self, group: Any) -> Any:
        """Let the backbone make vectors, (rows, width)."""
        trunk = self.backbone.build()
        trunk.trainable = False
        return keras.Model(trunk.input, trunk.output, name=self.layer)(group)


@dataclass(frozen=True)
class TrainedEncoding(RawEncoding):
    """The raw input of a backbone that is part of the network's body.

    Attributes:
        settings: what of it is trained; with `train: head` nothing, behind augmentation.
    """

    settings: Pretrained

    def expand(self, encoded: Any) -> Any:
        """Let a new backbone make vectors, (rows, width)."""
        is_trained = self.settings.train == "all"
        with nullcontext() if is_trained else frozen_weights():
            trunk = self.backbone.build()
        choose_trained(self.backbone, trunk, self.settings)
        layer = keras.Model(trunk.input, trunk.output, name=self.layer)
        # A frozen one has no dropout either.
        is_frozen = self.settings.train == "head"
        return super().expand(layer(encoded, training=False) if is_frozen else layer(encoded))

    def blocks(self, body: Any) -> Blocks:
        """Return the trained variables of the backbone in blocks."""
        return trained_blocks(self.backbone, body.get_layer(self.layer))


@dataclass(frozen=True)
class EmbeddingReader(Reader):
    """Makes the vectors of cells once for all folds, candidates and studies."""

    backbone: Backbone

    def read(self, cells: Sequence[Any]) -> NDArray[np.float32]:
        """Return the vectors, (rows, width)."""
        return embed(self.backbone, cells)

    def save(self, folder: Path) -> None:
        """Write all that the backbone's own reader needs."""
        self.backbone.reader.save(folder)


def fit_pretrained(spec: NetworkSpec, train: Dataset) -> dict[str, PretrainedEncoding]:
    """Fit the encodings of the groups that pretrained networks read, to the training rows.

    Raises:
        DlrunError: a backbone cannot be opened.
    """
    requests = backbone_requests(spec, train.columns)
    return {name: _fit(request, spec, train.frame) for name, request in requests.items()}


def _fit(request: BackboneRequest, spec: NetworkSpec, frame: pd.DataFrame) -> PretrainedEncoding:
    settings, names = pretrained_settings(spec.model), (request.column.name,)
    backbone = open_backbone(request)
    cells = list(frame[request.column.name])
    augments = request.column.type == "image" and spec.preprocessing.image.augment != Augment()
    if settings.train == "head" and not augments:
        return VectorEncoding(names, backbone, *_moments(backbone, cells))
    if not backbone.is_trainable:
        message = f"backbone {backbone.name} is always frozen: train: {settings.train} cannot be"
        raise TrainingError(message)
    if request.column.type == "text" and request.length == "auto":
        usual = _usual_length(backbone.reader.read(cells))
        backbone = open_backbone(replace(request, length=usual))
    return TrainedEncoding(names, backbone, *_moments(backbone, cells), settings)


def _moments(backbone: Backbone, cells: Sequence[Any]) -> tuple[NDArray[np.float32], float]:
    """Return the mean vector of some training rows, and one standard deviation of the rest."""
    vectors = embed(backbone, cells[:SAMPLE])
    shift: NDArray[np.float32] = vectors.mean(axis=0)
    return shift, float(np.sqrt(((vectors - shift) ** 2).sum(axis=1).mean())) or 1.0


def _usual_length(ids: NDArray[np.int32]) -> int:
    """Return the number of ids that most texts of the training rows have at most."""
    lengths = (ids != 0).sum(axis=1)
    return max(1, int(np.quantile(lengths, QUANTILE, method="higher"))) if len(lengths) else 1
