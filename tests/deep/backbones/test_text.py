"""Backbones of texts: what their folders say, and what a reader makes of texts; no TensorFlow."""

from __future__ import annotations

import json
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_backbones as tiny

from dlrun.contract.dataset import Column
from dlrun.deep.backbones.backbone import BackboneRequest, open_backbone
from dlrun.deep.backbones.encoders.tokenizer import load_reader
from dlrun.errors import WeightsError

COLUMN = Column("review", "text")


def open_text(folder: Path, **settings: Any) -> Any:
    return open_backbone(BackboneRequest(folder.name, COLUMN, folder.parent, **settings))


@pytest.fixture(scope="module")
def sentences(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write_sentence_encoder(tmp_path_factory.mktemp("text") / "sentences")


def test_a_sentence_encoder_says_what_it_is(sentences: Path) -> None:
    backbone = open_text(sentences)
    assert (backbone.width, backbone.column_type, backbone.is_trainable) == (8, "text", True)
    assert (backbone.group.shape, backbone.group.dtype) == ((None,), "int32")
    assert (backbone.pooling, backbone.encoder.is_normalized) == ("mean", True)
    assert backbone.reader.length == 24


def test_a_backbone_travels_to_another_process(sentences: Path) -> None:
    backbone = open_text(sentences)
    copy = pickle.loads(pickle.dumps(backbone))
    assert copy.digest == backbone.digest
    assert copy.reader.read(["good"]).tolist() == backbone.reader.read(["good"]).tolist()


@pytest.mark.parametrize(
    ("name", "pooling"),
    [
        ("bert", "mean"),
        ("distilbert", "mean"),
        ("roberta", "mean"),
        ("modernbert", "mean"),
        ("gpt2", "last"),
    ],
)
def test_pooling_where_a_folder_does_not_say_it(name: str, pooling: str, tmp_path: Path) -> None:
    backbone = open_text(tiny.WRITERS[name](tmp_path))
    assert backbone.pooling == pooling
    assert backbone.reader.length == tiny.MAX_LENGTH  # of the positions it has, not 256
    assert open_text(tmp_path, pooling="first").pooling == "first"


def test_the_digest_changes_with_what_changes_the_vectors(tmp_path: Path) -> None:
    folder = tiny.write_bert(tmp_path / "one")
    same = open_text(tiny.write_bert(tmp_path / "two")).digest
    digests = [
        open_text(folder).digest,
        open_text(folder, pooling="first").digest,
        open_text(folder, length=7).digest,
        open_text(tiny.write_bert(tmp_path / "three", seed=9)).digest,
        open_text(tiny.write_bert(tmp_path / "four", hidden_act="relu")).digest,
        open_text(tiny.write_sentence_encoder(tmp_path / "five")).digest,
    ]
    assert same == digests[0]
    assert len(set(digests)) == len(digests)
    tiny.write_bert(folder, seed=9)  # the file is written anew
    assert open_text(folder).digest == digests[3]


def test_ids_are_those_of_the_vocabulary_plus_one_and_padding_is_zero(sentences: Path) -> None:
    ids = open_text(sentences).reader.read(["Good film", "", "a \ud800 日"])
    cls, sep, unknown = (tiny.WORD_PIECES.index(token) + 1 for token in ("[CLS]", "[SEP]", "[UNK]"))
    good, film, a = (tiny.WORD_PIECES.index(token) + 1 for token in ("good", "film", "a"))
    assert ids.dtype == np.int32
    assert ids.tolist() == [
        [cls, good, film, sep, 0],
        [cls, sep, 0, 0, 0],
        [cls, a, unknown, unknown, sep],
    ]


def test_no_text_is_a_row_of_padding_where_there_are_no_special_tokens(tmp_path: Path) -> None:
    reader = open_text(tiny.write_gpt2(tmp_path)).reader
    assert reader.read([""]).tolist() == [[0]]
    assert reader.read([]).shape == (0, 1)
    assert reader.read(["<|endoftext|>"]).tolist() == [[1]]  # a token with id 0 is not padding


def test_a_long_text_is_cut_and_keeps_its_last_special_token(sentences: Path) -> None:
    ids = open_text(sentences, length=5).reader.read(["the film is not very good"])
    assert ids.shape == (1, 5)
    assert ids[0, -1] == tiny.WORD_PIECES.index("[SEP]") + 1


def test_a_text_keeps_a_token_of_its_own_however_short_it_is_cut(sentences: Path) -> None:
    assert open_text(sentences, length=1).reader.read(["good film"]).shape == (1, 3)


def test_a_saved_reader_reads_the_same(sentences: Path, tmp_path: Path) -> None:
    reader = open_text(sentences, length=6).reader
    reader.save(tmp_path)
    texts = ["the film is not very good", ""]
    assert load_reader(tmp_path).read(texts).tolist() == reader.read(texts).tolist()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["reader.json", "tokenizer.json"]
    (tmp_path / "reader.json").unlink()
    with pytest.raises(WeightsError, match=r"reader\.json cannot be read: "):
        load_reader(tmp_path)


@pytest.mark.parametrize("name", ["bert", "roberta", "gpt2"])
def test_a_vocabulary_makes_the_same_tokenizer(name: str, tmp_path: Path) -> None:
    folder = tiny.WRITERS[name](tmp_path / "whole")
    texts = ["The film, is it good?  [MASK]<mask> dull", " x", "", "日本"]
    expected = open_text(folder).reader.read(texts).tolist()
    model = json.loads((folder / "tokenizer.json").read_text())["model"]
    (folder / "tokenizer.json").unlink()
    if name == "bert":
        (folder / "vocab.txt").write_text("\n".join(tiny.WORD_PIECES))
    else:
        (folder / "vocab.json").write_text(json.dumps(model["vocab"]))
        lines = ["#version: 0.2", *map(" ".join, model["merges"])]
        (folder / "merges.txt").write_text("\n".join(lines))
    assert open_text(folder).reader.read(texts).tolist() == expected


def test_a_cased_vocabulary_keeps_capitals(tmp_path: Path) -> None:
    folder = tiny.write_bert(tmp_path)
    (folder / "tokenizer.json").unlink()
    (folder / "vocab.txt").write_text("\n".join(tiny.WORD_PIECES))
    (folder / "tokenizer_config.json").write_text('{"do_lower_case": false}')
    unknown = tiny.WORD_PIECES.index("[UNK]") + 1
    assert open_text(folder).reader.read(["GOOD"])[0, 1] == unknown


def refuse(folder: Path, message: str) -> None:
    with pytest.raises(WeightsError, match=f"^{re.escape(message)}"):
        open_text(folder)


def test_what_a_folder_lacks_is_named(tmp_path: Path) -> None:
    folder = tiny.write_bert(tmp_path / "bert")
    (folder / "tokenizer.json").unlink()
    refuse(
        folder,
        f"{folder} has no tokenizer: no tokenizer.json, no vocab.txt, and not both of vocab.json "
        "and merges.txt",
    )
    (folder / "tokenizer.json").write_text("{")
    refuse(folder, f"{folder / 'tokenizer.json'} cannot be read as a tokenizer: ")
    (folder / "model.safetensors").unlink()
    refuse(folder, f"{folder} has no model.safetensors")
    (folder / "model.safetensors.index.json").write_text('{"weight_map": {"a": "b", "c": "d"}}')
    refuse(folder, f"{folder} lacks b, d, which model.safetensors.index.json names")
    (folder / "config.json").write_text("{")
    refuse(folder, f"{folder / 'config.json'} cannot be read: ")
    (folder / "config.json").unlink()
    refuse(
        folder,
        f"{folder} has no config.json: not a folder of Hugging Face or a preset of Keras",
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"model_type": "t5"},
            "model_type 't5' is none of bert, distilbert, roberta, xlm-roberta, camembert, "
            "modernbert, gpt2",
        ),
        ({"hidden_act": "tanh"}, "config.json: activation 'tanh' is none of gelu, gelu_new, "),
        (
            {"position_embedding_type": "relative_key"},
            "config.json: position_embedding_type 'relative_key' is not 'absolute'",
        ),
        ({"model_type": "gpt2"}, "config.json has no 'n_embd'"),
    ],
)
def test_what_is_not_supported_is_named(settings: Any, message: str, tmp_path: Path) -> None:
    folder = tiny.write_bert(tmp_path, **settings)
    refuse(folder, f"{folder}: {message}")


def test_a_preset_of_another_class_is_refused(tmp_path: Path) -> None:
    folder = tiny.write_preset(tmp_path)
    (folder / "model.weights.h5").write_bytes(b"no HDF5")
    with pytest.raises(WeightsError, match=r"model\.weights\.h5 cannot be read: "):
        list(open_text(folder).encoder.weights())
    (folder / "model.weights.h5").unlink()
    refuse(folder, f"{folder} has no model.weights.h5")
    (folder / "config.json").write_text('{"class_name": "T5Backbone", "config": {}}')
    allowed = "BertBackbone, DistilBertBackbone, RobertaBackbone, GPT2Backbone"
    refuse(folder, f"{folder}: class_name 'T5Backbone' is none of {allowed}")


def test_vectors_that_are_made_otherwise_are_refused(sentences: Path, tmp_path: Path) -> None:
    folder = tiny.write_sentence_encoder(tmp_path / "max")
    path = folder / "1_Pooling" / "config.json"
    for config in ('{"pooling_mode_max_tokens": true}', '{"pooling_mode": "max"}'):
        path.write_text(config)
        refuse(folder, f"{path}: pooling by max is none of cls, mean, lasttoken")
    path.write_text('{"pooling_mode": ["cls", "mean"]}')
    refuse(folder, f"{path}: pooling by cls and mean is none of cls, mean, lasttoken")
    path.write_text('{"pooling_mode": "cls", "include_prompt": true}')
    assert open_text(folder).pooling == "first"
    (folder / "modules.json").write_text('[{"path": "2", "type": "sentence_transformers.Dense"}]')
    message = "Dense is not supported, only Transformer, Pooling and Normalize"
    refuse(folder, f"{folder / 'modules.json'}: {message}")
