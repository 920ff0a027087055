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
    """Two encoder blocks over the steps of a series."""
    x = layers.Dense(32)(inputs["series"])
    for _ in range(2):
        x = layers.LayerNormalization()(x + layers.MultiHeadAttention(4, 8)(x, x))
        wide = layers.Dense(32)(layers.Dense(64, activation="gelu")(x))
        x = layers.LayerNormalization()(x + wide)
    return layers.GlobalAveragePooling1D()(x)
