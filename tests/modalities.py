"""Small datasets, one for each kind of column, with a pattern that every candidate can find."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from dlrun.contract.dataset import Column, Dataset, Target, Task

LABELS = ("low", "middle", "high")
N_ROWS = 240
RATE = 4000  # of the sounds, in Hz


def table(task: Task) -> Dataset:
    """Numbers, categories and dates with missing values."""
    rng = np.random.default_rng(0)
    size, days = rng.normal(50, 20, N_ROWS), rng.integers(0, 700, N_ROWS)
    colour = rng.choice(["red", "grün", "青"], N_ROWS)
    signal = size / 20 + (colour == "red") + days / 700
    frame = pd.DataFrame(
        {
            "size (µm)": np.where(np.arange(N_ROWS) % 11 == 0, np.nan, size),
            "noise": rng.normal(size=N_ROWS),
            "colour": pd.Categorical(np.where(np.arange(N_ROWS) % 7 == 0, None, colour)),
            "town": pd.Categorical([f"town {i}" for i in rng.integers(0, 40, N_ROWS)]),
            "day": pd.to_datetime("2024-01-01").as_unit("us") + pd.to_timedelta(days, "D"),
        }
    )
    frame.loc[::13, "day"] = pd.NaT
    types = ("number", "number", "category", "category", "datetime")
    columns = tuple(Column(name, kind) for name, kind in zip(frame, types, strict=True))
    return _dataset("table", columns, frame, signal, task)


def image(task: Task, channels: int = 1) -> Dataset:
    """A square on noise; the signal is how bright it is. One image is missing."""
    rng = np.random.default_rng(1)
    signal = rng.uniform(0, 3, N_ROWS)
    pixels = rng.integers(0, 40, (N_ROWS, 12, 10, channels))
    pixels[:, 3:9, 2:8] += (signal * 70).astype(int)[:, None, None, None]
    cells = list(pixels.astype(np.uint8))
    cells[7] = np.zeros_like(cells[7])
    return _cells(Column("photo", "image", (12, 10, channels)), cells, signal, task)


def audio(task: Task) -> Dataset:
    """A tone in noise, of different lengths; the signal is its pitch. One sound is missing."""
    rng = np.random.default_rng(2)
    signal = rng.uniform(0, 3, N_ROWS)
    cells = []
    for level in signal:
        seconds = np.arange(rng.integers(RATE // 5, RATE // 2)) / RATE
        tone = np.sin(2 * np.pi * (300 + 300 * level) * seconds)
        cells.append((0.5 * tone + rng.normal(0, 0.02, len(seconds))).astype(np.float32))
    cells[7] = np.zeros(0, dtype=np.float32)
    return _cells(Column("sound", "audio", (RATE // 2,), RATE), cells, signal, task)


def text(task: Task) -> Dataset:
    """Sentences; the signal is how many of their words are glad. One is missing."""
    rng = np.random.default_rng(3)
    glad, sad = ["glad", "très", "好", "sunny"], ["sad", "grau", "bad", "Rain!"]
    others = ["the", "day", "was", "and", "it", "then", "naïve", "🙂"]
    signal = rng.uniform(0, 3, N_ROWS)
    sentences = []
    for level in signal:
        told = [rng.choice(glad if rng.random() < level / 3 else sad) for _ in range(8)]
        filler = rng.choice(others, rng.integers(2, 12)).tolist()
        sentences.append(" ".join(rng.permutation(told + filler)))
    sentences[7] = ""
    frame = pd.DataFrame({"review": pd.Series(sentences, dtype="str")})
    return _dataset("text", (Column("review", "text"),), frame, signal, task)


def series(task: Task) -> Dataset:
    """Two channels of different lengths with gaps; the signal is the height of a bump."""
    rng = np.random.default_rng(4)
    signal = rng.uniform(0, 3, N_ROWS)
    cells = []
    for level in signal:
        steps = rng.integers(18, 31)
        values = rng.normal(0, 0.3, (steps, 2))
        place = rng.integers(0, steps - 6)
        values[place : place + 6, 0] += level * 2
        values[rng.integers(0, steps), 1] = np.nan
        cells.append(values.astype(np.float32))
    cells[7] = np.zeros((0, 2), dtype=np.float32)
    return _cells(Column("curve", "series", (30, 2)), cells, signal, task)


def mixed(task: Task) -> Dataset:
    """Text and series beside numbers and categories; the signal is in the text and a number."""
    words, flat, curve = text(task), table(task), series(task)
    signal = text("regression").y + table("regression").y / 2
    columns = (*flat.columns[:3], *words.columns, *curve.columns)
    frame = pd.concat([flat.frame, words.frame, curve.frame], axis=1)
    return _dataset("mixed", columns, frame[[c.name for c in columns]], signal, task)


MODALITIES: dict[str, Callable[[Task], Dataset]] = {
    "table": table,
    "image": image,
    "audio": audio,
    "text": text,
    "series": series,
    "mixed": mixed,
}


def _cells(column: Column, cells: list[Any], signal: Any, task: Task) -> Dataset:
    values = np.empty(len(cells), dtype=object)
    values[:] = cells
    return _dataset(column.type, (column,), pd.DataFrame({column.name: values}), signal, task)


def _dataset(
    name: str, columns: tuple[Column, ...], frame: pd.DataFrame, signal: Any, task: Task
) -> Dataset:
    is_class = task == "classification"
    target = Target("kind", task, LABELS if is_class else (), "str" if is_class else "float")
    y = np.digitize(signal, np.quantile(signal, [0.3, 0.6])).astype(np.int64)
    y = y if is_class else signal
    return Dataset(name, "by hand", columns, target, frame, y, np.arange(len(frame)))
