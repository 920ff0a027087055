"""Texts as ids of the tokens that an encoder was trained with."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from dlrun.deep.backbones.backbone import Reader
from dlrun.deep.backbones.encoders.vocabulary import TOKENIZER, load_tokenizer
from dlrun.errors import WeightsError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

SETTINGS: Final = "reader.json"


class TextReader(Reader):
    """Turns texts into ids: those of the vocabulary plus 1, and 0 where a text has ended.

    So no token is mistaken for padding, whichever id its vocabulary gives it.

    Args:
        tokenizer: without truncation and padding.
        length: tokens of a text that are kept, special ones counted, from the start.
        adds_special_tokens: whether each text starts and ends with them.
    """

    def __init__(self, tokenizer: Tokenizer, length: int, *, adds_special_tokens: bool) -> None:
        # The library needs room for special tokens; below that a text has no token of its own.
        n_special = tokenizer.num_special_tokens_to_add(is_pair=False) * adds_special_tokens
        self.length = max(length, n_special + 1)
        self.adds_special_tokens = adds_special_tokens
        self._tokenizer = tokenizer
        tokenizer.no_padding()
        tokenizer.enable_truncation(self.length)

    def read(self, cells: Sequence[Any]) -> NDArray[np.int32]:
        """Return ids, (rows, tokens of the longest row), at least one token wide."""
        # A lone half of a surrogate pair is no text.
        texts = [str(cell).encode("utf-8", "replace").decode() for cell in cells]
        encoded = self._tokenizer.encode_batch_fast(
            texts, add_special_tokens=self.adds_special_tokens
        )
        rows = [each.ids for each in encoded]
        ids = np.zeros((len(rows), max([1, *map(len, rows)])), dtype=np.int32)
        for row, codes in zip(ids, rows, strict=True):
            row[: len(codes)] = np.asarray(codes, dtype=np.int32) + 1
        return ids

    def tokens(self, text: str) -> tuple[str, ...]:
        """Return the tokens of a text that have ids, special ones included."""
        encoded = self._tokenizer.encode(
            text.encode("utf-8", "replace").decode(), add_special_tokens=self.adds_special_tokens
        )
        return tuple(encoded.tokens)

    @property
    def description(self) -> str:
        """Return all that its ids depend on."""
        return f"{self.length} {self.adds_special_tokens} {self._tokenizer.to_str()}"

    def save(self, folder: Path) -> None:
        """Write tokenizer.json, which other libraries read too, and reader.json."""
        settings = {"length": self.length, "adds_special_tokens": self.adds_special_tokens}
        self._tokenizer.save(str(folder / TOKENIZER))
        (folder / SETTINGS).write_text(json.dumps(settings), encoding="utf-8")


def load_reader(folder: Path) -> TextReader:
    """Load the reader that was saved into a folder.

    Raises:
        WeightsError: a file is missing or cannot be read.
    """
    tokenizer = load_tokenizer(folder / TOKENIZER)
    try:
        settings = json.loads((folder / SETTINGS).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        message = f"{folder / SETTINGS} cannot be read: {error}"
        raise WeightsError(message) from error
    return TextReader(
        tokenizer, settings["length"], adds_special_tokens=settings["adds_special_tokens"]
    )
