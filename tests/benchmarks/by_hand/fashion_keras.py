"""What a careful user writes without dlrun: Fashion-MNIST, a CNN of three blocks, three epochs."""

import sys

import keras
import numpy as np
from sklearn.metrics import accuracy_score, balanced_accuracy_score, f1_score, log_loss
from sklearn.model_selection import train_test_split

keras.utils.set_random_seed(0)
with np.load(sys.argv[1]) as archive:
    images, y = archive["x"][..., None], archive["y"].astype("int64")
rest, test = train_test_split(np.arange(len(y)), test_size=0.2, stratify=y, random_state=0)
train, validation = train_test_split(rest, test_size=0.125, stratify=y[rest], random_state=0)
mean, spread = images[train].mean(), images[train].std()


def standardise(rows):
    return ((images[rows] - mean) / spread).astype("float32")


inputs = keras.Input(images.shape[1:])
x = inputs
for filters in (32, 64, 128):
    x = keras.layers.Conv2D(filters, 3, padding="same")(x)
    x = keras.layers.BatchNormalization(momentum=0.9)(x)
    x = keras.layers.Activation("relu")(x)
    x = keras.layers.MaxPooling2D(2, padding="same")(x)
x = keras.layers.Flatten()(x)
x = keras.layers.Dropout(0.3)(x)
model = keras.Model(inputs, keras.layers.Dense(10, activation="softmax")(x))
model.compile("adamw", "sparse_categorical_crossentropy")
model.fit(
    standardise(train),
    y[train],
    batch_size=128,
    epochs=3,
    validation_data=(standardise(validation), y[validation]),
    verbose=0,
)
said = model.predict(standardise(test), batch_size=512, verbose=0)
codes = said.argmax(axis=1)
print("accuracy", accuracy_score(y[test], codes))
print("balanced_accuracy", balanced_accuracy_score(y[test], codes))
print("f1", f1_score(y[test], codes, average="macro"))
print("log_loss", log_loss(y[test], said))
model.save(sys.argv[-1])
