"""Vectors of words from the files of the package wordllama: an encoder without blocks."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Final

from dlrun.deep.backbones.encoders.safetensors_files import Tensors
from dlrun.deep.backbones.encoders.shape import EncoderFiles, EncoderShape, LayerWeights
from dlrun.deep.backbones.encoders.vocabulary import load_tokenizer

TOKENIZER: Final = Path("tokenizers", "l2_supercat_tokenizer_config.json")
WEIGHTS: Final = Path("weights", "l2_supercat_256.safetensors")
VECTORS: Final = "embedding.weight"
MAX_LENGTH: Final = 1_000_000  # there are no positions, so a text has no longest length


def open_package(folder: Path) -> EncoderFiles:
    """Open the folder of the package; its mean is of all tokens but special ones."""
    files = (folder / WEIGHTS,)
    with Tensors(files, VECTORS) as tensors:
        n_tokens, width = tensors.shape(VECTORS)
    return EncoderFiles(
        shape=EncoderShape(n_tokens, MAX_LENGTH, width, positions="none", norm_embedding=False),
        weights=partial(_read_weights, files),
        tokenizer=partial(load_tokenizer, folder / TOKENIZER),
        files=files,
        pooling="mean",
        is_normalized=False,
        adds_special_tokens=False,
        length=MAX_LENGTH,
    )


def _read_weights(files: tuple[Path, ...]) -> LayerWeights:
    with Tensors(files, VECTORS) as tensors:
        yield "block_0_tokens", [tensors.read(VECTORS)]
