"""Text columns: split into words or characters, and looked up in the training rows' vocabulary."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from string import ascii_lowercase, ascii_uppercase
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from dlrun.contract.dataset import Column, ColumnType
from dlrun.deep.backend import keras
from dlrun.deep.inputs.encoding import Read, Spec
from dlrun.deep.inputs.layer_names import layer_name
from dlrun.recipe.preprocessing import Text

if TYPE_CHECKING:
    import pandas as pd

PADDING: Final = 0
UNKNOWN: Final = 1
FIRST: Final = 2
NOTHING: Final = "\0nothing"  # Keras wants a vocabulary even where every text is missing
QUANTILE: Final = 0.95  # of the training rows' lengths, which `auto` takes
MOST: Final = {"word": 512, "char": 2048}  # tokens of a text under `auto`

# What Keras' TextVectorization strips, the letters that it lowers, and where it splits.
PUNCTUATION: Final = rb"""!"#$%&()*+,-./:;<=>?@[\]^_`{|}~'"""
LOWER: Final = bytes.maketrans(ascii_uppercase.encode(), ascii_lowercase.encode())
WORD: Final = re.compile(r"[^ \t\n\r\v\f]+")


@dataclass(frozen=True)
class Rules:
    """How a text is split, in the words of Keras' TextVectorization, which does the same.

    Letters beyond ASCII keep their case, and only ASCII whitespace parts words.

    Attributes:
        standardize: what is done to a text before.
        split: whitespace or character.
    """

    standardize: str | None
    split: str

    def tokens(self, text: str) -> list[str]:
        """Split a text."""
        does = self.standardize or ""
        table = LOWER if "lower" in does else None
        deleted = PUNCTUATION if "punctuation" in does else b""
        text = text.encode("utf-8", "replace").translate(table, deleted).decode()
        return list(text) if self.split == "character" else WORD.findall(text)


def rules(settings: Text) -> Rules:
    """Take the rules that a recipe asks for; characters are split with their punctuation."""
    if settings.level == "char":
        return Rules("lower" if settings.lowercase else None, "character")
    return Rules(f"{'lower_and_' if settings.lowercase else ''}strip_punctuation", "whitespace")


def reader(columns: Sequence[Column], model: Any) -> Read:
    """Make the reader of a text column that splits and looks up as a Keras model does."""
    name = columns[0].name
    layer = model.get_layer(layer_name("text", name))
    config = layer.get_config()
    split = Rules(config["standardize"], config["split"])
    table = {str(token): code for code, token in enumerate(layer.get_vocabulary())}
    length = config["output_sequence_length"]
    return lambda frame: read_texts(frame[name], split, table, length)


def read_texts(
    texts: Iterable[str], split: Rules, table: Mapping[str, int], length: int
) -> NDArray[np.int64]:
    """Return the codes of the first tokens of each text, (rows, length) int64; 0 is padding."""
    listed = list(texts)
    codes = np.full((len(listed), length), PADDING, dtype=np.int64)
    for row, text in enumerate(listed):
        found = [table.get(token, UNKNOWN) for token in split.tokens(text)[:length]]
        codes[row, : len(found)] = found
    return codes


@dataclass(frozen=True)
class TextEncoding:
    """How a text column becomes codes of tokens: 0 is padding and 1 unknown.

    Attributes:
        names: the column, alone.
        vocabulary: the tokens from code 2 on, the most frequent first.
        split: how a text is split.
        length: tokens that are kept, from the start.
    """

    names: tuple[str, ...]
    vocabulary: tuple[str, ...]
    split: Rules
    length: int

    kind: ClassVar[ColumnType] = "text"
    raw: ClassVar[Spec] = Spec((1,), "string")

    @property
    def group(self) -> Spec:
        """Describe the codes."""
        return Spec((self.length,), "int64")

    encoded = group

    @property
    def n_codes(self) -> int:
        """Count the codes, padding and unknown included."""
        return FIRST + len(self.vocabulary)

    def read(self, inputs: list[Any]) -> Any:
        """Split the raw column, (rows, 1) strings, and look its tokens up."""
        layer = keras.layers.TextVectorization(
            standardize=self.split.standardize,
            split=self.split.split,
            output_sequence_length=self.length,
            vocabulary=list(self.vocabulary) or [NOTHING],
            name=layer_name("text", self.names[0]),
        )
        return layer(inputs[0])

    def encode(self, group: Any) -> Any:
        """Codes are what is trained on."""
        return group

    def expand(self, encoded: Any) -> Any:
        """Give the codes, for an embedding."""
        return encoded


def fit_texts(columns: Sequence[Column], frame: pd.DataFrame, settings: Text) -> TextEncoding:
    """Learn vocabulary and length from the training rows."""
    (column,) = columns
    split = rules(settings)
    counts: Counter[str] = Counter()
    lengths = []
    for text in frame[column.name]:
        tokens = split.tokens(text)
        counts.update(tokens)
        lengths.append(len(tokens))
    # Keras' own lookup would take a token for the same without the zero at its end.
    known = [token for token in counts if "\0" not in token]
    known.sort(key=lambda token: (-counts[token], token))
    vocabulary = tuple(known[: max(0, settings.max_tokens - FIRST)])
    return TextEncoding((column.name,), vocabulary, split, _length(lengths, settings))


def _length(lengths: Sequence[int], settings: Text) -> int:
    if settings.sequence_length != "auto":
        return settings.sequence_length
    usual = int(np.quantile(lengths, QUANTILE, method="higher")) if lengths else 1
    return max(1, min(usual, MOST[settings.level]))
