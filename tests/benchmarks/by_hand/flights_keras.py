"""What a careful user writes without dlrun: flights, an MLP 2 × 128, three epochs, one split."""

import sys

import keras
import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score, f1_score, log_loss, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import OrdinalEncoder, StandardScaler

EMBEDDED = ["carrier", "tailnum", "origin", "dest"]

keras.utils.set_random_seed(0)
frame = pd.read_parquet(sys.argv[1]).drop(columns=["arr_delay", "year"])
y = (frame.pop("late") == "on_time").to_numpy().astype("int64")
rest, test = train_test_split(np.arange(len(frame)), test_size=0.2, stratify=y, random_state=0)
train, validation = train_test_split(rest, test_size=0.125, stratify=y[rest], random_state=0)

numbers = [name for name in frame if name not in EMBEDDED]
scaler = StandardScaler().fit(frame[numbers].iloc[train])
coder = OrdinalEncoder(
    handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-1
).fit(frame[EMBEDDED].iloc[train])


def encode(rows):
    part = frame.iloc[rows]
    codes = (coder.transform(part[EMBEDDED]) + 1).astype("int32")
    matrix = scaler.transform(part[numbers]).astype("float32")
    return {"numbers": matrix, **{name: codes[:, i] for i, name in enumerate(EMBEDDED)}}


inputs = {"numbers": keras.Input((len(numbers),), name="numbers")}
joined = [inputs["numbers"]]
for name, values in zip(EMBEDDED, coder.categories_, strict=True):
    inputs[name] = keras.Input((), name=name, dtype="int32")
    width = min(50, round(1.6 * len(values) ** 0.56))
    joined.append(keras.layers.Embedding(len(values) + 1, width)(inputs[name]))
x = keras.layers.Concatenate()(joined)
for _ in range(2):
    x = keras.layers.Dense(128, activation="relu")(x)
    x = keras.layers.Dropout(0.1)(x)
model = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(x))
model.compile("adamw", "binary_crossentropy")
parts = {name: encode(rows) for name, rows in (("train", train), ("val", validation))}
model.fit(
    parts["train"],
    y[train],
    batch_size=256,
    epochs=3,
    validation_data=(parts["val"], y[validation]),
    verbose=0,
)
said = model.predict(encode(test), batch_size=4096, verbose=0)[:, 0]
print("roc_auc", roc_auc_score(y[test], said))
print("accuracy", accuracy_score(y[test], said > 0.5))
print("f1", f1_score(y[test], said > 0.5, average="macro"))
print("log_loss", log_loss(y[test], said))
model.save(sys.argv[-1])
