"""The settings of each architecture, with their defaults.

A `Dimension` beside a setting says what a search tries; `dlrun.catalog.spaces` names the sources.
"""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from dlrun.catalog.keras_api import activations
from dlrun.contract.search import Dimension
from dlrun.system.text import suggest


def _known(activation: str) -> str:
    if activation not in activations():
        message = f"{activation!r} is not a Keras activation. {suggest(activation, activations())}"
        raise ValueError(message)
    return activation


Activation = Annotated[str, AfterValidator(_known)]
Size = Annotated[int, Field(gt=0, le=2**16)]
Depth = Annotated[int, Field(gt=0, le=256)]
Sizes = Annotated[list[Size], Field(max_length=256)]
Counts = Annotated[list[Size], Field(min_length=1, max_length=256)]
Dropout = Annotated[float, Field(ge=0, lt=1)]
NumberEncode = Literal["none", "plr", "ple"] | None
# None at all is often best, and a range would hardly ever propose it.
SearchedDropout = Annotated[Dropout, Dimension(choices=(0.0, 0.1, 0.2, 0.3, 0.5))]
SearchedEncode = Annotated[NumberEncode, Dimension(choices=("none", "plr", "ple"))]


class Settings(BaseModel):
    """The settings of one architecture."""

    # To build the validators of all would take longer than reading a recipe.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    @property
    def suited_training(self) -> dict[str, Any]:
        """Return the training that suits these settings where the recipe says nothing of it."""
        return {}


def _check_heads(settings: Any) -> Any:
    if settings.width % settings.heads:
        message = f"width {settings.width} is not a multiple of heads {settings.heads}"
        raise ValueError(message)
    return settings


class Mlp(Settings):
    """Fully connected layers over the joined columns."""

    hidden: Annotated[
        Sizes,
        Dimension(
            choices=([128, 128], [256, 256], [512, 512], [128] * 3, [256] * 3, [512] * 3, [512])
        ),
    ] = [128, 128]
    """Units of each layer, from the input side."""
    activation: Annotated[Activation, Dimension(choices=("relu", "silu", "selu"))] = "relu"
    """Any Keras activation."""
    dropout: SearchedDropout = 0.1
    """Share of units switched off after each layer while training."""
    normalization: Literal["batch", "layer", "none"] = "none"
    """Normalise before each activation; batch uses momentum 0.9."""
    encode: SearchedEncode = None
    """How numbers are embedded; null: as preprocessing.number.encode says."""


class Tabm(Settings):
    """An ensemble whose members share dense layers, each with adapters and a head of its own."""

    members: Size = 32
    """Networks in the ensemble; their losses and predictions are averaged."""
    hidden: Annotated[
        Counts, Dimension(choices=([128, 128], [256, 256], [512, 512], [256] * 3, [512] * 3))
    ] = [256, 256]
    """Units of each layer, from the input side."""
    activation: Activation = "relu"
    """Any Keras activation."""
    dropout: SearchedDropout = 0.0
    """Share of units switched off after each layer while training."""
    encode: SearchedEncode = "ple"
    """How numbers are embedded; null: as preprocessing.number.encode says."""


class FtTransformer(Settings):
    """A transformer whose tokens are the columns; a column of another type is one token too."""

    width: Annotated[Size, Dimension(choices=(32, 64, 128, 192))] = 64
    """Length of a token's vector; a multiple of heads."""
    blocks: Annotated[Depth, Dimension(range=(1, 4))] = 3
    """Blocks of attention and a gated dense layer."""
    heads: Size = 8
    """Heads of attention."""
    dropout: SearchedDropout = 0.1
    """Share of units switched off in the dense layers while training."""
    attention_dropout: SearchedDropout = 0.2
    """Dropout of the attention weights."""
    encode: NumberEncode = None
    """How numbers are embedded; null: as preprocessing.number.encode says."""

    _divisible = model_validator(mode="after")(_check_heads)


class Layers(Settings):
    """Any keras.layers, listed in the recipe."""

    layers: Annotated[list[Any], Field(min_length=1, max_length=256)]
    """Layer names, each alone or with its arguments."""


class Cnn(Settings):
    """Convolutional blocks over an image, the log-mel bands of a sound, a waveform or a series.

    A block is a convolution, normalisation, activation and max-pooling by 2 along each side that
    is long enough. With a side above 64 the first convolution of an image or of bands has stride
    2. After the last block a map of an image of up to 8 × 8 is flattened, a larger one averaged; a
    sound or a series is averaged over its length.
    """

    filters: Annotated[
        Counts,
        Dimension(choices=([16, 32, 64], [32, 64, 128], [64, 128, 256], [32, 64, 128, 256])),
    ] = [32, 64, 128]
    """Filters of each block, from the input side."""
    kernel_size: Annotated[Size, Dimension(choices=(3, 5, 7))] = 3
    """Side of each filter, in pixels, frames or steps."""
    hidden: Annotated[Sizes, Dimension(choices=([], [128], [256]))] = []
    """Units of dense layers between the blocks and the head."""
    activation: Activation = "relu"
    """Any Keras activation."""
    dropout: SearchedDropout = 0.3
    """Share of units switched off before each dense layer and the head while training."""
    normalization: Literal["batch", "layer", "none"] = "batch"
    """Normalise before each activation; batch uses momentum 0.9."""


class Resnet(Settings):
    """Residual blocks over an image or a sound, in three stages, then global average pooling.

    Each stage has half the sides and twice the filters of the one before. A map with a side above
    64 is shrunk by four first.
    """

    depth: Annotated[int, Field(ge=8), Dimension(choices=(8, 14, 20, 32))] = 20
    """Layers with weights: 6n + 2, such as 8, 14, 20, 32, 44 or 56."""
    width: Annotated[Size, Dimension(choices=(16, 32, 64))] = 16
    """Filters of the first stage."""
    dropout: SearchedDropout = 0.0
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

    embedding: Annotated[Size, Dimension(choices=(64, 128, 256))] = 128
    """Length of the vector that stands for a token."""
    filters: Annotated[Size, Dimension(choices=(64, 128, 256, 512))] = 128
    """Filters of each kernel size."""
    kernel_sizes: Annotated[
        Counts, Dimension(choices=([1, 2, 3], [3, 4, 5], [5, 6, 7], [2, 3, 4, 5], [3], [7]))
    ] = [3, 4, 5]
    """Tokens under each filter."""
    dropout: SearchedDropout = 0.5
    """Share of units switched off before the head while training."""


class Rnn(Settings):
    """Recurrent layers over the steps of a text, a sound or a series."""

    cell: Annotated[Literal["lstm", "gru", "simple"], Dimension(choices=("lstm", "gru"))] = "lstm"
    """The recurrent cell."""
    units: Annotated[Counts, Dimension(choices=([32], [64], [128], [64, 64], [128, 128]))] = [64]
    """Units of each layer, from the input side; in each direction."""
    bidirectional: bool = True
    """Read from both ends."""
    dropout: SearchedDropout = 0.2
    """Share of units switched off after each layer while training."""
    embedding: Size = 128
    """Length of the vector that stands for a token of a text."""


class Transformer(Settings):
    """Attention over the tokens of a text, patches of an image, or steps of a sound or series."""

    blocks: Annotated[Depth, Dimension(range=(1, 4))] = 2
    """Blocks of attention and a feedforward layer."""
    width: Annotated[Size, Dimension(choices=(32, 64, 128))] = 64
    """Length of the vector of a token, patch or step; a multiple of heads."""
    heads: Size = 4
    """Heads of attention."""
    feedforward: Annotated[Size, Dimension(choices=(64, 128, 256, 512))] = 128
    """Units of each feedforward layer."""
    dropout: SearchedDropout = 0.1
    """Share of units switched off in each block while training."""
    positions: Literal["learned", "sinusoidal"] = "learned"
    """How positions are embedded."""
    patch: Size | Literal["auto"] = "auto"
    """Side of an image's patches in pixels, or steps of a sound or series that make one; auto:
    the smallest power of two, of an image from 2 on, that leaves 64 patches or fewer of an image
    and 256 of the others."""

    _divisible = model_validator(mode="after")(_check_heads)


class Fcn(Settings):
    """Convolutions over the steps of a series or a sound, averaged over its length."""

    filters: Annotated[
        Counts, Dimension(choices=([32, 64, 32], [64, 128, 64], [128, 256, 128]))
    ] = [128, 256, 128]
    """Filters of each convolution, from the input side."""
    kernel_sizes: Annotated[Sizes, Dimension(choices=([3, 3, 3], [8, 5, 3], [16, 9, 5]))] = [
        8,
        5,
        3,
    ]
    """Steps under a filter of each convolution."""
    dropout: SearchedDropout = 0.0
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

    depth: Annotated[Depth, Dimension(choices=(3, 6, 9))] = 6
    """Modules, one on the other."""
    filters: Annotated[Size, Dimension(choices=(16, 32, 64))] = 32
    """Filters of each kernel size and of the pooling in a module."""
    bottleneck: Size = 32
    """Channels of the input to the convolutions of a module."""
    kernel_sizes: Annotated[
        Counts, Dimension(choices=([3, 5, 9], [5, 10, 20], [10, 20, 40], [20, 40, 80]))
    ] = [10, 20, 40]
    """Steps under the filters of a module."""
    residual: bool = True
    """A residual connection around every three modules."""
    dropout: SearchedDropout = 0.0
    """Share of units switched off before the head while training."""


class TabularPrior(Settings):
    """An experiment: a network that answers from small tables, trained on synthetic ones alone."""

    weights: str | None = None
    """The file of its weights, which `python -m dlrun.deep.tabular_prior.pretrain` writes; null:
    those of the package, if it has some."""
    members: Annotated[int, Field(gt=0, le=64)] = 4
    """Orders of columns and classes in which it sees the table, whose answers are averaged."""


FINE_TUNING: Final = {
    "epochs": 10,
    "batch_size": 32,
    "learning_rate": {"schedule": "cosine", "peak": 3e-3, "warmup": 0.1},
    "clip_norm": 1.0,
    "early_stopping": {"patience": 3},
}
"""Few epochs in small batches: pretrained weights are to change little (Devlin et al. 2019)."""
FROZEN: Final = {"learning_rate": 3e-3, "epochs": 200}
"""An epoch over vectors takes a moment; on a hundred rows the new layers learn for 150 of them."""


class Pretrained(Settings):
    """A network with pretrained weights over a text, an image or a sound.

    Where the recipe does not say how it is trained, the learning rate is 3e-3, for 200 epochs at
    most; where weights of the backbone are trained too, for 10 epochs in batches of 32, with a
    warm-up of a tenth and a cosine schedule, clip_norm 1 and a patience of 3 epochs.
    """

    backbone: str | None = None
    """minilm, wordllama, efficientnet_lite0 or speech_embedding, which install with pip; a local
    folder or file; hf:owner/name or keras:name, which are downloaded. null: the one that installs
    with pip for the type of the columns."""
    train: Annotated[
        Literal["head", "last_blocks", "all", "lora"],
        Dimension(choices=("head", "last_blocks", "all")),
    ] = "head"
    """What is trained of it, beside the new layers: nothing, its last blocks, all of it, or
    low-rank adapters of its attention."""
    blocks: Depth = 2
    """Blocks that last_blocks trains."""
    rank: Size = 8
    """Rank of the adapters of lora."""
    unfreeze_every: Annotated[int, Field(ge=0, le=1000)] = 0
    """Epochs after which one more block is trained, from the last one down; 0: all from the
    start."""
    hidden: Sizes = []
    """Units of dense layers between the backbone and the head."""
    dropout: SearchedDropout = 0.1
    """Share of units switched off before each dense layer and the head while training."""
    pooling: Literal["auto", "mean", "first", "last"] = "auto"
    """How the vectors of a text's tokens become one; auto: as the backbone was trained."""
    size: Size | Literal["auto"] = "auto"
    """Side of the images that enter the backbone, in pixels; auto: 128 or its own, if that is
    smaller."""

    @property
    def suited_training(self) -> dict[str, Any]:
        """Return few epochs in small batches where the backbone is trained."""
        return FROZEN if self.train == "head" else FINE_TUNING
