"""What a careful user writes without dlrun: breast_cancer, an MLP 2 × 128, ten epochs."""

import sys

import keras
from sklearn.datasets import load_breast_cancer
from sklearn.metrics import accuracy_score, f1_score, log_loss, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

keras.utils.set_random_seed(0)
data = load_breast_cancer()
rest_x, test_x, rest_y, test_y = train_test_split(
    data.data, data.target, test_size=0.2, stratify=data.target, random_state=0
)
train_x, val_x, train_y, val_y = train_test_split(
    rest_x, rest_y, test_size=0.125, stratify=rest_y, random_state=0
)
scaler = StandardScaler().fit(train_x)
model = keras.Sequential(
    [
        keras.Input((train_x.shape[1],)),
        keras.layers.Dense(128, activation="relu"),
        keras.layers.Dropout(0.1),
        keras.layers.Dense(128, activation="relu"),
        keras.layers.Dropout(0.1),
        keras.layers.Dense(1, activation="sigmoid"),
    ]
)
model.compile("adamw", "binary_crossentropy")
model.fit(
    scaler.transform(train_x),
    train_y,
    batch_size=32,
    epochs=10,
    validation_data=(scaler.transform(val_x), val_y),
    verbose=0,
)
said = model.predict(scaler.transform(test_x), verbose=0)[:, 0]
print("roc_auc", roc_auc_score(test_y, said), "log_loss", log_loss(test_y, said))
print("accuracy", accuracy_score(test_y, said > 0.5), "f1", f1_score(test_y, said > 0.5))
model.save(sys.argv[-1])
