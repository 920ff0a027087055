"""Tokenizers as libraries write them: a tokenizer.json, or only the list of its tokens."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dlrun.deep.backbones.extras import load
from dlrun.errors import WeightsError

if TYPE_CHECKING:
    from tokenizers import Tokenizer

TOKENIZER = "tokenizer.json"


def read_tokenizer(folder: Path) -> Tokenizer:
    """Read the tokenizer of a folder as Hugging Face writes it.

    Raises:
        ExtraError: the package tokenizers is not installed.
        WeightsError: it has none, or one that cannot be read.
    """
    if (folder / TOKENIZER).is_file():
        return load_tokenizer(folder / TOKENIZER)
    settings = folder / "tokenizer_config.json"
    values = json.loads(settings.read_text(encoding="utf-8")) if settings.is_file() else {}
    return _make(folder / "vocab", lowercase=values.get("do_lower_case", True))


def read_preset_tokenizer(folder: Path) -> Tokenizer:
    """Read the tokenizer of a preset of KerasHub, whose tokenizer.json has settings alone.

    Raises:
        ExtraError: the package tokenizers is not installed.
        WeightsError: it has none, or one that cannot be read.
    """
    path = folder / TOKENIZER
    settings = json.loads(path.read_text(encoding="utf-8"))["config"] if path.is_file() else {}
    vocabulary = folder / "assets" / "tokenizer" / "vocabulary"
    return _make(vocabulary, lowercase=settings.get("lowercase", False))


def load_tokenizer(path: Path) -> Tokenizer:
    """Load a tokenizer.json.

    Raises:
        ExtraError: the package tokenizers is not installed.
        WeightsError: there is no such file, or it cannot be read.
    """
    kind = load("tokenizers").Tokenizer
    try:
        tokenizer: Tokenizer = kind.from_file(str(path))
    except Exception as error:  # the library raises nothing narrower
        message = f"{path} cannot be read as a tokenizer: {error}"
        raise WeightsError(message) from error
    return tokenizer


def _make(vocabulary: Path, *, lowercase: bool) -> Tokenizer:
    """Make the tokenizer of a .txt with pieces of words, or of a .json with pairs of bytes."""
    words, bytes_ = vocabulary.with_suffix(".txt"), vocabulary.with_suffix(".json")
    merges = vocabulary.parent / "merges.txt"
    if words.is_file():
        return _word_pieces(words.read_text(encoding="utf-8").splitlines(), lowercase=lowercase)
    if bytes_.is_file() and merges.is_file():
        return _byte_pairs(json.loads(bytes_.read_text(encoding="utf-8")), merges)
    message = (
        f"{vocabulary.parent} has no tokenizer: no {TOKENIZER}, no {words.name}, and not both of "
        f"{bytes_.name} and {merges.name}"
    )
    raise WeightsError(message)


def _word_pieces(tokens: list[str], *, lowercase: bool) -> Tokenizer:
    """Make BERT's tokenizer: a text between [CLS] and [SEP]."""
    library = load("tokenizers")
    codes = {token: code for code, token in enumerate(tokens)}
    tokenizer: Any = library.Tokenizer(library.models.WordPiece(codes, unk_token="[UNK]"))
    tokenizer.normalizer = library.normalizers.BertNormalizer(lowercase=lowercase)
    tokenizer.pre_tokenizer = library.pre_tokenizers.BertPreTokenizer()
    ends = (("[SEP]", codes["[SEP]"]), ("[CLS]", codes["[CLS]"]))
    tokenizer.post_processor = library.processors.BertProcessing(*ends)
    return _with_special(tokenizer, ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], codes)


def _byte_pairs(codes: dict[str, int], merges: Path) -> Tokenizer:
    """Make GPT-2's tokenizer, or RoBERTa's, which puts a text between <s> and </s>."""
    library = load("tokenizers")
    lines = merges.read_text(encoding="utf-8").splitlines()
    pairs = [tuple(line.split(" ")) for line in lines if line and not line.startswith("#version")]
    tokenizer: Any = library.Tokenizer(library.models.BPE(codes, pairs))
    tokenizer.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=False)
    if "<s>" in codes:
        ends = (("</s>", codes["</s>"]), ("<s>", codes["<s>"]))
        tokenizer.post_processor = library.processors.RobertaProcessing(
            *ends, add_prefix_space=False
        )
    special = ["<s>", "<pad>", "</s>", "<unk>", "<mask>", "<|endoftext|>"]
    return _with_special(tokenizer, special, codes)


def _with_special(tokenizer: Any, special: list[str], codes: dict[str, int]) -> Tokenizer:
    """Keep special tokens whole where a text has them."""
    tokenizer.add_special_tokens([token for token in special if token in codes])
    result: Tokenizer = tokenizer
    return result
