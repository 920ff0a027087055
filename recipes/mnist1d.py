"""MNIST-1D: ten shapes of one dimension, hidden by place, size, slope and noise; generated."""

from __future__ import annotations

from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

TEMPLATES: Final = (
    (5, 6, 6.5, 6.75, 7, 7, 7, 7, 6.75, 6.5, 6, 5),
    (5, 3, 3, 3.4, 3.8, 4.2, 4.6, 5, 5.4, 5.8, 5, 5),
    (5, 6, 6.5, 6.5, 6, 5.25, 4.75, 4, 3.5, 3.5, 4, 5),
    (5, 6, 6.5, 6.5, 6, 5, 5, 6, 6.5, 6.5, 6, 5),
    (5, 4.4, 3.8, 3.2, 2.6, 2.6, 5, 5, 5, 5, 5, 5),
    (5, 3, 3, 3, 3, 5, 6, 6.5, 6.5, 6, 4.5, 5),
    (5, 4, 3.5, 3.25, 3, 3, 3, 3, 3.25, 3.5, 4, 5),
    (5, 7, 7, 6.6, 6.2, 5.8, 5.4, 5, 4.6, 4.2, 5, 5),
    (5, 4, 3.5, 3.5, 4, 5, 5, 4, 3.5, 3.5, 4, 5),
    (5, 4, 3.5, 3.5, 4, 5, 5, 5, 5, 4.7, 4.3, 5),
)
PADDING: Final = (36, 60)  # steps of silence after a shape
LENGTH: Final = 40
N_ROWS: Final = 5000
Steps = NDArray[np.float64]


def load() -> pd.DataFrame:
    """Generate 5,000 series of 40 steps, `series`, and the shape in each, `digit`.

    As Greydanus & Kobak, "Scaling down deep learning with MNIST-1D" (2024), describe them: a
    shape of 12 points is followed by silence, stretched, shifted around, sheared, and covered
    with correlated and white noise. A convolution finds it anywhere, a table of 40 columns does
    not.
    """
    rng = np.random.default_rng(42)
    digits = rng.permutation(np.arange(N_ROWS) % len(TEMPLATES))
    rows = np.stack([_sample(TEMPLATES[digit], rng) for digit in digits])
    rows = (rows - rows.mean()) / rows.std()
    return pd.DataFrame({"series": list(rows), "digit": digits.astype(str)})


def _sample(points: tuple[float, ...], rng: np.random.Generator) -> Steps:
    from scipy.ndimage import gaussian_filter

    shape = np.asarray(points)
    shape = (shape - shape.mean()) / shape.std()
    shape = (shape - shape[0]) / 6 + 1e-8  # of a shape no point is silence, which is exactly 0
    padded = np.concatenate([shape, np.zeros(rng.integers(PADDING[0], PADDING[1] + 1))])
    row = _resized(padded, len(shape) + PADDING[1])
    row *= 1 + 0.4 * (rng.random() - 0.5)
    row = np.roll(row, rng.integers(48))
    row = np.where(row == 0, gaussian_filter(rng.normal(0, 0.25, len(row)), 2), row)
    row += rng.normal(0, 0.02, len(row))
    row -= 0.75 * (rng.random() - 0.5) * np.linspace(-0.5, 0.5, len(row))
    return _resized(row, LENGTH)


def _resized(row: Steps, length: int) -> Steps:
    places = np.linspace(0, 1, length)
    return np.interp(places, np.linspace(0, 1, len(row)), row)
