"""Backbones of texts: encoders and decoders of several libraries, and vectors of words."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from dlrun.deep.backbones.backbone import Backbone, BackboneRequest
from dlrun.deep.backbones.encoders import word_vectors
from dlrun.deep.backbones.encoders.hugging_face import open_folder
from dlrun.deep.backbones.encoders.keras_preset import open_preset
from dlrun.deep.backbones.encoders.shape import EncoderFiles, Pooling
from dlrun.deep.backbones.encoders.tokenizer import TextReader, load_reader
from dlrun.deep.backbones.weights import find_weights
from dlrun.deep.inputs.encoding import Spec
from dlrun.errors import WeightsError

__all__ = ["TextBackbone", "load_reader", "open", "open_encoder"]

MAX_LENGTH: Final = 256  # tokens of a text under `auto`
VERSION: Final = 1  # of the network; another one makes other vectors of the same weights


@dataclass(frozen=True)
class TextBackbone(Backbone):
    """An encoder with its tokenizer, for texts of some length.

    Attributes:
        encoder: on this disk.
        pooling: of the vectors of its tokens.
    """

    name: str
    digest: str
    width: int
    n_weights: int
    encoder: EncoderFiles
    pooling: Pooling
    text_reader: TextReader

    column_type = "text"
    is_trainable = True

    @property
    def group(self) -> Spec:
        """Describe the ids that enter it: 0 where a text has ended."""
        return Spec((None,), "int32")

    @property
    def reader(self) -> TextReader:
        """Return what turns texts into ids."""
        return self.text_reader

    def build(self) -> Any:
        """Return a new Keras model with the pretrained weights, ids → vectors."""
        from dlrun.deep.backbones.encoders.build import build_encoder, set_weights

        encoder = self.encoder
        model = build_encoder(encoder.shape, self.pooling, is_normalized=encoder.is_normalized)
        set_weights(model, encoder.weights())
        return model

    def blocks(self, trunk: Any) -> tuple[tuple[Any, ...], ...]:
        """Return the embedding's layers, and those of each block."""
        from dlrun.deep.backbones.encoders.build import blocks_of

        return blocks_of(trunk)

    def projections(self, trunk: Any) -> tuple[Any, ...]:
        """Return the dense layers of the queries and values."""
        from dlrun.deep.backbones.encoders.build import projections_of

        return projections_of(trunk)


def open(request: BackboneRequest) -> TextBackbone:
    """Open the encoder that a request names; a text is cut where it takes no more tokens."""
    encoder = open_encoder(find_weights(request.name, "text", request.folder))
    pooling = encoder.pooling if request.pooling == "auto" else request.pooling
    wanted = MAX_LENGTH if request.length == "auto" else request.length
    reader = TextReader(
        encoder.tokenizer(),
        min(wanted, encoder.length),
        adds_special_tokens=encoder.adds_special_tokens,
    )
    parts = [VERSION, encoder.shape, pooling, encoder.is_normalized, *map(_digest, encoder.files)]
    parts += [reader.description]
    digest = hashlib.sha256(repr(parts).encode()).hexdigest()
    shape = encoder.shape
    return TextBackbone(
        request.name, digest, shape.width, shape.n_weights, encoder, pooling, reader
    )


def open_encoder(path: Path) -> EncoderFiles:
    """Open a folder, or a file of weights with the rest beside it.

    Raises:
        WeightsError: it has no configuration, or is of a kind that is not supported.
    """
    folder = path.parent if path.is_file() else path
    if (folder / word_vectors.TOKENIZER).is_file():
        return word_vectors.open_package(folder)
    config = _read_config(folder / "config.json")
    if "class_name" in config:
        return open_preset(folder, config)
    return open_folder(folder, config, (path,) if path.is_file() else ())


def _read_config(path: Path) -> dict[str, Any]:
    if not path.is_file():
        message = (
            f"{path.parent} has no config.json: not a folder of Hugging Face or a preset of Keras"
        )
        raise WeightsError(message)
    try:
        config: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        message = f"{path} cannot be read: {error}"
        raise WeightsError(message) from error
    return config


def _digest(file: Path) -> str:
    state = file.stat()
    return _digest_at(file, state.st_mtime_ns, state.st_size)


@lru_cache
def _digest_at(file: Path, _mtime: int, _size: int) -> str:
    """Digest a file's content, once while it does not change."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
