"""Backbones of texts, images and sounds that are made in a moment, in place of pretrained ones."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import ModuleType

import numpy as np
import pytest

from dlrun.deep.backbones.backbone import Backbone, BackboneRequest, Reader
from dlrun.deep.inputs.encoding import Spec

WORDS = 50
WIDTH = 24


class Words(Reader):
    """Hashes the words of a text; the first id stands for its start."""

    def read(self, cells):
        codes = [
            [1, *(2 + sum(word.encode()) % (WORDS - 2) for word in str(each).split())]
            for each in cells
        ]
        ids = np.zeros((len(codes), max(map(len, codes), default=1)), np.int32)
        for row, own in zip(ids, codes, strict=True):
            row[: len(own)] = own
        return ids

    def save(self, folder):
        (folder / "tokenizer.json").write_text("{}", encoding="utf-8")


class Pixels(Reader):
    """Stacks images."""

    def read(self, cells):
        return np.stack(cells)

    def save(self, folder):
        pass


class Spectrum(Reader):
    """Makes the vectors itself, as the library of another framework does."""

    def read(self, cells):
        spectra = [
            np.abs(np.fft.rfft(np.ravel(cell), 4 * WIDTH))[1 : 2 * WIDTH + 1] for cell in cells
        ]
        return np.log1p(np.array(spectra)).reshape(-1, WIDTH, 2).mean(axis=2).astype(np.float32)

    def save(self, folder):
        (folder / "toy.onnx").write_bytes(b"")


@dataclass(frozen=True)
class Toy(Backbone):
    """A backbone whose reader and layers are those of its column's type."""

    request: BackboneRequest

    name = "toy"
    width = WIDTH
    n_weights = 1

    @property
    def digest(self):
        return f"toy {self.request.column} {self.request.length}"

    @property
    def column_type(self):
        return self.request.column.type

    @property
    def is_trainable(self):
        return self.column_type != "audio"

    @property
    def group(self):
        shapes = {"text": (None,), "image": self.request.column.shape, "audio": (WIDTH,)}
        dtypes = {"text": "int32", "image": "uint8", "audio": "float32"}
        return Spec(shapes[self.column_type], dtypes[self.column_type])

    @property
    def reader(self):
        return READERS[self.column_type]()

    def build(self):
        return _text() if self.column_type == "text" else _image(self.request.column.shape)

    def blocks(self, trunk):
        return tuple((trunk.get_layer(name),) for name in BLOCKS[self.column_type])

    def projections(self, trunk):
        return (trunk.get_layer("query"),) if self.column_type == "text" else ()


READERS = {"text": Words, "image": Pixels, "audio": Spectrum}
BLOCKS = {"text": ("words", "query"), "image": ("low", "high")}


def _text():
    """Average the vectors of words, and add a dense layer of that."""
    from dlrun.deep.backend import keras

    ids = keras.Input((None,), dtype="int32")
    vectors = keras.layers.Embedding(WORDS, WIDTH, name="words")(ids)
    mask = keras.ops.cast(ids != 0, vectors.dtype)[:, :, None]
    mean = keras.ops.sum(vectors * mask, axis=1) / keras.ops.sum(mask, axis=1)
    return _fill(keras.Model(ids, mean + keras.layers.Dense(WIDTH, name="query")(mean)))


def _image(shape):
    """Two convolutions with a batch normalisation that does not fit the images, averaged."""
    from dlrun.deep.backend import keras

    pixels = keras.Input(shape, dtype="uint8")
    low = keras.layers.Conv2D(WIDTH // 2, 3, activation="relu", name="low")
    normalized = keras.layers.BatchNormalization(name="norm")(low(pixels / 255))
    high = keras.layers.Conv2D(WIDTH, 3, activation="relu", name="high")(normalized)
    return _fill(keras.Model(pixels, keras.layers.GlobalAveragePooling2D()(high)))


def _fill(model):
    rng = np.random.default_rng(0)
    for weight in model.weights:
        values = rng.normal(size=weight.shape) / max(1, weight.shape[0]) ** 0.5
        weight.assign(np.abs(values) if "variance" in weight.path else values)
    return model


@contextmanager
def toys_in_place() -> Iterator[None]:
    """Open toys whatever backbone is asked for."""
    with pytest.MonkeyPatch.context() as patch:
        for kind, reader in READERS.items():
            module = ModuleType(kind)
            module.open, module.load_reader = Toy, lambda folder, reader=reader: reader()
            patch.setitem(sys.modules, f"dlrun.deep.backbones.{kind}", module)
        yield
