"""Tiny models with random weights, written as libraries write theirs; at most 50 kB each."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

WIDTH: Final = 8
INNER: Final = 16
N_BLOCKS: Final = 2
N_HEADS: Final = 2
MAX_LENGTH: Final = 40
WORDS: Final = tuple("the a film is was good bad great dull not very and of it ##s ##ly".split())
LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"

Tensors = dict[str, NDArray[np.float32]]


class _Random:
    """Draws tensors that are far enough from 0 and 1 for every part of a network to matter."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.tensors: Tensors = {}

    def draw(self, name: str, *shape: int, mean: float = 0.0) -> None:
        values = mean + 0.5 * self.rng.standard_normal(shape)
        self.tensors[name] = values.astype(np.float32)

    def dense(self, name: str, inputs: int, units: int, *, bias: bool = True) -> None:
        self.draw(f"{name}.weight", units, inputs)
        if bias:
            self.draw(f"{name}.bias", units)

    def norm(self, name: str, *, bias: bool = True) -> None:
        self.draw(f"{name}.weight", WIDTH, mean=1.0)
        if bias:
            self.draw(f"{name}.bias", WIDTH)


def vocabulary(*special: str) -> list[str]:
    """Return special tokens, letters with and without a word before them, and some words."""
    return [*special, *LETTERS, *(f"##{letter}" for letter in LETTERS), *WORDS]


def write_bert(folder: Path, *, seed: int = 0, prefix: str = "", **settings: Any) -> Path:
    """Write a BERT, which ends where it is asked for as a sentence encoder."""
    random = _Random(seed)
    _embeddings(random, MAX_LENGTH, n_types=2)
    for block in _blocks("encoder.layer."):
        for part in ("query", "key", "value"):
            random.dense(f"{block}.attention.self.{part}", WIDTH, WIDTH)
        random.dense(f"{block}.attention.output.dense", WIDTH, WIDTH)
        random.norm(f"{block}.attention.output.LayerNorm")
        random.dense(f"{block}.intermediate.dense", WIDTH, INNER)
        random.dense(f"{block}.output.dense", INNER, WIDTH)
        random.norm(f"{block}.output.LayerNorm")
    config = {"model_type": "bert", "type_vocab_size": 2, "pad_token_id": 0, **_sizes()}
    _write(folder, {**config, **settings}, random.tensors, prefix)
    write_wordpiece(folder)
    return folder


def write_sentence_encoder(folder: Path, **settings: Any) -> Path:
    """Write a BERT whose files say how a text's vector is made, as MiniLM's do."""
    write_bert(folder, **settings)
    kinds = {"0": "Transformer", "1_Pooling": "Pooling", "2_Normalize": "Normalize"}
    modules = [
        {"path": "" if path == "0" else path, "type": f"sentence_transformers.models.{kind}"}
        for path, kind in kinds.items()
    ]
    _write_json(folder / "modules.json", modules)
    (folder / "1_Pooling").mkdir()
    pooling = {"pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True}
    _write_json(folder / "1_Pooling" / "config.json", pooling)
    _write_json(folder / "sentence_bert_config.json", {"max_seq_length": 24})
    return folder


def _sizes() -> dict[str, Any]:
    return {
        "vocab_size": len(vocabulary("[PAD]", "[UNK]", "[CLS]", "[SEP]")),
        "max_position_embeddings": MAX_LENGTH,
        "hidden_size": WIDTH,
        "num_hidden_layers": N_BLOCKS,
        "num_attention_heads": N_HEADS,
        "intermediate_size": INNER,
        "hidden_act": "gelu",
    }


def _embeddings(random: _Random, n_positions: int, n_types: int) -> None:
    random.draw("embeddings.word_embeddings.weight", _sizes()["vocab_size"], WIDTH)
    random.draw("embeddings.position_embeddings.weight", n_positions, WIDTH)
    if n_types:
        random.draw("embeddings.token_type_embeddings.weight", n_types, WIDTH)
    random.norm("embeddings.LayerNorm")


def _blocks(prefix: str) -> Iterator[str]:
    return (f"{prefix}{block}" for block in range(N_BLOCKS))


def _write(folder: Path, config: Mapping[str, Any], tensors: Tensors, prefix: str = "") -> None:
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    _write_json(folder / "config.json", config)
    named = {prefix + name: np.ascontiguousarray(value) for name, value in tensors.items()}
    save_file(named, folder / "model.safetensors")


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content), encoding="utf-8")


def write_wordpiece(folder: Path) -> None:
    """Write BERT's tokenizer.json; padding has id 0."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    tokens = vocabulary("[PAD]", "[UNK]", "[CLS]", "[SEP]")
    codes = {token: code for code, token in enumerate(tokens)}
    tokenizer = Tokenizer(models.WordPiece(codes, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.save(str(folder / "tokenizer.json"))
