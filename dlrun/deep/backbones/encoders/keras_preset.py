"""Encoders and decoders as KerasHub writes them: a preset with config.json and an HDF5 file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

from dlrun.deep.backbones.encoders.shape import (
    EncoderFiles,
    EncoderShape,
    LayerWeights,
    Weight,
)
from dlrun.deep.backbones.encoders.vocabulary import read_preset_tokenizer
from dlrun.errors import WeightsError

FILE: Final = "model.weights.h5"
LAYERS: Final = "layers"

CLASSES: Final[Mapping[str, Mapping[str, Any]]] = {
    "BertBackbone": {"activation": "gelu_tanh", "epsilon": 1e-12},
    "DistilBertBackbone": {"activation": "gelu", "epsilon": 1e-12},
    "RobertaBackbone": {"activation": "gelu", "epsilon": 1e-5},
    "GPT2Backbone": {
        "activation": "gelu_tanh",
        "epsilon": 1e-5,
        "is_causal": True,
        "norm_first": True,
        "norm_embedding": False,
    },
}
"""Class → what its configuration does not say."""

DENSES: Final = {
    "query": "_self_attention_layer/query_dense",
    "key": "_self_attention_layer/key_dense",
    "value": "_self_attention_layer/value_dense",
    "output": "_self_attention_layer/output_dense",
    "inner": "_feedforward_intermediate_dense",
    "outer": "_feedforward_output_dense",
}
NORMS: Final = {
    "attention_norm": "_self_attention_layer_norm",
    "output_norm": "_feedforward_layer_norm",
}


def open_preset(folder: Path, config: Mapping[str, Any]) -> EncoderFiles:
    """Open a folder with the configuration of a backbone, its weights and its vocabulary.

    Raises:
        WeightsError: a file is missing, or the backbone is of a class that is not supported.
    """
    name = config["class_name"]
    if name not in CLASSES:
        message = f"{folder}: class_name {name!r} is none of {', '.join(CLASSES)}"
        raise WeightsError(message)
    path = folder / FILE
    if not path.is_file():
        message = f"{folder} has no {FILE}"
        raise WeightsError(message)
    try:
        shape = _shape(config["config"], CLASSES[name])
    except KeyError as error:
        message = f"{folder}: config.json has no {error}"
        raise WeightsError(message) from error
    return EncoderFiles(
        shape=shape,
        weights=partial(_read_weights, path, shape),
        tokenizer=partial(read_preset_tokenizer, folder),
        files=(path,),
        pooling="last" if shape.is_causal else "mean",
        is_normalized=False,
        adds_special_tokens=True,
        length=shape.max_length,
    )


def _shape(config: Mapping[str, Any], own: Mapping[str, Any]) -> EncoderShape:
    return EncoderShape(
        n_tokens=config["vocabulary_size"],
        max_length=config["max_sequence_length"],
        width=config["hidden_dim"],
        n_blocks=config["num_layers"],
        n_heads=config["num_heads"],
        inner=config["intermediate_dim"],
        dropout=config["dropout"],
        attention_dropout=config["dropout"],
        **own,
    )


def _read_weights(path: Path, shape: EncoderShape) -> LayerWeights:
    with _open(path) as file:
        layers = file[LAYERS] if LAYERS in file else file
        yield from _embedding(layers)
        norm = [_read(layers, "layer_normalization", position) for position in (0, 1)]
        yield f"block_{shape.n_blocks}_final_norm" if shape.norm_first else "block_0_norm", norm
        kind = "transformer_decoder" if shape.is_causal else "transformer_encoder"
        for block in range(shape.n_blocks):
            yield from _block(layers, f"{kind}_{block}" if block else kind, block + 1)


def _open(path: Path) -> Any:
    import h5py

    try:
        return h5py.File(path)
    except OSError as error:
        message = f"{path} cannot be read: {error}"
        raise WeightsError(message) from error


def _embedding(layers: Any) -> LayerWeights:
    """Read the vectors of tokens and positions; every token has that of the first segment."""
    both = "token_and_position_embedding"
    if both in layers:
        names = [f"{both}/token_embedding", f"{both}/position_embedding"]
    else:
        names = ["reversible_embedding", "position_embedding"]
    tokens, positions = (_read(layers, name, 0) for name in names)
    if "embedding" in layers:
        first = _read(layers, "embedding", 0).value[:1]
        positions = Weight(positions.name, positions.value + first)
    yield "block_0_tokens", [tokens]
    yield "block_0_positions", [positions]


def _block(layers: Any, name: str, block: int) -> LayerWeights:
    for part, layer in NORMS.items():
        weights = [_read(layers, f"{name}/{layer}", position) for position in (0, 1)]
        yield f"block_{block}_{part}", weights
    for part, layer in DENSES.items():
        yield f"block_{block}_{part}", list(_dense(layers, f"{name}/{layer}", part))


def _dense(layers: Any, name: str, part: str) -> Iterator[Weight]:
    """Read a kernel and a bias, whose units or inputs are (heads, size) in attention."""
    kernel, bias = (_read(layers, name, position) for position in (0, 1))
    first, last = kernel.value.shape[0], kernel.value.shape[-1]
    flat: Sequence[int] = (-1, last) if part == "output" else (first, -1)
    yield Weight(kernel.name, kernel.value.reshape(flat))
    yield Weight(bias.name, bias.value.reshape(-1))


def _read(layers: Any, name: str, position: int) -> Weight:
    path = f"{name}/vars/{position}"
    if path not in layers:
        message = f"{layers.file.filename}: there is no {LAYERS}/{path}"
        raise WeightsError(message)
    return Weight(f"{LAYERS}/{path}", layers[path][:].astype("float32", copy=False))
