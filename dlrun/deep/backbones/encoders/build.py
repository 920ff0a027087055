"""A transformer over tokens in Keras' own layers and operations, and its pretrained weights.

Layers are named `block_3_query`: the number of the block, 0 for the embedding, and the part.
"""

from __future__ import annotations

from math import pi, sqrt
from typing import Any, Final

import numpy as np

from dlrun.deep.backbones.encoders.shape import EncoderShape, LayerWeights, Pooling
from dlrun.deep.backend import keras
from dlrun.errors import TrainingError

ops = keras.ops

FAR: Final = -3e4  # added to a score that does not count; fits float16


def _gelu(x: Any) -> Any:
    """Compute x Φ(x) by `erf`: Keras' own is written with `erfc`, which ONNX lacks."""
    return x * 0.5 * (ops.erf(x * sqrt(0.5)) + 1.0)


def _gelu_tanh(x: Any) -> Any:
    """Compute the approximation of `_gelu` that GPT-2 was trained with."""
    return x * 0.5 * (ops.tanh((x + x * x * x * 0.044715) * sqrt(2 / pi)) + 1.0)


ACTIVATIONS: Final = {
    "gelu": _gelu, "gelu_tanh": _gelu_tanh, "relu": ops.relu, "silu": ops.silu,
}  # fmt: skip


def build_encoder(shape: EncoderShape, pooling: Pooling, *, is_normalized: bool) -> Any:
    """Build the network, ids of tokens → a vector of the text.

    Ids are those of the vocabulary plus 1, and 0 where a text has ended, at the right. A text
    without tokens becomes zeros.

    Returns:
        A Keras model, (rows, tokens) int32 → (rows, width) float32.
    """
    ids = keras.Input((None,), dtype="int32", name="ids")
    # One row of positions for all texts; the sum over rows gives it an axis of length 1.
    ones = ops.sum(ops.zeros_like(ids), axis=0, keepdims=True) + 1
    positions = ops.cumsum(ones, axis=1) - 1
    x = _embed(ids, positions, shape)
    dtype = x.dtype
    biases = {each: _bias(ids, positions, each, shape, dtype) for each in _windows(shape)}
    rotations = {each: _rotation(positions, each, shape, dtype) for each in shape.thetas}
    for block, window in enumerate(_windows(shape), start=1):
        rotation = rotations[shape.thetas[block - 1]] if shape.thetas else None
        x = _block(x, biases[window], rotation, shape, block)
    if shape.norm_first:
        x = _norm(x, shape, shape.n_blocks, "final_norm")
    vector = _pool(ops.cast(x, "float32"), ids, positions, pooling)
    return keras.Model(ids, ops.normalize(vector, axis=-1) if is_normalized else vector)


def _windows(shape: EncoderShape) -> tuple[int, ...]:
    return shape.windows or (0,) * shape.n_blocks


def _embed(ids: Any, positions: Any, shape: EncoderShape) -> Any:
    """Look up the vectors of tokens, and of positions where these are learned."""

    def look_up(codes: Any, n_codes: int, part: str) -> Any:
        table = keras.layers.Embedding(
            n_codes, shape.width, embeddings_initializer="zeros", name=f"block_0_{part}"
        )
        return table(codes)

    x = look_up(ops.maximum(ids - 1, 0), shape.n_tokens, "tokens")
    if shape.positions == "learned":
        x = x + look_up(positions, shape.max_length, "positions")
    if shape.norm_embedding:
        x = _norm(x, shape, 0, "norm")
    return _drop(x, shape.dropout)


def _bias(ids: Any, positions: Any, window: int, shape: EncoderShape, dtype: str) -> Any:
    """Return what is added to scores, (rows, 1, 1 or queries, keys): 0, or FAR where none count."""
    is_out = ops.equal(ids, 0)[:, None, None, :]
    distance = positions[:, None, :, None] - positions[:, None, None, :]
    if shape.is_causal:
        is_out = ops.logical_or(is_out, ops.less(distance, 0))
    if window:
        is_out = ops.logical_or(is_out, ops.greater(ops.absolute(distance), window))
    return ops.cast(is_out, dtype) * FAR


def _rotation(positions: Any, theta: float, shape: EncoderShape, dtype: str) -> tuple[Any, Any]:
    """Return the cosines and sines of rotary positions (Su et al. 2021), (1, 1, tokens, size)."""
    size = shape.width // shape.n_heads
    frequencies = theta ** (-np.arange(0, size, 2) / size)
    angles = ops.cast(positions, "float32")[:, None, :, None] * frequencies.astype(np.float32)
    both = ops.concatenate([angles, angles], axis=-1)
    return ops.cast(ops.cos(both), dtype), ops.cast(ops.sin(both), dtype)


def _block(x: Any, bias: Any, rotation: Any, shape: EncoderShape, block: int) -> Any:
    """Apply attention and two dense layers, each added to what enters it."""
    for name, apply in (("attention_norm", _attend), ("output_norm", _transform)):
        has_norm = block > 1 or shape.norm_first_block or name != "attention_norm"
        entering = _norm(x, shape, block, name) if shape.norm_first and has_norm else x
        x = x + _drop(apply(entering, bias, rotation, shape, block), shape.dropout)
        x = x if shape.norm_first else _norm(x, shape, block, name)
    return x


def _attend(x: Any, bias: Any, rotation: Any, shape: EncoderShape, block: int) -> Any:
    """Apply scaled dot-product attention in several heads (Vaswani et al. 2017).

    Written with dense layers: Keras' MultiHeadAttention takes twice as long to train on a CPU.
    """
    size = shape.width // shape.n_heads

    def project(part: str) -> Any:
        """Project the tokens and split them, (rows, heads, tokens, size)."""
        heads_last = keras.layers.Reshape((-1, shape.n_heads, size))(
            _dense(x, shape.width, shape, block, part)
        )
        return ops.transpose(heads_last, (0, 2, 1, 3))

    query, key, value = project("query"), project("key"), project("value")
    if rotation:
        query, key = _rotate(query, *rotation), _rotate(key, *rotation)
    scores = ops.matmul(query * (1 / sqrt(size)), ops.transpose(key, (0, 1, 3, 2)))
    weights = _drop(ops.softmax(scores + bias), shape.attention_dropout)
    mixed = ops.transpose(ops.matmul(weights, value), (0, 2, 1, 3))
    joined = keras.layers.Reshape((-1, shape.width))(mixed)
    return _dense(joined, shape.width, shape, block, "output")


def _rotate(x: Any, cosines: Any, sines: Any) -> Any:
    """Rotate pairs of a vector's two halves by the angles of its position."""
    left, right = ops.split(x, 2, axis=-1)
    return x * cosines + ops.concatenate([-right, left], axis=-1) * sines


def _transform(x: Any, _bias: Any, _rotation: Any, shape: EncoderShape, block: int) -> Any:
    """Apply the two dense layers of a block."""
    inner = ACTIVATIONS[shape.activation](_dense(x, shape.inner, shape, block, "inner"))
    if shape.is_gated:
        inner = inner * _dense(x, shape.inner, shape, block, "gate")
    return _dense(inner, shape.width, shape, block, "outer")


def _dense(x: Any, units: int, shape: EncoderShape, block: int, part: str) -> Any:
    layer = keras.layers.Dense(
        units, use_bias=shape.has_bias, kernel_initializer="zeros", name=f"block_{block}_{part}"
    )
    return layer(x)


def _norm(x: Any, shape: EncoderShape, block: int, part: str) -> Any:
    layer = keras.layers.LayerNormalization(
        epsilon=shape.epsilon, center=shape.has_bias, name=f"block_{block}_{part}"
    )
    return layer(x)


def _drop(x: Any, rate: float) -> Any:
    return keras.layers.Dropout(rate)(x) if rate else x


def _pool(x: Any, ids: Any, positions: Any, pooling: Pooling) -> Any:
    """Weigh the tokens of a text, (rows, tokens, width) → (rows, width)."""
    is_token = ops.not_equal(ids, 0)
    counts = ops.sum(ops.cast(is_token, "int32"), axis=1, keepdims=True)
    if pooling != "mean":
        chosen = ops.zeros_like(counts) if pooling == "first" else counts - 1
        is_token = ops.logical_and(is_token, ops.equal(positions, chosen))
        counts = ops.ones_like(counts)
    weights = ops.cast(is_token, "float32") / ops.cast(ops.maximum(counts, 1), "float32")
    return ops.squeeze(ops.matmul(weights[:, None, :], x), axis=1)


def set_weights(model: Any, weights: LayerWeights) -> None:
    """Give the layers of a network their pretrained weights.

    Raises:
        TrainingError: a tensor has another shape than its layer, or a layer gets none.
    """
    missing = {layer.name for layer in model.layers if layer.weights}
    for name, values in weights:
        variables = model.get_layer(name).weights
        for variable, weight in zip(variables, values, strict=True):
            if variable.shape != weight.value.shape:
                message = (
                    f"the weights do not fit their configuration: {weight.name} is "
                    f"{weight.value.shape}, and {name} of the network is {variable.shape}"
                )
                raise TrainingError(message)
            variable.assign(weight.value)
        missing.discard(name)
    if missing:
        message = f"no weights for {', '.join(sorted(missing))}"
        raise TrainingError(message)


def blocks_of(model: Any) -> tuple[tuple[Any, ...], ...]:
    """Return the layers with weights of a network, in blocks; the first one is the embedding."""
    blocks: dict[int, list[Any]] = {}
    for layer in model.layers:
        if layer.weights:
            blocks.setdefault(int(layer.name.split("_")[1]), []).append(layer)
    return tuple(tuple(blocks[block]) for block in sorted(blocks))


def projections_of(model: Any) -> tuple[Any, ...]:
    """Return the dense layers of a network that make queries and values."""
    return tuple(
        layer
        for block in blocks_of(model)
        for layer in block
        if layer.name.endswith(("_query", "_value"))
    )
