"""What a careful user writes without dlrun: a network of `nets.py`, Keras' `fit`, one split."""

import sys

import keras
import nets
import numpy as np
from sklearn.metrics import accuracy_score, f1_score, log_loss, roc_auc_score
from sklearn.model_selection import train_test_split

name, epochs, batch_size, data, file = sys.argv[1:]
keras.utils.set_random_seed(0)
with np.load(data) as archive:
    x, y = archive["x"].astype("float32"), archive["y"]
if x.ndim > 2:  # channels × steps, and Keras wants steps × channels
    x = x.transpose(0, 2, 1)
rest, test = train_test_split(np.arange(len(x)), test_size=0.2, stratify=y, random_state=0)
train, validation = train_test_split(rest, test_size=0.125, stratify=y[rest], random_state=0)

inputs = keras.Input(x.shape[1:])
scale = keras.layers.Normalization(axis=-1)
scale.adapt(x[train])
scaled = {
    rows: np.asarray(scale(x[part])) for rows, part in (("train", train), ("val", validation))
}
outputs = keras.layers.Dense(1, activation="sigmoid")(getattr(nets, name)({"series": inputs}))
model = keras.Model(inputs, outputs)
model.compile(keras.optimizers.AdamW(1e-3), "binary_crossentropy")
model.fit(
    scaled["train"],
    y[train],
    batch_size=int(batch_size),
    epochs=int(epochs),
    validation_data=(scaled["val"], y[validation]),
    verbose=0,
)
said = model.predict(np.asarray(scale(x[test])), batch_size=4096, verbose=0)[:, 0]
print("roc_auc", roc_auc_score(y[test], said))
print("accuracy", accuracy_score(y[test], said > 0.5))
print("f1", f1_score(y[test], said > 0.5, average="macro"))
print("log_loss", log_loss(y[test], said))
raw = keras.Input(x.shape[1:])
keras.Model(raw, model(scale(raw))).save(file)
