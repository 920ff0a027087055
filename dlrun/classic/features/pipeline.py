"""Columns of all types joined to one feature matrix, fitted on the training rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import make_pipeline

from dlrun.catalog.features import FEATURES
from dlrun.catalog.parts import load_part
from dlrun.classic.features.tabular import table_steps
from dlrun.recipe.features import feature_of

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from dlrun.classic.features.spec import FeatureSpec
    from dlrun.contract.dataset import Column


class ZeroFeatures(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Look at nothing: what the floor learns from."""

    def fit(self, frame: pd.DataFrame, y: object = None) -> Self:
        """Learn nothing."""
        self.is_fitted_ = True
        return self

    def transform(self, frame: pd.DataFrame) -> NDArray[np.float32]:
        """Return zeros, (rows, 1) float32."""
        return np.zeros((len(frame), 1), dtype=np.float32)


class ColumnVarianceScaler(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Give all the numbers of one column together the variance of a single standardised number.

    Where rows are compared by their distance, a series of a hundred steps would else count a
    hundred times as much as a number beside it.
    """

    def fit(self, matrix: NDArray[Any], y: object = None) -> Self:
        """Measure how much the training rows vary."""
        variance = float(matrix.var(axis=0).sum())
        self.spread_ = variance**0.5 if variance > 0 else 1.0
        return self

    def transform(self, matrix: NDArray[Any]) -> NDArray[Any]:
        """Return the scaled numbers, (rows, numbers)."""
        return matrix / self.spread_


def make_features(columns: Sequence[Column], chosen: Sequence[str], spec: FeatureSpec) -> Any:
    """Make the unfitted transformer of typed columns; categories come first in its matrix.

    Args:
        columns: the columns of the dataset.
        chosen: names of features, for some types of column; the others get the first of theirs.
        spec: what the features are computed for.

    Raises:
        ExtraError: a feature needs a package that is not installed.
    """
    if spec.encoding == "none":
        return ZeroFeatures()
    steps = table_steps(spec)
    names = {kind: [c.name for c in columns if c.type == kind] for kind in steps}
    table = [(kind, make_pipeline(*steps[kind]), names[kind]) for kind in steps if names[kind]]
    is_balanced = spec.encoding in ("onehot_dense", "onehot_network") and len(columns) > 1
    last = [ColumnVarianceScaler()] if is_balanced else []
    cells = []
    for place, column in enumerate(columns):
        if name := feature_of(column.type, chosen):
            pipeline = make_pipeline(*_steps(name, column, spec), *last)
            cells.append((f"{column.type} {place}", pipeline, column.name))
    return ColumnTransformer([*table, *cells], sparse_threshold=0.3 if spec.is_sparse else 0.0)


def _steps(name: str, column: Column, spec: FeatureSpec) -> list[Any]:
    module = load_part("dlrun.classic.features", FEATURES[name].column_type)
    steps: list[Any] = getattr(module, f"{name}_steps")(column, spec)
    return steps
