"""Tiny studies, one for each kind of data, that between them train every family of candidates."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import soundfile
from PIL import Image

# Three settings below make candidates repeatable, bit for bit, that are not so by themselves:
# - n_jobs: 1 for forests, whose threads add up the answers of trees in the order in which they end;
# - n_jobs: 1 for LightGBM, which measures whether rows or columns are quicker to go through, and
#   with several threads adds up differently in the two;
# - dual: false for linear_svm. Its calibration fits folds in several threads, and the dual solver
#   draws all random numbers of a process from one generator, in whatever order threads ask.
COMMON = """\
training:
  epochs: 2
  batch_size: 32
  deterministic: true
"""


@dataclass(frozen=True)
class Golden:
    """A study whose results are on record.

    Attributes:
        write: puts the data into a folder.
        recipe: what is trained on them, in YAML, beside what all studies have in common.
        overrides: settings that are given on the command line.
        exit_code: of the training.
    """

    name: str
    write: Callable[[Path], None]
    recipe: str
    overrides: tuple[str, ...] = ("training.learning_rate=0.01",)
    exit_code: int = 0

    def prepare(self, folder: Path) -> Path:
        """Write the data and the recipe into a folder and return the recipe's file."""
        self.write(folder)
        file = folder / f"{self.name}.yaml"
        file.write_text(self.recipe + COMMON, encoding="utf-8")
        return file


# ----------------------------------------------------------------------------------- the data

# Numbers are rounded and sounds are made of whole numbers, so that all machines get the same.


def _table(n_rows: int, seed: int) -> tuple[pd.DataFrame, np.ndarray]:
    """Make numbers, categories and dates with gaps, and what can be learned from them."""
    rng = np.random.default_rng(seed)
    size, noise = rng.normal(50, 20, n_rows).round(2), rng.normal(size=n_rows).round(3)
    colour, days = rng.choice(["red", "grün", "青"], n_rows), rng.integers(0, 700, n_rows)
    frame = pd.DataFrame(
        {
            "size (µm)": np.where(np.arange(n_rows) % 11 == 0, np.nan, size),
            "noise": noise,
            "colour": np.where(np.arange(n_rows) % 7 == 0, None, colour),
            "town": [f"town {number}" for number in rng.integers(0, 20, n_rows)],
            "day": pd.to_datetime("2024-01-01") + pd.to_timedelta(days, unit="D"),
        }
    )
    frame.loc[::13, "day"] = pd.NaT
    return frame, size / 20 + (colour == "red") + days / 700


def _cut(signal: np.ndarray, labels: tuple[str, ...]) -> np.ndarray:
    """Name the equal parts that a signal falls into by its size."""
    shares = np.linspace(0, 1, len(labels) + 1)[1:-1]
    return np.array(labels)[np.digitize(signal, np.quantile(signal, shares))]


def _sentences(signal: np.ndarray, rng: np.random.Generator) -> list[str]:
    """Make sentences of which more words are glad the higher the signal is."""
    glad, sad = ["glad", "très", "好", "sunny"], ["sad", "grau", "bad", "Rain!"]
    others = ["the", "day", "was", "and", "it", "then", "naïve", "🙂"]
    sentences = []
    for level in signal:
        told = [rng.choice(glad if rng.random() < level else sad) for _ in range(6)]
        filler = rng.choice(others, rng.integers(2, 8)).tolist()
        sentences.append(" ".join(rng.permutation(told + filler)))
    return sentences


def _curves(signal: np.ndarray, rng: np.random.Generator, channels: int) -> np.ndarray:
    """Make series, (rows, channels, 16 steps); the signal is the height of a bump in the first."""
    curves = rng.normal(0, 0.3, (len(signal), channels, 16))
    for curve, level in zip(curves, signal, strict=True):
        place = rng.integers(0, 10)
        curve[0, place : place + 6] += 3 * level
    return curves.round(3)


def write_table(folder: Path) -> None:
    frame, signal = _table(160, seed=1)
    frame["churned"] = _cut(signal, ("no", "yes"))
    frame.to_csv(folder / "table.csv", index=False)


def write_regression(folder: Path) -> None:
    frame, signal = _table(120, seed=2)
    frame["price"] = signal.round(3)
    frame.to_parquet(folder / "regression.parquet", index=False)
    (folder / "golden_net.py").write_text(NET, encoding="utf-8")


def write_groups(folder: Path) -> None:
    frame, signal = _table(120, seed=3)
    frame["kind"] = _cut(signal, ("low", "middle", "high"))
    frame["patient"] = np.arange(120) // 4
    frame.drop(columns="day").to_json(folder / "groups.jsonl", orient="records", lines=True)


def write_stream(folder: Path) -> None:
    frame, signal = _table(600, seed=4)
    frame["bought"] = _cut(signal, ("no", "yes"))
    (folder / "visits").mkdir()
    for number in range(3):
        part = frame[number * 200 : (number + 1) * 200]
        part.to_parquet(folder / "visits" / f"{number}.parquet", row_group_size=50)


def write_images(folder: Path) -> None:
    rng = np.random.default_rng(5)
    for place, name in enumerate(("dark", "grün", "light")):
        (folder / "photos" / name).mkdir(parents=True)
        for number in range(20):
            pixels = rng.integers(0, 60, (10, 10, 3))
            pixels[3:8, 2:7] += 60 * place
            image = Image.fromarray(pixels.astype(np.uint8))
            image.save(folder / "photos" / name / f"{number}.png")


def write_sounds(folder: Path) -> None:
    rng = np.random.default_rng(6)
    for place, name in enumerate(("low", "high")):
        (folder / "voices" / name).mkdir(parents=True)
        for number in range(30):
            steps = np.arange(rng.integers(500, 800))
            tone = steps * (600 + 500 * place + rng.integers(-100, 100)) % 8000
            samples = (tone + rng.integers(0, 4000, len(steps))).astype(np.int16)
            soundfile.write(folder / "voices" / name / f"{number}.wav", samples, 4000)


def write_texts(folder: Path) -> None:
    rng = np.random.default_rng(7)
    signal = rng.random(90)
    frame = pd.DataFrame({"review": _sentences(signal, rng), "liked": _cut(signal, ("no", "yes"))})
    frame.loc[7, "review"] = None
    frame.to_csv(folder / "texts.csv", index=False)


def write_series(folder: Path) -> None:
    rng = np.random.default_rng(8)
    signal = rng.random(90)
    curves, labels = _curves(signal, rng, channels=1), _cut(signal, ("flat", "steep"))
    np.savez(
        folder / "curves.npz",
        x_train=curves[:60],
        y_train=labels[:60],
        x_test=curves[60:],
        y_test=labels[60:],
    )


def write_mixed(folder: Path) -> None:
    rng = np.random.default_rng(9)
    frame, signal = _table(90, seed=9)
    level = rng.random(90)
    frame["remarks"] = _sentences(level, rng)
    frame["curve"] = [json.dumps(curve.T.tolist()) for curve in _curves(level, rng, channels=2)]
    frame["value"] = (signal + 2 * level).round(3)
    frame.drop(columns="town").to_csv(folder / "mixed.tsv", sep="\t", index=False)


def write_structured(folder: Path) -> None:
    rng = np.random.default_rng(10)
    level = rng.random(90)
    frame = pd.DataFrame(
        {
            "weight": (level + rng.normal(0, 0.5, 90)).round(3),
            "day": pd.to_datetime("2024-01-01") + pd.to_timedelta(rng.permutation(90), unit="D"),
            "curve": [json.dumps(curve.T.tolist()) for curve in _curves(level, rng, channels=2)],
            "kind": _cut(level, ("a", "b")),
        }
    )
    frame.to_csv(folder / "structured.csv", index=False)


NET = '''\
"""A network of one's own."""

import keras


def build(inputs, units):
    """Join all inputs and put one dense layer on them."""
    joined = keras.layers.Concatenate()([keras.layers.Flatten()(x) for x in inputs.values()])
    return keras.layers.Dense(units, activation="tanh")(joined)
'''


# -------------------------------------------------------------------------------- the studies

STUDIES = (
    Golden(
        "table",
        write_table,
        """\
name: table
description: Numbers, categories, dates and gaps
data: {source: table.csv, target: churned}
preprocessing: {category: {min_count: 2}}
model:
  - {architecture: tabm, members: 4, hidden: [8]}
  - {architecture: ft_transformer, width: 8, heads: 2, blocks: 1}
baselines:
  - {name: random_forest, n_estimators: 10, n_jobs: 1}
  - {name: hist_gradient_boosting, max_iter: 10}
  - {name: xgboost, n_estimators: 10}
evaluation: {folds: 1, metrics: [roc_auc, log_loss, ece]}
""",
    ),
    Golden(
        "regression",
        write_regression,
        """\
name: regression
data: {source: regression.parquet, target: price, exclude: [town]}
preprocessing: {number: {scale: quantile}, datetime: {parts: [month, weekday]}}
model:
  - architecture: layers
    layers: [{Dense: {units: 8, activation: gelu}}, {Dropout: 0.2}]
  - {architecture: "golden_net:build", units: 6, name: own}
baselines:
  - ridge
  - {name: extra_trees, n_estimators: 10, n_jobs: 1}
  - {name: lightgbm, n_estimators: 10, n_jobs: 1}
evaluation: {folds: 1, metrics: [rmse, r2]}
""",
    ),
    Golden(
        "groups",
        write_groups,
        """\
name: groups
seed: 11
data:
  source: groups.jsonl
  target: kind
  max_rows: 100
  split: {method: group, column: patient}
model:
  architecture: mlp
  hidden: [6]
  normalization: batch
  encode: ple
  training: {class_weight: balanced, learning_rate: {schedule: cosine, peak: 0.02}}
baselines:
  - {name: logistic_regression, class_weight: balanced}
  - {name: knn, n_neighbors: 500}
evaluation: {folds: 3, metrics: [accuracy, mcc], rope: 0.02}
""",
        overrides=("model.dropout=0.2",),
        exit_code=1,  # there are not 500 neighbours
    ),
    Golden(
        "stream",
        write_stream,
        """\
name: stream
data: {source: visits, target: bought, stream: true}
model: {architecture: mlp, hidden: [8]}
baselines: [naive_bayes, decision_tree]
""",
    ),
    Golden(
        "image",
        write_images,
        """\
name: image
data: {source: photos}
preprocessing: {image: {augment: {flip: horizontal, rotation: 0.1}}}
model:
  - {architecture: cnn, filters: [4, 8]}
  - {architecture: resnet, depth: 8, width: 4}
baselines:
  - {name: linear, features: pixels}
  - {name: svm, features: hog}
evaluation: {folds: 1, metrics: [accuracy, log_loss]}
""",
    ),
    Golden(
        "audio",
        write_sounds,
        """\
name: audio
data: {source: voices}
preprocessing: {audio: {mels: 16, augment: {frequency: 0.2, time: 0.2}}}
model: {architecture: cnn, filters: [4]}
baselines: [{name: knn, features: mfcc}]
evaluation: {folds: 1}
""",
    ),
    Golden(
        "text",
        write_texts,
        """\
name: text
data: {source: texts.csv, target: liked, features: {review: text}}
model:
  - {architecture: text_cnn, embedding: 8, filters: 4, kernel_sizes: [2, 3]}
  - {architecture: rnn, cell: gru, units: [4], embedding: 8, bidirectional: false}
  - {architecture: transformer, blocks: 1, width: 4, heads: 2, feedforward: 4}
  - {architecture: mlp, features: tfidf, hidden: [8]}
baselines: [{name: linear_svm, features: tfidf, dual: false}]
evaluation: {folds: 1}
""",
    ),
    Golden(
        "series",
        write_series,
        """\
name: series
data: {source: curves.npz}
model:
  - {architecture: fcn, filters: [4, 4], kernel_sizes: [5, 3]}
  - {architecture: inception_time, depth: 1, filters: 2, bottleneck: 2, kernel_sizes: [3, 5]}
baselines:
  - mini_rocket
  - {name: knn, features: flat}
  - {name: decision_tree, features: catch22}
""",
    ),
    Golden(
        "mixed",
        write_mixed,
        """\
name: mixed
data:
  source: mixed.tsv
  target: value
  features:
    size (µm): number
    colour: category
    day: datetime
    remarks: text
    curve: series
model: {architecture: mlp, hidden: [8]}
baselines: [linear]
evaluation: {folds: 1, metrics: mae}
""",
        overrides=(),
    ),
    Golden(
        "aspects",
        write_structured,
        """\
name: aspects
data:
  source: structured.csv
  target: kind
  features: {weight: number, curve: series}
model: {architecture: mlp, hidden: [8]}
baselines: [{name: linear, features: summary}]
evaluation:
  folds: 1
  metrics: accuracy
  learning_curve: [0.5]
  importance: true
  stress: [noise, missing]
""",
        overrides=(),
    ),
    Golden(
        "stress",
        write_structured,
        """\
name: stress
data:
  source: structured.csv
  target: kind
  features: {weight: number, day: datetime, curve: series}
model: none
baselines: [linear]
evaluation:
  folds: 1
  repeats: 2
  metrics: accuracy
  stress: [junk_columns, label_noise, shuffle_structure]
""",
    ),
)
