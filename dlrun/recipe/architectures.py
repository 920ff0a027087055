"""The settings that each architecture knows, with their defaults, and what it is made for."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PositiveInt,
    field_validator,
    model_validator,
)

from dlrun.recipe import vocabulary as names
from dlrun.recipe.base import one_of


def _known(activation: str) -> str:
    return one_of(activation, names.ACTIVATIONS, "a Keras activation")


Activation = Annotated[str, AfterValidator(_known)]
Dropout = Annotated[float, Field(ge=0, lt=1)]
NumberEncode = Literal["none", "plr", "ple"] | None


class Settings(BaseModel):
    """The settings of one architecture.

    Attributes:
        claims: the column types that it is made for; columns of other types are joined to what
            it makes of these.
    """

    # Most of these are never asked for: to build them all would take longer than reading a recipe.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    claims: ClassVar[tuple[str, ...]] = names.COLUMN_TYPES


class Mlp(Settings):
    """Fully connected layers over the joined columns."""

    hidden: list[PositiveInt] = [128, 128]
    """Units of each layer, from the input side."""
    activation: Activation = "relu"
    """Any Keras activation."""
    dropout: Dropout = 0.1
    """Share of units switched off after each layer while training."""
    normalization: Literal["batch", "layer", "none"] = "none"
    """Normalise before each activation; batch uses momentum 0.9."""
    encode: NumberEncode = None
    """How numbers are embedded; null: as preprocessing.number.encode says."""


class Tabm(Settings):
    """An ensemble whose members share dense layers, each with adapters and a head of its own."""

    claims = ("number", "category", "datetime")

    members: PositiveInt = 32
    """Networks in the ensemble; their losses and predictions are averaged."""
    hidden: Annotated[list[PositiveInt], Field(min_length=1)] = [256, 256]
    """Units of each layer, from the input side."""
    activation: Activation = "relu"
    """Any Keras activation."""
    dropout: Dropout = 0.0
    """Share of units switched off after each layer while training."""
    encode: NumberEncode = "ple"
    """How numbers are embedded; null: as preprocessing.number.encode says."""


class FtTransformer(Settings):
    """A transformer whose tokens are the columns; a column of another type is one token too."""

    claims = ("number", "category", "datetime")

    width: PositiveInt = 64
    """Length of a token's vector; a multiple of heads."""
    blocks: PositiveInt = 3
    """Blocks of attention and a gated dense layer."""
    heads: PositiveInt = 8
    """Parts of a token that attend apart."""
    dropout: Dropout = 0.1
    """Share of units switched off in the dense layers while training."""
    attention_dropout: Dropout = 0.2
    """Share of attention switched off while training."""
    encode: NumberEncode = None
    """How numbers are embedded; null: as preprocessing.number.encode says."""

    @model_validator(mode="after")
    def _parted(self) -> Self:
        if self.width % self.heads:
            message = f"width {self.width} is not a multiple of heads {self.heads}"
            raise ValueError(message)
        return self


class Layers(Settings):
    """Any keras.layers, listed in the recipe."""

    layers: Annotated[list[Any], Field(min_length=1)]
    """Layer names, each alone or with its arguments."""


class Cnn(Settings):
    """Convolutional blocks over an image, the log-mel bands of a sound, a waveform or a series.

    A block is a convolution, normalisation, activation and max-pooling by 2 along each side that
    is long enough. With a side above 64 the first convolution of an image or of bands takes every
    second place. After the last block a map of an image of up to 8 × 8 is laid out, a larger one
    averaged over; a sound or a series is averaged over its length.
    """

    claims = ("image", "audio", "series")

    filters: Annotated[list[PositiveInt], Field(min_length=1)] = [32, 64, 128]
    """Filters of each block, from the input side."""
    kernel_size: PositiveInt = 3
    """Side of each filter, in pixels, frames or steps."""
    hidden: list[PositiveInt] = []
    """Units of dense layers between the blocks and the head."""
    activation: Activation = "relu"
    """Any Keras activation."""
    dropout: Dropout = 0.3
    """Share of units switched off before each dense layer and the head while training."""
    normalization: Literal["batch", "layer", "none"] = "batch"
    """Normalise before each activation; batch uses momentum 0.9."""


class Resnet(Settings):
    """Residual blocks over an image or a sound, in three stages, and the average over all places.

    Each stage has half the sides and twice the filters of the one before. A map with a side above
    64 is shrunk by four first.
    """

    claims = ("image", "audio")

    depth: Annotated[int, Field(ge=8)] = 20
    """Layers with weights: 6n + 2, such as 8, 14, 20, 32, 44 or 56."""
    width: PositiveInt = 16
    """Filters of the first stage."""
    dropout: Dropout = 0.0
    """Share of units switched off before the head while training."""

    @field_validator("depth")
    @classmethod
    def _in_blocks(cls, value: int) -> int:
        if value % 6 != 2:  # noqa: PLR2004
            near = value - (value - 2) % 6
            message = f"{value} is not 6n + 2. The nearest depths are {near} and {near + 6}"
            raise ValueError(message)
        return value


class TextCnn(Settings):
    """Convolutions over the words of a text, and the strongest answer of each filter."""

    claims = ("text",)

    embedding: PositiveInt = 128
    """Length of the vector that stands for a token."""
    filters: PositiveInt = 128
    """Filters of each kernel size."""
    kernel_sizes: Annotated[list[PositiveInt], Field(min_length=1)] = [3, 4, 5]
    """Tokens that a filter sees at once."""
    dropout: Dropout = 0.5
    """Share of units switched off before the head while training."""


class Rnn(Settings):
    """Recurrent layers over the steps of a text, a sound or a series."""

    claims = ("text", "audio", "series")

    cell: Literal["lstm", "gru", "simple"] = "lstm"
    """The recurrent cell."""
    units: Annotated[list[PositiveInt], Field(min_length=1)] = [64]
    """Units of each layer, from the input side; in each direction."""
    bidirectional: bool = True
    """Read from both ends."""
    dropout: Dropout = 0.2
    """Share of units switched off after each layer while training."""
    embedding: PositiveInt = 128
    """Length of the vector that stands for a token of a text."""


class Transformer(Settings):
    """Attention over the tokens of a text, patches of an image, or steps of a sound or series."""

    claims = ("image", "text", "audio", "series")

    blocks: PositiveInt = 2
    """Blocks of attention and a feedforward layer."""
    width: PositiveInt = 64
    """Length of the vector of a token, patch or step; a multiple of heads."""
    heads: PositiveInt = 4
    """Parts of a vector that attend apart."""
    feedforward: PositiveInt = 128
    """Units of each feedforward layer."""
    dropout: Dropout = 0.1
    """Share of units switched off in each block while training."""
    positions: Literal["learned", "sinusoidal"] = "learned"
    """How a place in the sequence is told."""
    patch: PositiveInt | Literal["auto"] = "auto"
    """Side of an image's patches in pixels, or steps of a sound or series that make one; auto:
    the smallest power of two, of an image from 2 on, that leaves 64 patches or fewer of an image
    and 256 of the others."""

    @model_validator(mode="after")
    def _parted(self) -> Self:
        if self.width % self.heads:
            message = f"width {self.width} is not a multiple of heads {self.heads}"
            raise ValueError(message)
        return self


class Fcn(Settings):
    """Convolutions over the steps of a series or a sound, averaged over its length."""

    claims = ("audio", "series")

    filters: Annotated[list[PositiveInt], Field(min_length=1)] = [128, 256, 128]
    """Filters of each convolution, from the input side."""
    kernel_sizes: list[PositiveInt] = [8, 5, 3]
    """Steps that a filter of each convolution sees at once."""
    dropout: Dropout = 0.0
    """Share of units switched off before the head while training."""

    @model_validator(mode="after")
    def _paired(self) -> Self:
        if len(self.filters) != len(self.kernel_sizes):
            message = (
                f"filters names {len(self.filters)} convolutions and kernel_sizes "
                f"{len(self.kernel_sizes)}. Give both the same length"
            )
            raise ValueError(message)
        return self


class InceptionTime(Settings):
    """Modules of convolutions of several sizes over the steps of a series, averaged over it."""

    claims = ("series",)

    depth: PositiveInt = 6
    """Modules, one on the other."""
    filters: PositiveInt = 32
    """Filters of each kernel size and of the pooling in a module."""
    bottleneck: PositiveInt = 32
    """Channels that the convolutions of a module are given."""
    kernel_sizes: Annotated[list[PositiveInt], Field(min_length=1)] = [10, 20, 40]
    """Steps that the filters of a module see at once."""
    residual: bool = True
    """Lead every third module's input around the three."""
    dropout: Dropout = 0.0
    """Share of units switched off before the head while training."""


ARCHITECTURES: Final[dict[str, type[Settings]]] = {
    "mlp": Mlp,
    "tabm": Tabm,
    "ft_transformer": FtTransformer,
    "layers": Layers,
    "text_cnn": TextCnn,
    "rnn": Rnn,
    "transformer": Transformer,
    "fcn": Fcn,
    "inception_time": InceptionTime,
    "cnn": Cnn,
    "resnet": Resnet,
}


def takes_all(architecture: str) -> bool:
    """Say whether an architecture is made for columns of any type, and so for plain numbers."""
    known = ARCHITECTURES.get(architecture)
    return known is None or known.claims == names.COLUMN_TYPES


def is_function(architecture: str) -> bool:
    """Say whether the name has the form package.module:function."""
    module, colon, function = architecture.partition(":")
    parts = [*module.split("."), function]
    return bool(colon) and all(part.isidentifier() for part in parts)
