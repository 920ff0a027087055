"""The networks of the engine's benchmark: the same code under dlrun and under Keras' `fit`."""

import keras

layers = keras.layers


def mlp(inputs):
    """Two dense layers over numbers."""
    (x,) = inputs.values()
    x = layers.Dense(64, activation="relu")(x)
    return layers.Dense(64, activation="relu")(x)


def cnn(inputs):
    """Two convolutions over a series."""
    x = layers.Conv1D(32, 5, activation="relu")(inputs["series"])
    x = layers.Conv1D(64, 5, activation="relu")(layers.MaxPooling1D()(x))
    return layers.GlobalAveragePooling1D()(x)


def lstm(inputs):
    """One recurrent layer over a series."""
    return layers.LSTM(64)(inputs["series"])


def transformer(inputs):
    """Two encoder blocks of 32 over the steps of a series."""
    return encoder(inputs, n_blocks=2, width=32)


def encoder(inputs, n_blocks, width):
    """Encoder blocks of four heads over the steps of a series."""
    x = layers.Dense(width)(inputs["series"])
    for _ in range(n_blocks):
        x = layers.LayerNormalization()(x + layers.MultiHeadAttention(4, width // 4)(x, x))
        wide = layers.Dense(width)(layers.Dense(2 * width, activation="gelu")(x))
        x = layers.LayerNormalization()(x + wide)
    return layers.GlobalAveragePooling1D()(x)


def picture(inputs):
    """Three convolutions with strides over an image, so that reading it counts."""
    x = layers.Conv2D(16, 7, strides=4, activation="relu")(inputs["image"])
    x = layers.Conv2D(32, 3, strides=2, activation="relu")(x)
    x = layers.Conv2D(64, 3, strides=2, activation="relu")(x)
    return layers.GlobalAveragePooling2D()(x)


def bag(inputs):
    """Average the vectors of the tokens of a text."""
    x = layers.Embedding(20_000, 32)(inputs["text"])
    return layers.GlobalAveragePooling1D()(x)


def dense(inputs):
    """Two dense layers of 256 over numbers."""
    (x,) = inputs.values()
    x = layers.Dense(256, activation="relu")(x)
    return layers.Dense(256, activation="relu")(x)


def recurrent(inputs):
    """One recurrent layer of 128 over a series."""
    return layers.LSTM(128)(inputs["series"])


def convolutions(inputs):
    """Six convolutions over an image."""
    x = inputs["image"]
    for filters in (32, 64, 128):
        x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
        x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
        x = layers.MaxPooling2D()(x)
    return layers.GlobalAveragePooling2D()(x)


def attention(inputs):
    """Four encoder blocks of 128 over the steps of a series."""
    return encoder(inputs, n_blocks=4, width=128)
