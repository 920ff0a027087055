"""The samples of `dlrun.testing` as datasets of a task."""

from __future__ import annotations

from functools import partial

from dlrun.contract.dataset import Dataset
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


MODALITIES = {name: partial(make, name) for name in samples.SAMPLES}
table, image, audio, text, series, mixed = MODALITIES.values()
