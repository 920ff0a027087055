"""Columns that a pretrained network reads: its vectors where it is frozen, else its raw input."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from dlrun.catalog.architecture_settings import Pretrained
from dlrun.contract.dataset import Dataset
from dlrun.deep.backbones.backbone import Backbone, BackboneRequest, Reader, open_backbone
from dlrun.deep.backbones.requests import backbone_requests, pretrained_settings
from dlrun.deep.backend import keras
from dlrun.deep.inputs.encoding import Encoding, Spec
from dlrun.deep.inputs.image import resize
from dlrun.deep.inputs.layer_names import layer_name
from dlrun.deep.spec import NetworkSpec

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class PretrainedEncoding(Encoding):
    """What a column enters a pretrained network as.

    Attributes:
        backbone: the pretrained network.
    """

    backbone: Backbone = field(repr=False)

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
        return FrozenEncoding(self.names, self.backbone) if is_whole else self

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
class EmbeddingReader(Reader):
    """Makes the vectors of cells once for all folds, candidates and studies."""

    backbone: Backbone

    def read(self, cells: Sequence[Any]) -> NDArray[np.float32]:
        """Return the vectors, (rows, width)."""
        from dlrun.deep.backbones.embeddings import embed

        return embed(self.backbone, cells)

    def save(self, folder: Path) -> None:
        """Write all that the backbone's own reader needs."""
        self.backbone.reader.save(folder)


def fit_pretrained(spec: NetworkSpec, train: Dataset) -> dict[str, PretrainedEncoding]:
    """Fit the encodings of the groups that pretrained networks read, to the training rows.

    Raises:
        DlrunError: a backbone cannot be opened.
    """
    settings = pretrained_settings(spec.model)
    requests = backbone_requests(spec, train.columns)
    return {name: _fit(request, settings, train.frame) for name, request in requests.items()}


def _fit(request: BackboneRequest, settings: Pretrained, frame: pd.DataFrame) -> PretrainedEncoding:
    return VectorEncoding((request.column.name,), open_backbone(request))
