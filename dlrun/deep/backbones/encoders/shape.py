"""What a transformer over tokens is made of, whichever library wrote its weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from numpy.typing import NDArray

if TYPE_CHECKING:
    from tokenizers import Tokenizer

Pooling = Literal["mean", "first", "last"]
"""Which of a text's vectors become one: all, the first token's or the last token's."""


@dataclass(frozen=True)
class EncoderShape:
    """The parts of a transformer and their sizes.

    Attributes:
        n_tokens: of the vocabulary.
        max_length: tokens of a text that it takes.
        width: of a token's vector.
        n_blocks: of attention and two dense layers; none for vectors of words.
        n_heads: of attention.
        inner: units of a block's first dense layer.
        activation: of that layer, a name of `activations`.
        epsilon: of the normalisations.
        dropout: share of the embedding's and the blocks' outputs.
        attention_dropout: share of the attention weights.
        positions: a vector learned for each, rotations of queries and keys, or none.
        has_bias: whether dense layers and normalisations have one.
        is_gated: whether a block's first dense layer is multiplied by a second one.
        is_causal: whether a token attends to those before it alone.
        norm_first: whether a block normalises what enters it, not what leaves it.
        norm_embedding: whether the embedding is normalised.
        norm_first_block: whether the first block normalises what enters its attention.
        thetas: the base of each block's rotations.
        windows: how far to each side each block attends; 0 is to all tokens.
    """

    n_tokens: int
    max_length: int
    width: int
    n_blocks: int = 0
    n_heads: int = 1
    inner: int = 0
    activation: str = "gelu"
    epsilon: float = 1e-12
    dropout: float = 0.0
    attention_dropout: float = 0.0
    positions: Literal["learned", "rotary", "none"] = "learned"
    has_bias: bool = True
    is_gated: bool = False
    is_causal: bool = False
    norm_first: bool = False
    norm_embedding: bool = True
    norm_first_block: bool = True
    thetas: tuple[float, ...] = ()
    windows: tuple[int, ...] = ()

    @property
    def n_weights(self) -> int:
        """Count the weights of the network."""
        bias = int(self.has_bias)
        norm = self.width * (1 + bias)
        n_inner = 2 if self.is_gated else 1
        dense = 4 * self.width * (self.width + bias) + n_inner * self.inner * (self.width + bias)
        block = dense + self.width * (self.inner + bias) + 2 * norm
        n_vectors = self.n_tokens + (self.max_length if self.positions == "learned" else 0)
        n_norms = self.norm_embedding + (self.norm_first and self.n_blocks > 0)
        n_norms -= self.norm_first and not self.norm_first_block
        return n_vectors * self.width + self.n_blocks * block + n_norms * norm


@dataclass(frozen=True)
class Weight:
    """A tensor as a layer takes it, and its name in the file that it is from."""

    name: str
    value: NDArray[Any]


LayerWeights = Iterator[tuple[str, Sequence[Weight]]]
"""The name of each layer of the network, and its weights in Keras' order."""


@dataclass(frozen=True)
class EncoderFiles:
    """An encoder on this disk, whose weights are read when they are needed.

    Attributes:
        shape: of the network.
        weights: read the weights of its layers.
        tokenizer: read its tokenizer, without truncation and padding.
        files: with its weights.
        pooling: as it was trained.
        is_normalized: whether a text's vector is scaled to length 1.
        adds_special_tokens: whether texts start and end with the tokens that it was trained with.
        length: tokens of a text that it was trained with, or as many as it takes.
    """

    shape: EncoderShape
    weights: Callable[[], LayerWeights]
    tokenizer: Callable[[], Tokenizer]
    files: tuple[Path, ...]
    pooling: Pooling
    is_normalized: bool
    adds_special_tokens: bool
    length: int
