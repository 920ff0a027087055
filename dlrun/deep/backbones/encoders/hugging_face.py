"""Encoders and decoders as Hugging Face writes them: a folder with config.json and safetensors."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dlrun.deep.backbones.encoders.safetensors_files import Tensors, find_files
from dlrun.deep.backbones.encoders.sentence_settings import read_settings
from dlrun.deep.backbones.encoders.shape import (
    EncoderFiles,
    EncoderShape,
    LayerWeights,
    Pooling,
    Weight,
)
from dlrun.deep.backbones.encoders.vocabulary import read_tokenizer
from dlrun.errors import WeightsError

Config = Mapping[str, Any]
"""The content of a config.json."""

ACTIVATIONS: Final = {
    "gelu": "gelu",
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "relu": "relu",
    "silu": "silu",
    "swish": "silu",
}


@dataclass(frozen=True)
class ModelType:
    """How a library's type of models is written: its configuration and the names of its tensors.

    Attributes:
        shape: read the configuration.
        pooling: where the folder does not say it.
        tokens: the tensor with the vectors of tokens.
        positions: the one of positions, if they are learned.
        types: the one of the types of tokens, if it has one; a text is of the first.
        norms: the normalisations of a block; `norm` is the embedding's, `final_norm` the last.
        denses: dense layers of a block → the tensor with the kernels of these parts, side by side.
        block: what comes before these names, with the number of the block from 0.
        is_transposed: whether kernels are (units, inputs).
    """

    shape: Callable[[Config], EncoderShape]
    tokens: str
    norms: Mapping[str, str]
    denses: Mapping[tuple[str, ...], str]
    block: str
    positions: str = ""
    types: str = ""
    pooling: Pooling = "mean"
    is_transposed: bool = True


def _activation(name: str) -> str:
    if name not in ACTIVATIONS:
        message = f"activation {name!r} is none of {', '.join(ACTIVATIONS)}"
        raise ValueError(message)
    return ACTIVATIONS[name]


def _bert_shape(config: Config, *, n_reserved: int = 0) -> EncoderShape:
    """Read a configuration of BERT; the first positions may be reserved for padding."""
    kind = config.get("position_embedding_type") or "absolute"
    if kind != "absolute":
        message = f"position_embedding_type {kind!r} is not 'absolute'"
        raise ValueError(message)
    return EncoderShape(
        n_tokens=config["vocab_size"],
        max_length=config["max_position_embeddings"] - n_reserved,
        width=config["hidden_size"],
        n_blocks=config["num_hidden_layers"],
        n_heads=config["num_attention_heads"],
        inner=config["intermediate_size"],
        activation=_activation(config.get("hidden_act", "gelu")),
        epsilon=config.get("layer_norm_eps", 1e-12),
        dropout=config.get("hidden_dropout_prob", 0.1),
        attention_dropout=config.get("attention_probs_dropout_prob", 0.1),
    )


def _roberta_shape(config: Config) -> EncoderShape:
    """Read a configuration of RoBERTa, which counts positions from the padding's id plus 1."""
    return _bert_shape(config, n_reserved=config.get("pad_token_id", 1) + 1)


def _distilbert_shape(config: Config) -> EncoderShape:
    return EncoderShape(
        n_tokens=config["vocab_size"],
        max_length=config["max_position_embeddings"],
        width=config["dim"],
        n_blocks=config["n_layers"],
        n_heads=config["n_heads"],
        inner=config["hidden_dim"],
        activation=_activation(config.get("activation", "gelu")),
        dropout=config.get("dropout", 0.1),
        attention_dropout=config.get("attention_dropout", 0.1),
    )


def _modernbert_shape(config: Config) -> EncoderShape:
    """Read a configuration of ModernBERT (Warner et al. 2024); most blocks attend to a window."""
    n_blocks = config["num_hidden_layers"]
    every = config.get("global_attn_every_n_layers", 3)
    default = [
        "sliding_attention" if block % every else "full_attention" for block in range(n_blocks)
    ]
    is_local = [kind == "sliding_attention" for kind in config.get("layer_types") or default]
    rotations = config.get("rope_parameters") or {}
    near = rotations.get("sliding_attention", {}).get("rope_theta")
    far = rotations.get("full_attention", {}).get("rope_theta")
    near = near or config.get("local_rope_theta") or 10_000.0
    far = far or config.get("global_rope_theta") or 160_000.0
    if config.get("attention_bias") or config.get("mlp_bias") or config.get("norm_bias"):
        message = "a ModernBERT with biases is not supported"
        raise ValueError(message)
    return EncoderShape(
        n_tokens=config["vocab_size"],
        max_length=config["max_position_embeddings"],
        width=config["hidden_size"],
        n_blocks=n_blocks,
        n_heads=config["num_attention_heads"],
        inner=config["intermediate_size"],
        activation=_activation(config.get("hidden_activation", "gelu")),
        epsilon=config.get("norm_eps", 1e-5),
        dropout=config.get("mlp_dropout", 0.0),
        attention_dropout=config.get("attention_dropout", 0.0),
        positions="rotary",
        has_bias=False,
        is_gated=True,
        norm_first=True,
        norm_first_block=False,
        thetas=tuple(near if local else far for local in is_local),
        windows=tuple(
            config.get("local_attention", 128) // 2 if local else 0 for local in is_local
        ),
    )


def _gpt2_shape(config: Config) -> EncoderShape:
    width = config["n_embd"]
    return EncoderShape(
        n_tokens=config["vocab_size"],
        max_length=config["n_positions"],
        width=width,
        n_blocks=config["n_layer"],
        n_heads=config["n_head"],
        inner=config.get("n_inner") or 4 * width,
        activation=_activation(config.get("activation_function", "gelu_new")),
        epsilon=config.get("layer_norm_epsilon", 1e-5),
        dropout=config.get("resid_pdrop", 0.1),
        attention_dropout=config.get("attn_pdrop", 0.1),
        is_causal=True,
        norm_first=True,
        norm_embedding=False,
    )


BERT: Final = ModelType(
    shape=_bert_shape,
    tokens="embeddings.word_embeddings",
    positions="embeddings.position_embeddings",
    types="embeddings.token_type_embeddings",
    norms={
        "norm": "embeddings.LayerNorm",
        "attention_norm": "attention.output.LayerNorm",
        "output_norm": "output.LayerNorm",
    },
    denses={
        ("query",): "attention.self.query",
        ("key",): "attention.self.key",
        ("value",): "attention.self.value",
        ("output",): "attention.output.dense",
        ("inner",): "intermediate.dense",
        ("outer",): "output.dense",
    },
    block="encoder.layer.",
)
ROBERTA: Final = ModelType(
    _roberta_shape, BERT.tokens, BERT.norms, BERT.denses, BERT.block, BERT.positions, BERT.types
)

MODEL_TYPES: Final[Mapping[str, ModelType]] = {
    "bert": BERT,
    "distilbert": ModelType(
        shape=_distilbert_shape,
        tokens="embeddings.word_embeddings",
        positions="embeddings.position_embeddings",
        norms={
            "norm": "embeddings.LayerNorm",
            "attention_norm": "sa_layer_norm",
            "output_norm": "output_layer_norm",
        },
        denses={
            ("query",): "attention.q_lin",
            ("key",): "attention.k_lin",
            ("value",): "attention.v_lin",
            ("output",): "attention.out_lin",
            ("inner",): "ffn.lin1",
            ("outer",): "ffn.lin2",
        },
        block="transformer.layer.",
    ),
    "roberta": ROBERTA,
    "xlm-roberta": ROBERTA,
    "camembert": ROBERTA,
    "modernbert": ModelType(
        shape=_modernbert_shape,
        tokens="embeddings.tok_embeddings",
        norms={
            "norm": "embeddings.norm",
            "attention_norm": "attn_norm",
            "output_norm": "mlp_norm",
            "final_norm": "final_norm",
        },
        denses={
            ("query", "key", "value"): "attn.Wqkv",
            ("output",): "attn.Wo",
            ("inner", "gate"): "mlp.Wi",
            ("outer",): "mlp.Wo",
        },
        block="layers.",
    ),
    "gpt2": ModelType(
        shape=_gpt2_shape,
        tokens="wte",
        positions="wpe",
        norms={"attention_norm": "ln_1", "output_norm": "ln_2", "final_norm": "ln_f"},
        denses={
            ("query", "key", "value"): "attn.c_attn",
            ("output",): "attn.c_proj",
            ("inner",): "mlp.c_fc",
            ("outer",): "mlp.c_proj",
        },
        block="h.",
        pooling="last",
        is_transposed=False,
    ),
}


def open_folder(folder: Path, config: Config, files: tuple[Path, ...] = ()) -> EncoderFiles:
    """Open a folder with its config.json, and with weights where no files with them are given.

    Raises:
        WeightsError: a file is missing, or the model is of a type that is not supported.
    """
    name = str(config.get("model_type"))
    if name not in MODEL_TYPES:
        allowed = ", ".join(MODEL_TYPES)
        message = f"{folder}: model_type {name!r} is none of {allowed}"
        raise WeightsError(message)
    model_type = MODEL_TYPES[name]
    shape = _read_shape(model_type, config, folder)
    files = files or find_files(folder)
    settings = read_settings(folder)
    return EncoderFiles(
        shape=shape,
        weights=partial(read_weights, files, model_type, shape),
        tokenizer=partial(read_tokenizer, folder),
        files=files,
        pooling=settings.pooling or model_type.pooling,
        is_normalized=settings.is_normalized,
        adds_special_tokens=True,
        length=min(settings.length or shape.max_length, shape.max_length),
    )


def _read_shape(model_type: ModelType, config: Config, folder: Path) -> EncoderShape:
    try:
        return model_type.shape(config)
    except KeyError as error:
        message = f"{folder}: config.json has no {error}"
        raise WeightsError(message) from error
    except ValueError as error:
        message = f"{folder}: config.json: {error}"
        raise WeightsError(message) from error


def read_weights(
    files: tuple[Path, ...], model_type: ModelType, shape: EncoderShape
) -> LayerWeights:
    """Read the weights of each layer; those of heads, such as of masked words, are left out."""
    with Tensors(files, f"{model_type.tokens}.weight") as tensors:
        yield from _embedding(tensors, model_type, shape)
        for block in range(1, shape.n_blocks + 1):
            yield from _block(tensors, model_type, shape, block)


def _embedding(tensors: Tensors, model_type: ModelType, shape: EncoderShape) -> LayerWeights:
    yield "block_0_tokens", [tensors.read(f"{model_type.tokens}.weight")]
    if model_type.positions:
        name = f"{model_type.positions}.weight"
        vectors = tensors.read(name).value[-shape.max_length :]
        if model_type.types:
            vectors = vectors + _first_type(tensors, model_type)
        yield "block_0_positions", [Weight(name, vectors)]
    if shape.norm_embedding:
        yield "block_0_norm", _norm(tensors, model_type.norms["norm"], shape)


def _first_type(tensors: Tensors, model_type: ModelType) -> NDArray[Any]:
    """Return the vector that every token of a text has, as there is no second text beside it."""
    vector: NDArray[Any] = tensors.read(f"{model_type.types}.weight").value[:1]
    return vector


def _block(
    tensors: Tensors, model_type: ModelType, shape: EncoderShape, block: int
) -> LayerWeights:
    prefix = f"{model_type.block}{block - 1}."
    for part in ("attention_norm", "output_norm"):
        if part == "output_norm" or block > 1 or shape.norm_first_block:
            weights = _norm(tensors, prefix + model_type.norms[part], shape)
            yield f"block_{block}_{part}", weights
    for parts, name in model_type.denses.items():
        for part, weights in zip(
            parts, _denses(tensors, prefix + name, len(parts), model_type, shape), strict=True
        ):
            yield f"block_{block}_{part}", weights
    if block == shape.n_blocks and shape.norm_first:
        yield f"block_{block}_final_norm", _norm(tensors, model_type.norms["final_norm"], shape)


def _norm(tensors: Tensors, name: str, shape: EncoderShape) -> list[Weight]:
    """Read scale and shift, which early files of BERT call gamma and beta."""
    scale, shift = ("gamma", "beta") if f"{name}.gamma" in tensors else ("weight", "bias")
    suffixes = (scale, shift) if shape.has_bias else (scale,)
    return [tensors.read(f"{name}.{suffix}") for suffix in suffixes]


def _denses(
    tensors: Tensors, name: str, n_parts: int, model_type: ModelType, shape: EncoderShape
) -> Iterator[list[Weight]]:
    """Read the kernel and bias of layers whose units lie side by side in one tensor."""
    kernel = tensors.read(f"{name}.weight")
    value = kernel.value.T if model_type.is_transposed else kernel.value
    bias = tensors.read(f"{name}.bias") if shape.has_bias else None
    for units in np.split(np.arange(value.shape[-1]), n_parts):
        chosen = slice(units[0], units[-1] + 1)
        weights = [Weight(kernel.name, value[:, chosen])]
        yield weights + ([Weight(bias.name, bias.value[chosen])] if bias else [])
