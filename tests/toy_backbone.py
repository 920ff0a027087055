"""Backbones that a test can count: of texts, tiny, with weights of its own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlrun.deep.backbones.backbone import Backbone, Reader
from dlrun.deep.inputs.encoding import Spec

WIDTH = 6
N_LETTERS = 128


@dataclass(frozen=True)
class LetterReader(Reader):
    """Codes of letters; or, where it makes vectors, the shares of the first letters.

    Attributes:
        read_cells: all that was read, in order.
    """

    makes_vectors: bool = False
    read_cells: list[str] = field(default_factory=list, compare=False)

    def read(self, cells: Sequence[Any]) -> NDArray[Any]:
        self.read_cells.extend(cells)
        if self.makes_vectors:
            counts = [[text.count(letter) for letter in "abcdef"] for text in cells]
            return np.array(counts, np.float32).reshape(-1, WIDTH)
        ids = np.zeros((len(cells), max(map(len, cells), default=0)), np.int32)
        for row, text in enumerate(cells):
            ids[row, : len(text)] = [1 + ord(letter) % (N_LETTERS - 1) for letter in text]
        return ids

    def save(self, folder: Path) -> None:
        (folder / "letters.json").write_text(json.dumps({"vectors": self.makes_vectors}))


@dataclass(frozen=True)
class LetterBackbone(Backbone):
    """Mean vectors of letters, with a little attention so that padding matters."""

    digest: str = "toy"
    is_trainable: bool = True
    name: str = "letters"
    column_type: str = "text"
    width: int = WIDTH
    n_weights: int = N_LETTERS * WIDTH
    letters: LetterReader = field(default_factory=LetterReader)

    @property
    def group(self) -> Spec:
        return Spec((None,), "int32") if self.is_trainable else Spec((WIDTH,), "float32")

    @property
    def reader(self) -> LetterReader:
        return self.letters

    def build(self) -> Any:
        from dlrun.deep.backend import keras

        ids = keras.Input((None,), dtype="int32")
        table = keras.layers.Embedding(
            N_LETTERS, WIDTH, embeddings_initializer=keras.initializers.RandomNormal(seed=1)
        )(ids)
        present = keras.ops.cast(keras.ops.expand_dims(ids > 0, -1), "float32")
        mixed = keras.layers.Dense(
            WIDTH, "tanh", kernel_initializer=keras.initializers.RandomNormal(seed=2)
        )(table)
        total = keras.ops.sum(mixed * present, axis=1)
        return keras.Model(ids, total / (1 + keras.ops.sum(present, axis=1)))

    def blocks(self, trunk: Any) -> tuple[tuple[Any, ...], ...]:
        return tuple((layer,) for layer in trunk.layers if layer.weights)

    def projections(self, trunk: Any) -> tuple[Any, ...]:
        return ()


def counting(digest: str) -> LetterBackbone:
    """Return a backbone whose reader makes the vectors, so that no TensorFlow is needed."""
    return LetterBackbone(digest, is_trainable=False, letters=LetterReader(makes_vectors=True))
