"""What a pretrained network is to the rest of dlrun, and how one is opened by its name."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from numpy.typing import NDArray

from dlrun.catalog.backbones import BACKBONES, scheme_of
from dlrun.catalog.parts import load_part
from dlrun.contract.dataset import Column
from dlrun.deep.inputs.encoding import Spec

ROOMS: Final = {"text": "text", "image": "image", "audio": "audio"}
"""Column type → the module of this package that opens its backbones."""


@dataclass(frozen=True)
class BackboneRequest:
    """Which backbone a candidate asks for, and what enters it; plain values, so picklable.

    Attributes:
        name: as the recipe writes it.
        column: that it reads.
        folder: of the recipe, which a path in the name is relative to.
        size: side of the images that enter it, in pixels; auto: its own.
        length: tokens of a text that are kept, from the start; auto: 256, or as many as it takes.
        pooling: how a text's vectors become one; auto: as it was trained.
    """

    name: str
    column: Column
    folder: Path
    size: int | Literal["auto"] = "auto"
    length: int | Literal["auto"] = "auto"
    pooling: Literal["auto", "mean", "first", "last"] = "auto"


class Reader(ABC):
    """Turns typed cells of a column into what enters a backbone.

    It is saved beside a network whose raw input is what the reader makes, such as ids of tokens.
    """

    @abstractmethod
    def read(self, cells: Sequence[Any]) -> NDArray[Any]:
        """Return (rows, *group.shape) of the backbone's `group`; the longest row sets a free side.

        Cells are as in a typed frame: strings, (height, width, channels) uint8 images, or
        (samples, 1) float32 sounds of the column's sample rate.
        """

    def tokens(self, text: str) -> tuple[str, ...]:
        """Return the tokens of a text that `read` gives ids to, or its ids."""
        return tuple(map(str, self.read([text])[0]))

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Write all that reading needs into an existing folder, for `load_reader` of its module."""


class Backbone(ABC):
    """A pretrained network whose weights are on this disk; they are read where they are needed.

    Attributes:
        name: as the recipe writes it.
        digest: of its weights, its configuration and the request: equal where its vectors are.
        column_type: of the columns that it reads.
        width: of the vector that it makes of a row.
        is_trainable: whether `build` makes a network at all; else the reader makes the vectors.
        n_weights: the number of its weights.
    """

    name: str
    digest: str
    column_type: str
    width: int
    is_trainable: bool
    n_weights: int

    @property
    @abstractmethod
    def group(self) -> Spec:
        """Describe what enters it.

        (tokens,) int32 ids with a free length, 0 where a text has ended; or (height, width,
        channels) uint8; or, where it is not trainable, its (width,) float32 vectors.
        """

    @property
    @abstractmethod
    def reader(self) -> Reader:
        """Return what turns typed cells into the group."""

    @abstractmethod
    def build(self) -> Any:
        """Return a new Keras model with the pretrained weights: the group in, (rows, width) out.

        All that it does to its input, such as resizing and normalising, is within it. It is made
        of Keras' own layers and operations, so that a saved network loads with Keras alone.

        Raises:
            TrainingError: it is not trainable, or its weights do not fit its configuration.
        """

    @abstractmethod
    def blocks(self, trunk: Any) -> tuple[tuple[Any, ...], ...]:
        """Return the layers of a model that `build` made that may be trained, from its input on.

        The first block is the embedding or the stem. A layer that is in none of them stays as it
        is, such as batch normalisation.
        """

    @abstractmethod
    def projections(self, trunk: Any) -> tuple[Any, ...]:
        """Return the dense layers that low-rank adapters are added to.

        They are those of attention's query and value (Hu et al. 2021); a network of convolutions
        has none.
        """


def open_backbone(request: BackboneRequest) -> Backbone:
    """Find a backbone on this disk, after downloading it where its name says a hub.

    Raises:
        RecipeError: there is none of this name, or it reads another type of columns.
        WeightsError: its package is not installed, or the hub cannot be reached.
    """
    backbone: Backbone = load_part(__package__, ROOMS[request.column.type]).open(request)
    return backbone


def load_reader(column_type: str, folder: Path) -> Reader:
    """Load the reader of a column type that `Reader.save` wrote, without the backbone."""
    reader: Reader = load_part(__package__, ROOMS[column_type]).load_reader(folder)
    return reader


def is_trainable(name: str) -> bool:
    """Return whether a backbone's own weights can be trained, by its name alone."""
    scheme, key = scheme_of(name)
    return scheme != "pip" or BACKBONES[key].is_trainable
