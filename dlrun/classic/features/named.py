"""The features of one row, those farthest from zero with the columns that they are made of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import scipy.sparse

from dlrun.contract.trace import FeatureRow, InputValue, Spread

if TYPE_CHECKING:
    import pandas as pd

LARGEST: Final = 8


def feature_row(features: Any, frame: pd.DataFrame) -> FeatureRow:
    """Return the features of one typed row.

    Args:
        features: as `make_features` makes them, fitted.
        frame: one row.
    """
    made = features.transform(frame)
    dense = made.toarray() if scipy.sparse.issparse(made) else np.asarray(made)
    row = dense[0].astype(np.float64)
    names = dict(_names(features))
    known = np.nan_to_num(np.abs(row))
    largest = tuple(
        InputValue(names.get(int(place), f"feature {place}"), float(row[place]))
        for place in np.argsort(-known, kind="stable")[:LARGEST]
    )
    seen = row[np.isfinite(row)] if np.isfinite(row).any() else np.zeros(1)
    ends = float(seen.min()), float(seen.max()), float((row == 0).mean())
    return FeatureRow(len(row), Spread(float(seen.mean()), float(seen.std()), *ends), largest)


def _names(features: Any) -> Iterator[tuple[int, str]]:
    """Yield the place and the name of each feature: its column, or its feature and place."""
    for name, _, columns in getattr(features, "transformers_", ()):
        places = range(*features.output_indices_[name].indices(10**9))
        listed = [columns] if isinstance(columns, str) else list(columns)
        for own, place in enumerate(places):
            title = listed[own] if len(listed) == len(places) else f"{name} [{own}]"
            yield place, title
