"""Tiny models with random weights, written as libraries write theirs; at most 50 kB each."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

WIDTH: Final = 8
INNER: Final = 16
N_BLOCKS: Final = 2
N_HEADS: Final = 2
MAX_LENGTH: Final = 40
WORDS: Final = tuple("the film is was good bad great dull not very and of it ##ly".split())
LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
WORD_PIECES: Final = (
    *("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"),
    *LETTERS,
    *(f"##{letter}" for letter in LETTERS),
    *WORDS,
)
"""BERT's vocabulary; padding has id 0."""

ROBERTA_SPECIAL: Final = ("<s>", "<pad>", "</s>", "<unk>", "<mask>")
GPT2_SPECIAL: Final = ("<|endoftext|>",)
MERGES: Final = (("Ġ", "t"), ("h", "e"), ("Ġt", "he"), ("i", "s"), ("o", "o"), ("oo", "d"))

PRESETS: Final = {
    "BertBackbone": (),
    "DistilBertBackbone": (),
    "RobertaBackbone": ROBERTA_SPECIAL,
    "GPT2Backbone": GPT2_SPECIAL,
}
"""Class of a preset → the special tokens of its vocabulary of bytes, none for one of words."""

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


def write_bert(folder: Path, *, seed: int = 0, prefix: str = "", **settings: Any) -> Path:
    """Write a BERT, which ends where it is asked for as a sentence encoder."""
    random = _Random(seed)
    _embeddings(random, MAX_LENGTH, n_types=2)
    _bert_blocks(random)
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


def write_distilbert(folder: Path, *, seed: int = 1) -> Path:
    """Write a DistilBERT with a head for masked words, whose tensors have a prefix."""
    random = _Random(seed)
    _embeddings(random, MAX_LENGTH)
    for block in _blocks("transformer.layer."):
        for part in ("q_lin", "k_lin", "v_lin", "out_lin"):
            random.dense(f"{block}.attention.{part}", WIDTH, WIDTH)
        random.norm(f"{block}.sa_layer_norm")
        random.dense(f"{block}.ffn.lin1", WIDTH, INNER)
        random.dense(f"{block}.ffn.lin2", INNER, WIDTH)
        random.norm(f"{block}.output_layer_norm")
    sizes = _sizes()
    config = {
        "model_type": "distilbert",
        "vocab_size": sizes["vocab_size"],
        "max_position_embeddings": MAX_LENGTH,
        "dim": WIDTH,
        "n_layers": N_BLOCKS,
        "n_heads": N_HEADS,
        "hidden_dim": INNER,
        "activation": "gelu",
    }
    _write(folder, config, random.tensors, "distilbert.")
    write_wordpiece(folder)
    return folder


def write_roberta(folder: Path, *, seed: int = 2) -> Path:
    """Write a RoBERTa, whose padding has id 1 and whose positions start at 2."""
    random = _Random(seed)
    n_tokens = len(byte_vocabulary(*ROBERTA_SPECIAL))
    _embeddings(random, MAX_LENGTH + 2, n_types=1, n_tokens=n_tokens)
    _bert_blocks(random)
    config = {
        **_sizes(),
        "model_type": "roberta",
        "vocab_size": n_tokens,
        "max_position_embeddings": MAX_LENGTH + 2,
        "pad_token_id": 1,
        "type_vocab_size": 1,
        "layer_norm_eps": 1e-5,
    }
    _write(folder, config, random.tensors, "roberta.")
    write_byte_pairs(folder, ROBERTA_SPECIAL)
    return folder


def write_modernbert(folder: Path, *, seed: int = 3) -> Path:
    """Write a ModernBERT: a block that attends to all tokens, two that attend to 2 each side."""
    random = _Random(seed)
    random.draw("embeddings.tok_embeddings.weight", _sizes()["vocab_size"], WIDTH)
    random.norm("embeddings.norm", bias=False)
    for position, block in enumerate(_blocks("layers.", 3)):
        if position:
            random.norm(f"{block}.attn_norm", bias=False)
        random.dense(f"{block}.attn.Wqkv", WIDTH, 3 * WIDTH, bias=False)
        random.dense(f"{block}.attn.Wo", WIDTH, WIDTH, bias=False)
        random.norm(f"{block}.mlp_norm", bias=False)
        random.dense(f"{block}.mlp.Wi", WIDTH, 2 * INNER, bias=False)
        random.dense(f"{block}.mlp.Wo", INNER, WIDTH, bias=False)
    random.norm("final_norm", bias=False)
    config = {
        **_sizes(),
        "model_type": "modernbert",
        "num_hidden_layers": 3,
        "hidden_activation": "gelu",
        "local_attention": 4,
        "global_attn_every_n_layers": 3,
        "global_rope_theta": 160000.0,
        "local_rope_theta": 10000.0,
        **dict.fromkeys(("pad_token_id", "bos_token_id", "cls_token_id"), 0),
        **dict.fromkeys(("eos_token_id", "sep_token_id"), 3),
    }
    _write(folder, config, random.tensors, "model.")
    write_wordpiece(folder)
    return folder


def write_gpt2(folder: Path, *, seed: int = 4) -> Path:
    """Write a GPT-2, which has no special tokens within a text, and no padding."""
    random = _Random(seed)
    n_tokens = len(byte_vocabulary(*GPT2_SPECIAL))
    random.draw("wte.weight", n_tokens, WIDTH)
    random.draw("wpe.weight", MAX_LENGTH, WIDTH)
    for block in _blocks("h."):
        for part, inputs, units in (
            ("attn.c_attn", WIDTH, 3 * WIDTH),
            ("attn.c_proj", WIDTH, WIDTH),
            ("mlp.c_fc", WIDTH, 4 * WIDTH),
            ("mlp.c_proj", 4 * WIDTH, WIDTH),
        ):
            random.draw(f"{block}.{part}.weight", inputs, units)
            random.draw(f"{block}.{part}.bias", units)
        random.norm(f"{block}.ln_1")
        random.norm(f"{block}.ln_2")
    random.norm("ln_f")
    config = {
        "model_type": "gpt2",
        "vocab_size": n_tokens,
        "n_positions": MAX_LENGTH,
        "n_embd": WIDTH,
        "n_layer": N_BLOCKS,
        "n_head": N_HEADS,
    }
    _write(folder, config, random.tensors)
    write_byte_pairs(folder, GPT2_SPECIAL)
    return folder


def write_preset(folder: Path, name: str = "BertBackbone", *, seed: int = 5) -> Path:
    """Write a preset of KerasHub, of a class of PRESETS."""
    random = _Random(seed)
    special = PRESETS[name]
    tokens = byte_vocabulary(*special) if special else WORD_PIECES
    if name in ("BertBackbone", "GPT2Backbone"):
        tables = ("reversible_embedding", "position_embedding")
    else:
        both = "token_and_position_embedding"
        tables = (f"{both}/token_embedding", f"{both}/position_embedding")
    _draw_layer(random, tables[0], (len(tokens), WIDTH))
    _draw_layer(random, tables[1], (MAX_LENGTH, WIDTH))
    if name == "BertBackbone":
        _draw_layer(random, "embedding", (2, WIDTH))
        _draw_layer(random, "dense", (WIDTH, WIDTH), (WIDTH,))
    _draw_layer(random, "layer_normalization", (WIDTH,), (WIDTH,))
    kind = "transformer_decoder" if name == "GPT2Backbone" else "transformer_encoder"
    for block in (kind, f"{kind}_1"):
        _draw_preset_block(random, block)
    config = {
        "vocabulary_size": len(tokens),
        "num_layers": N_BLOCKS,
        "num_heads": N_HEADS,
        "hidden_dim": WIDTH,
        "intermediate_dim": INNER,
        "dropout": 0.1,
        "max_sequence_length": MAX_LENGTH,
    }
    _write_preset(folder, name, config, random.tensors)
    _write_assets(folder, tokens, special)
    return folder


def _draw_layer(random: _Random, name: str, *shapes: tuple[int, ...]) -> None:
    for position, shape in enumerate(shapes):
        scale = 1.0 if "norm" in name and position == 0 else 0.0
        random.draw(f"layers/{name}/vars/{position}", *shape, mean=scale)


def _draw_preset_block(random: _Random, block: str) -> None:
    heads, attention = (N_HEADS, WIDTH // N_HEADS), f"{block}/_self_attention_layer"
    for part in ("query", "key", "value"):
        _draw_layer(random, f"{attention}/{part}_dense", (WIDTH, *heads), heads)
    _draw_layer(random, f"{attention}/output_dense", (*heads, WIDTH), (WIDTH,))
    _draw_layer(random, f"{attention}_norm", (WIDTH,), (WIDTH,))
    feedforward = f"{block}/_feedforward"
    _draw_layer(random, f"{feedforward}_intermediate_dense", (WIDTH, INNER), (INNER,))
    _draw_layer(random, f"{feedforward}_output_dense", (INNER, WIDTH), (WIDTH,))
    _draw_layer(random, f"{feedforward}_layer_norm", (WIDTH,), (WIDTH,))


def _write_preset(folder: Path, name: str, config: Mapping[str, Any], tensors: Tensors) -> None:
    import h5py

    folder.mkdir(parents=True, exist_ok=True)
    room = {"DistilBert": "distil_bert"}.get(name.removesuffix("Backbone"), name[:-8].lower())
    written = {
        "module": f"keras_hub.src.models.{room}.{room}_backbone",
        "class_name": name,
        "config": config,
        "registered_name": f"keras_hub>{name}",
    }
    _write_json(folder / "config.json", written)
    with h5py.File(folder / "model.weights.h5", "w") as file:
        for path, value in tensors.items():
            file[path] = value


def _write_assets(folder: Path, tokens: Sequence[str], special: tuple[str, ...]) -> None:
    """Write the vocabulary, and for BERT that texts are lowered."""
    assets = folder / "assets" / "tokenizer"
    assets.mkdir(parents=True, exist_ok=True)
    if special:
        _write_json(assets / "vocabulary.json", {token: code for code, token in enumerate(tokens)})
        lines = [" ".join(pair) for pair in MERGES]
        (assets / "merges.txt").write_text("\n".join(lines), encoding="utf-8")
    else:
        (assets / "vocabulary.txt").write_text("\n".join(tokens), encoding="utf-8")
        _write_json(folder / "tokenizer.json", {"config": {"lowercase": True}})


def _sizes() -> dict[str, Any]:
    return {
        "vocab_size": len(WORD_PIECES),
        "max_position_embeddings": MAX_LENGTH,
        "hidden_size": WIDTH,
        "num_hidden_layers": N_BLOCKS,
        "num_attention_heads": N_HEADS,
        "intermediate_size": INNER,
        "hidden_act": "gelu",
    }


def _bert_blocks(random: _Random) -> None:
    for block in _blocks("encoder.layer."):
        for part in ("query", "key", "value"):
            random.dense(f"{block}.attention.self.{part}", WIDTH, WIDTH)
        random.dense(f"{block}.attention.output.dense", WIDTH, WIDTH)
        random.norm(f"{block}.attention.output.LayerNorm")
        random.dense(f"{block}.intermediate.dense", WIDTH, INNER)
        random.dense(f"{block}.output.dense", INNER, WIDTH)
        random.norm(f"{block}.output.LayerNorm")


def _embeddings(random: _Random, n_positions: int, n_types: int = 0, n_tokens: int = 0) -> None:
    random.draw("embeddings.word_embeddings.weight", n_tokens or _sizes()["vocab_size"], WIDTH)
    random.draw("embeddings.position_embeddings.weight", n_positions, WIDTH)
    if n_types:
        random.draw("embeddings.token_type_embeddings.weight", n_types, WIDTH)
    random.norm("embeddings.LayerNorm")


def _blocks(prefix: str, n_blocks: int = N_BLOCKS) -> Iterator[str]:
    return (f"{prefix}{block}" for block in range(n_blocks))


def _write(folder: Path, config: Mapping[str, Any], tensors: Tensors, prefix: str = "") -> None:
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    _write_json(folder / "config.json", config)
    named = {prefix + name: np.ascontiguousarray(value) for name, value in tensors.items()}
    save_file(named, folder / "model.safetensors")


def _write_json(path: Path, content: Any) -> None:
    path.write_text(json.dumps(content), encoding="utf-8")


def write_wordpiece(folder: Path) -> None:
    """Write BERT's tokenizer.json."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    codes = {token: code for code, token in enumerate(WORD_PIECES)}
    tokenizer = Tokenizer(models.WordPiece(codes, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer.add_special_tokens(list(WORD_PIECES[:5]))
    tokenizer.save(str(folder / "tokenizer.json"))


def byte_vocabulary(*special: str) -> list[str]:
    """Return special tokens, the 256 bytes as BPE writes them, and what is merged of them."""
    from tokenizers.pre_tokenizers import ByteLevel

    return [*special, *sorted(ByteLevel.alphabet()), *(left + right for left, right in MERGES)]


def write_byte_pairs(folder: Path, special: tuple[str, ...]) -> None:
    """Write GPT-2's tokenizer.json, or RoBERTa's, which puts a text between <s> and </s>."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors

    codes = {token: code for code, token in enumerate(byte_vocabulary(*special))}
    tokenizer = Tokenizer(models.BPE(codes, list(MERGES)))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    if "<s>" in special:
        ends = ("</s>", codes["</s>"]), ("<s>", codes["<s>"])
        tokenizer.post_processor = processors.RobertaProcessing(*ends, add_prefix_space=False)
    tokenizer.add_special_tokens(list(special))
    tokenizer.save(str(folder / "tokenizer.json"))


WRITERS: Final = {
    "bert": write_bert,
    "distilbert": write_distilbert,
    "roberta": write_roberta,
    "modernbert": write_modernbert,
    "gpt2": write_gpt2,
}
"""Type of models → what writes one."""
