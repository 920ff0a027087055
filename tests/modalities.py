"""The samples of `dlrun.testing` as datasets of a task."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd

from dlrun.contract.dataset import Column, Dataset
from dlrun.data.targets import target_kind
from dlrun.testing import samples
from dlrun.testing.samples import N_ROWS, RATE, SAMPLES

__all__ = [
    "LABELS",
    "MODALITIES",
    "N_ROWS",
    "RATE",
    "audio",
    "image",
    "mixed",
    "series",
    "table",
    "text",
]

LABELS = ("low", "middle", "high")


def make(modality: str, task: str, **settings: int) -> Dataset:
    return SAMPLES[modality](**settings).dataset(task)


def ordered(lags: tuple[int, ...], task: str) -> Dataset:
    """Return rows in time whose only columns are the last targets, for naive forecasts."""
    level = np.sin(np.arange(N_ROWS) / 9) + 1.5
    found = target_kind(task).sample(level)
    labels = np.array(found.target.labels)
    values = labels[found.y] if len(labels) else found.y
    frame = pd.DataFrame({f"y_lag_{n}": pd.Series(values).shift(n) for n in lags})
    typed = frame.astype("category") if len(labels) else frame
    columns = tuple(Column(name, "category" if len(labels) else "number") for name in typed)
    made = Dataset("ordered", "made", columns, found.target, typed, found.y, np.arange(N_ROWS))
    return replace(made, history=columns)


MODALITIES = {name: partial(make, name) for name in samples.SAMPLES}
table, image, audio, text, series, mixed = MODALITIES.values()
MODALITIES |= {"ordered": partial(ordered, (1,)), "seasonal": partial(ordered, (1, 57))}
