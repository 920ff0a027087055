"""What a careful user writes without dlrun: film reviews, Kim's CNN, five epochs, one split."""

import sys

import keras
import numpy as np
import pandas as pd
from sklearn.metrics import accuracy_score, f1_score, log_loss, roc_auc_score
from sklearn.model_selection import train_test_split

keras.utils.set_random_seed(0)
frame = pd.read_csv(sys.argv[1])
y = (frame["sentiment"] == "positive").to_numpy().astype("int64")
texts = frame["text"].to_numpy(dtype="U")
rest, test = train_test_split(np.arange(len(frame)), test_size=0.2, stratify=y, random_state=0)
train, validation = train_test_split(rest, test_size=0.125, stratify=y[rest], random_state=0)

length = int(np.quantile([len(text.split()) for text in texts[train]], 0.95))
vectorize = keras.layers.TextVectorization(20_000, output_sequence_length=length)
vectorize.adapt(texts[train])
tokens = {
    name: np.asarray(vectorize(texts[rows]))
    for name, rows in (("train", train), ("validation", validation), ("test", test))
}

inputs = keras.Input((length,), dtype="int64")
x = keras.layers.Embedding(vectorize.vocabulary_size(), 128)(inputs)
pooled = []
for size in (3, 4, 5):
    found = keras.layers.Conv1D(128, size, padding="same", activation="relu")(x)
    pooled.append(keras.layers.GlobalMaxPooling1D()(found))
x = keras.layers.Concatenate()(pooled)
x = keras.layers.Dropout(0.5)(x)
model = keras.Model(inputs, keras.layers.Dense(1, activation="sigmoid")(x))
model.compile("adamw", "binary_crossentropy")
model.fit(
    tokens["train"],
    y[train],
    batch_size=128,
    epochs=5,
    validation_data=(tokens["validation"], y[validation]),
    verbose=0,
)
said = model.predict(tokens["test"], batch_size=4096, verbose=0)[:, 0]
print("roc_auc", roc_auc_score(y[test], said))
print("accuracy", accuracy_score(y[test], said > 0.5))
print("f1", f1_score(y[test], said > 0.5, average="macro"))
print("log_loss", log_loss(y[test], said))
raw = keras.Input((1,), dtype="string")
keras.Model(raw, model(vectorize(raw))).save(sys.argv[-1])
