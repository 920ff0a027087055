"""What a careful user writes without dlrun: a network of `nets.py` and Keras' `fit`, timed.

It prints the seconds since the start of the training at the end of each epoch, as JSON.
"""

import json
import sys
from time import perf_counter

import keras
import nets
import numpy as np

name, kind, policy, way, epochs, batch_size, data = sys.argv[1:]
keras.utils.set_random_seed(0)
keras.config.set_dtype_policy(policy)
with np.load(data) as archive:
    x, y = archive["x"].astype("float32"), archive["y"]
if kind == "series":  # channels × steps, and Keras wants steps × channels
    x = x.transpose(0, 2, 1)
x = (x - x.mean()) / x.std()
n_train = len(x) * 7 // 10
n_validation = len(x) // 10
ended = []
started = perf_counter()
inputs = keras.Input(x.shape[1:])
body = getattr(nets, name)({kind: inputs})
outputs = keras.layers.Dense(1, activation="sigmoid", dtype="float32")(body)
model = keras.Model(inputs, outputs)
options = {"xla": {"jit_compile": True}, "steps": {"jit_compile": True, "steps_per_execution": 32}}
model.compile(keras.optimizers.AdamW(1e-3), "binary_crossentropy", **options.get(way, {}))
on_end = keras.callbacks.LambdaCallback(
    on_epoch_end=lambda *_: ended.append(perf_counter() - started)
)
model.fit(
    x[:n_train],
    y[:n_train],
    batch_size=int(batch_size),
    epochs=int(epochs),
    validation_data=(x[n_train : n_train + n_validation], y[n_train : n_train + n_validation]),
    callbacks=[on_end],
    verbose=0,
)
print(json.dumps(ended))
