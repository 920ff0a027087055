"""Handwritten digits with what is true of each: several labels for each image."""

from __future__ import annotations

import numpy as np
import pandas as pd
from sklearn.datasets import load_digits

PROPERTIES = {
    "even": (0, 2, 4, 6, 8),
    "prime": (2, 3, 5, 7),
    "loop": (0, 6, 8, 9),
    "above 4": (5, 6, 7, 8, 9),
}


def load() -> pd.DataFrame:
    """Return 1,797 images of 8 × 8 gray pixels and a column of 0 and 1 for each property."""
    bunch = load_digits()
    pixels = (bunch.images * (255 / 16)).round().astype(np.uint8)[..., None]
    images = np.empty(len(pixels), dtype=object)
    images[:] = list(pixels)
    labels = {
        name: np.isin(bunch.target, digits).astype(int) for name, digits in PROPERTIES.items()
    }
    return pd.DataFrame({"image": images, **labels})
