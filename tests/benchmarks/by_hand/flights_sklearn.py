"""What a careful user writes without dlrun: five baselines on flights, one split.

The same calls of scikit-learn as in dlrun: fit on the training rows, score on the validation rows
(by which the best is chosen) and on the test rows, and keep the model.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import joblib
import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    ExtraTreesClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score, log_loss, roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

frame = pd.read_parquet(sys.argv[1]).drop(columns=["arr_delay", "year"])
y = (frame.pop("late") == "on_time").to_numpy().astype("int64")
rest, test = train_test_split(np.arange(len(frame)), test_size=0.2, stratify=y, random_state=0)
train, validation = train_test_split(rest, test_size=0.125, stratify=y[rest], random_state=0)
words = ["carrier", "tailnum", "origin", "dest"]
numbers = [name for name in frame if name not in words]

ordinal = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
few = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan, max_categories=254)
scaled = ColumnTransformer(
    [
        ("numbers", StandardScaler(), numbers),
        ("words", OneHotEncoder(handle_unknown="ignore"), words),
    ]
)
trees = ColumnTransformer([("numbers", "passthrough", numbers), ("words", ordinal, words)])
native = ColumnTransformer([("words", few, words), ("numbers", "passthrough", numbers)])
forest = {"n_estimators": 200, "min_samples_leaf": 11, "n_jobs": -1, "random_state": 0}
candidates = {
    "dummy": make_pipeline(trees, DummyClassifier()),
    "linear": make_pipeline(scaled, LogisticRegression(max_iter=1000)),
    "random_forest": make_pipeline(trees, RandomForestClassifier(**forest)),
    "extra_trees": make_pipeline(trees, ExtraTreesClassifier(**forest)),
    "hist_gradient_boosting": make_pipeline(
        native,
        HistGradientBoostingClassifier(
            max_iter=300, max_leaf_nodes=127, categorical_features=range(4), random_state=0
        ),
    ),
}
with TemporaryDirectory() as folder:
    for name, candidate in candidates.items():
        candidate.fit(frame.iloc[train], y[train])
        for rows in (validation, test):
            said = candidate.predict_proba(frame.iloc[rows])[:, 1]
            print(
                name,
                roc_auc_score(y[rows], said),
                accuracy_score(y[rows], said > 0.5),
                f1_score(y[rows], said > 0.5, average="macro"),
                log_loss(y[rows], said),
            )
        joblib.dump(candidate, Path(folder, f"{name}.joblib"))
