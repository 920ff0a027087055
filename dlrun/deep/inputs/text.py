"""Text columns: split into words or characters, and looked up in the training rows' vocabulary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from string import ascii_lowercase, ascii_uppercase
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from dlrun.contract.dataset import Column
from dlrun.deep.backend import keras
from dlrun.deep.blocks.steps import as_sequence
from dlrun.deep.inputs.encoding import Encoding, Read, Spec
from dlrun.deep.inputs.groups import Group
from dlrun.deep.inputs.layer_names import layer_name
from dlrun.recipe.preprocessing import Text

if TYPE_CHECKING:
    import pandas as pd

PADDING: Final = 0
UNKNOWN: Final = 1
FIRST: Final = 2
NOTHING: Final = "\0nothing"  # Keras wants a vocabulary even where every text is missing
QUANTILE: Final = 0.95  # of the training rows' lengths, which `auto` takes
MAX_TOKENS: Final = {"word": 512, "char": 2048}  # of a text under `auto`
FAST_TEXT: Final = 64  # width of the vectors of an averaged text

# What Keras' TextVectorization strips, and the letters that it lowers.
PUNCTUATION: Final = rb"""!"#$%&()*+,-./:;<=>?@[\]^_`{|}~'"""
LOWER: Final = bytes.maketrans(ascii_uppercase.encode(), ascii_lowercase.encode())


@dataclass(frozen=True)
class Tokenizer:
    """Splits a text exactly as Keras' TextVectorization does; its attributes have Keras' names.

    Letters beyond ASCII keep their case, and only ASCII whitespace separates words.

    Attributes:
        standardize: lower, strip_punctuation, lower_and_strip_punctuation, or None.
        split: whitespace or character.
    """

    standardize: str | None
    split: str

    def tokens(self, text: str, most: int = -1) -> Sequence[bytes | str]:
        """Return the first tokens of a text, or all: words in UTF-8, or characters."""
        standardize = self.standardize or ""
        table = LOWER if "lower" in standardize else None
        deleted = PUNCTUATION if "punctuation" in standardize else b""
        content = text.encode("utf-8", "replace").translate(table, deleted)
        if self.split == "character":
            return content.decode()[: most if most >= 0 else None]
        words = content.split(None, most)  # whose last one is the rest of the text
        return words[:most] if most >= 0 else words


class TokenCodes(dict[bytes | str, int]):
    """Token, as `Tokenizer.tokens` returns it, → code; other tokens are unknown."""

    def __missing__(self, _token: bytes | str) -> int:
        return UNKNOWN


def make_tokenizer(settings: Text) -> Tokenizer:
    """Make the tokenizer of the recipe; characters are split with their punctuation."""
    if settings.level == "char":
        return Tokenizer("lower" if settings.lowercase else None, "character")
    return Tokenizer(f"{'lower_and_' if settings.lowercase else ''}strip_punctuation", "whitespace")


def make_reader(columns: Sequence[Column], model: Any) -> Read:
    """Make the reader of a text column, with the tokenizer and vocabulary of a Keras model."""
    name = columns[0].name
    tokenizer, length = find_tokenizer(name, model)
    vocabulary = map(str, model.get_layer(layer_name("text", name)).get_vocabulary())
    words = (token if tokenizer.split == "character" else token.encode() for token in vocabulary)
    codes = TokenCodes((token, code) for code, token in enumerate(words))
    return lambda frame: read_texts(frame[name], tokenizer, codes, length)


def find_tokenizer(name: str, model: Any) -> tuple[Tokenizer, int]:
    """Return the tokenizer of a text column of a Keras model, and how many tokens are read."""
    config = model.get_layer(layer_name("text", name)).get_config()
    return Tokenizer(config["standardize"], config["split"]), config["output_sequence_length"]


def read_texts(
    texts: Collection[str], tokenizer: Tokenizer, table: TokenCodes, length: int
) -> NDArray[np.int64]:
    """Return the codes of the first tokens of each text, (rows, length) int64; 0 is padding."""
    codes = np.full((len(texts), length), PADDING, dtype=np.int64)
    for row, text in zip(codes, texts, strict=True):
        found = [*map(table.__getitem__, tokenizer.tokens(text, length))]
        row[: len(found)] = found
    return codes


@dataclass(frozen=True)
class TextEncoding(Encoding):
    """How a text column becomes codes of tokens: 0 is padding and 1 unknown.

    Attributes:
        vocabulary: the tokens from code 2 on, the most frequent first.
        length: tokens that are kept, from the start.
    """

    vocabulary: tuple[str, ...]
    tokenizer: Tokenizer
    length: int

    kind: ClassVar[str] = "text"
    raw: ClassVar[Spec] = Spec((1,), "string")

    @property
    def group(self) -> Spec:
        """Describe the codes."""
        return Spec((self.length,), "int64")

    @property
    def n_codes(self) -> int:
        """Count the codes, padding and unknown included."""
        return FIRST + len(self.vocabulary)

    def read(self, inputs: list[Any]) -> Any:
        """Split the raw column, (rows, 1) strings, and look its tokens up."""
        layer = keras.layers.TextVectorization(
            standardize=self.tokenizer.standardize,
            split=self.tokenizer.split,
            output_sequence_length=self.length,
            vocabulary=list(self.vocabulary) or [NOTHING],
            name=layer_name("text", self.names[0]),
        )
        return layer(inputs[0])

    def flatten(self, encoded: Any) -> Any:
        """Average the vectors of a text's tokens, as fastText does (Joulin et al. 2017)."""
        return as_sequence(Group(self, encoded), FAST_TEXT).mean()


def fit(columns: Sequence[Column], frame: pd.DataFrame, settings: Text) -> TextEncoding:
    """Fit vocabulary and length to the training rows."""
    (column,) = columns
    tokenizer = make_tokenizer(settings)
    counts: Counter[bytes | str] = Counter()
    lengths = []
    for text in frame[column.name]:
        tokens = tokenizer.tokens(text)
        counts.update(tokens)
        lengths.append(len(tokens))
    # Keras' own lookup would take a token for the same without the zero at its end.
    frequency = {_to_text(token): count for token, count in counts.items()}
    known = [token for token in frequency if "\0" not in token]
    known.sort(key=lambda token: (-frequency[token], token))
    vocabulary = tuple(known[: max(0, settings.max_tokens - FIRST)])
    return TextEncoding((column.name,), vocabulary, tokenizer, _length(lengths, settings))


def _to_text(token: bytes | str) -> str:
    return token if isinstance(token, str) else token.decode()


def _length(lengths: Sequence[int], settings: Text) -> int:
    if settings.sequence_length != "auto":
        return settings.sequence_length
    usual = int(np.quantile(lengths, QUANTILE, method="higher")) if lengths else 1
    return max(1, min(usual, MAX_TOKENS[settings.level]))
