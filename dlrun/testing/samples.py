"""Small datasets, one for each kind of column, with a signal that every candidate can learn."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dlrun.contract.dataset import Column, Dataset
from dlrun.data.targets import target_kind
from dlrun.data.types.decode import as_cells

N_ROWS: Final = 240
RATE: Final = 4000  # of the sounds, in Hz


@dataclass(frozen=True)
class Sample:
    """Typed columns and the hidden number that y is made of.

    Attributes:
        signal: (rows,) float64.
    """

    name: str
    columns: tuple[Column, ...]
    frame: pd.DataFrame
    signal: NDArray[np.float64]

    def dataset(self, task: str) -> Dataset:
        """Return the rows with a y of the task that follows the signal."""
        target = target_kind(task).sample(self.signal)
        rows = np.arange(len(self.frame))
        return Dataset(self.name, "made", self.columns, target.target, self.frame, target.y, rows)


def table() -> Sample:
    """Return numbers, categories and dates with missing values."""
    rng = np.random.default_rng(0)
    size, days = rng.normal(50, 20, N_ROWS), rng.integers(0, 700, N_ROWS)
    colour = rng.choice(["red", "grün", "青"], N_ROWS)
    signal = size / 20 + (colour == "red") + days / 700
    frame = pd.DataFrame(
        {
            "size (µm)": np.where(np.arange(N_ROWS) % 11 == 0, np.nan, size),
            "noise": rng.normal(size=N_ROWS),
            "colour": pd.Categorical(
                [None if row % 7 == 0 else name for row, name in enumerate(colour)]
            ),
            "town": pd.Categorical([f"town {i}" for i in rng.integers(0, 40, N_ROWS)]),
            "day": pd.to_datetime("2024-01-01").as_unit("us") + pd.to_timedelta(days, "D"),
        }
    )
    frame.loc[::13, "day"] = pd.NaT
    types = ("number", "number", "category", "category", "datetime")
    columns = tuple(Column(str(name), kind) for name, kind in zip(frame, types, strict=True))
    return Sample("table", columns, frame, signal)


def image(channels: int = 1) -> Sample:
    """Return squares on noise; the signal is their brightness. One image is missing."""
    rng = np.random.default_rng(1)
    signal = rng.uniform(0, 3, N_ROWS)
    pixels = rng.integers(0, 40, (N_ROWS, 12, 10, channels))
    pixels[:, 3:9, 2:8] += (signal * 70).astype(int)[:, None, None, None]
    cells = list(pixels.astype(np.uint8))
    cells[7] = np.zeros_like(cells[7])
    return _cells(Column("photo", "image", (12, 10, channels)), cells, signal)


def audio() -> Sample:
    """Return tones in noise, of different lengths; the signal is their pitch. One is missing."""
    rng = np.random.default_rng(2)
    signal = rng.uniform(0, 3, N_ROWS)
    cells = []
    for level in signal:
        seconds = np.arange(rng.integers(RATE // 5, RATE // 2)) / RATE
        tone = np.sin(2 * np.pi * (300 + 300 * level) * seconds)
        cells.append((0.5 * tone + rng.normal(0, 0.02, len(seconds))).astype(np.float32))
    cells[7] = np.zeros(0, dtype=np.float32)
    return _cells(Column("sound", "audio", (RATE // 2,), RATE), cells, signal)


def text() -> Sample:
    """Return sentences; the signal is the share of glad words in them. One is missing."""
    rng = np.random.default_rng(3)
    glad, sad = ["glad", "très", "好", "sunny"], ["sad", "grau", "bad", "Rain!"]
    others = ["the", "day", "was", "and", "it", "then", "naïve", "🙂"]
    signal = rng.uniform(0, 3, N_ROWS)
    sentences = []
    for level in signal:
        words = [rng.choice(glad if rng.random() < level / 3 else sad) for _ in range(8)]
        filler = rng.choice(others, rng.integers(2, 12)).tolist()
        sentences.append(" ".join(rng.permutation(words + filler)))
    sentences[7] = ""
    frame = pd.DataFrame({"review": pd.Series(sentences, dtype="str")})
    return Sample("text", (Column("review", "text"),), frame, signal)


def series() -> Sample:
    """Return two channels of different lengths with gaps; the signal is the height of a bump."""
    rng = np.random.default_rng(4)
    signal = rng.uniform(0, 3, N_ROWS)
    cells = []
    for level in signal:
        steps = rng.integers(18, 31)
        values = rng.normal(0, 0.3, (steps, 2))
        start = rng.integers(0, steps - 6)
        values[start : start + 6, 0] += level * 2
        values[rng.integers(0, steps), 1] = np.nan
        cells.append(values.astype(np.float32))
    cells[7] = np.zeros((0, 2), dtype=np.float32)
    return _cells(Column("curve", "series", (30, 2)), cells, signal)


def mixed() -> Sample:
    """Return text and series beside numbers and categories; text and a number carry the signal."""
    words, flat, curve = text(), table(), series()
    columns = (*flat.columns[:3], *words.columns, *curve.columns)
    frame = pd.concat([flat.frame, words.frame, curve.frame], axis=1)
    names = [column.name for column in columns]
    return Sample("mixed", columns, frame[names], words.signal + flat.signal / 2)


def _cells(column: Column, cells: list[Any], signal: Any) -> Sample:
    frame = pd.DataFrame({column.name: as_cells(cells, len(cells))})
    return Sample(column.type, (column,), frame, signal)


SAMPLES: Final[dict[str, Callable[[], Sample]]] = {
    "table": table,
    "image": image,
    "audio": audio,
    "text": text,
    "series": series,
    "mixed": mixed,
}
