"""Columns of all types → one feature matrix, fitted to the training rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, Self

import numpy as np
import pandas as pd
import scipy.sparse
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import make_pipeline

from dlrun.catalog.columns import COLUMN_KINDS
from dlrun.catalog.features import EMBED, FEATURES
from dlrun.catalog.parts import load_part
from dlrun.classic.features.embed import vectors_of
from dlrun.classic.features.spec import FeatureSpec, StatelessTransformer
from dlrun.classic.features.tabular import table_steps
from dlrun.contract.dataset import Column
from dlrun.recipe.features import features_for

PIECE_ROWS: Final = 1024  # of images, sounds or texts that are transformed at once


def has_structure(columns: Iterable[Column]) -> bool:
    """Return whether there are images, sounds, texts or series among the columns."""
    return any(COLUMN_KINDS[column.type].has_structure for column in columns)


def in_pieces(frame: pd.DataFrame, columns: Iterable[Column]) -> Iterator[pd.DataFrame]:
    """Yield typed rows whose features take little memory: few at a time, those of a table all."""
    most = PIECE_ROWS if has_structure(columns) else len(frame)
    if len(frame) <= most:
        yield frame
        return
    for start in range(0, len(frame), most):
        yield frame.iloc[start : start + most]


def transform(features: Any, frame: pd.DataFrame, columns: Iterable[Column]) -> Any:
    """Return the features of typed rows, (rows, features), computed in pieces."""
    first, *others = [features.transform(rows) for rows in in_pieces(frame, columns)]
    if not others:
        return first
    if scipy.sparse.issparse(first):
        return scipy.sparse.vstack([first, *others], "csr")
    return np.concatenate([first, *others])


class ZeroFeatures(StatelessTransformer):
    """One feature that is always zero, for an estimator that ignores the columns."""

    def transform(self, frame: pd.DataFrame) -> NDArray[np.float32]:
        """Return zeros, (rows, 1) float32."""
        return np.zeros((len(frame), 1), dtype=np.float32)


class ColumnVarianceScaler(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Divides the features of one column by the square root of their total variance.

    Without it a series of 100 steps would count in a distance 100 times as much as a number.
    """

    def fit(self, matrix: NDArray[Any], y: object = None) -> Self:
        """Compute the total variance over the training rows."""
        variance = float(matrix.var(axis=0).sum())
        self.scale_ = variance**0.5 if variance > 0 else 1.0
        return self

    def transform(self, matrix: NDArray[Any]) -> NDArray[Any]:
        """Return the scaled features, (rows, features)."""
        return matrix / self.scale_


def make_features(columns: Sequence[Column], chosen: Sequence[str], spec: FeatureSpec) -> Any:
    """Return the unfitted transformer of typed columns; categories come first in its matrix.

    Args:
        columns: the columns of the dataset.
        chosen: names of features; columns of the other types get their default.
        spec: what the features are computed for.
    """
    if spec.encoding == "none":
        return ZeroFeatures()
    steps = table_steps(spec)
    names = {type_: [c.name for c in columns if c.type == type_] for type_ in steps}
    table = [(type_, make_pipeline(*steps[type_]), names[type_]) for type_ in steps if names[type_]]
    is_balanced = spec.encoding in ("onehot_dense", "onehot_network") and len(columns) > 1
    last = [ColumnVarianceScaler()] if is_balanced else []
    cells = []
    for position, column in enumerate(columns):
        for name in features_for(column.type, chosen):
            pipeline = make_pipeline(*_steps(name, column, spec), *last)
            source = vectors_of(column.name) if name == EMBED else column.name
            cells.append((f"{name} {position}", pipeline, source))
    sparse_threshold = 0.3 if spec.encoding == "onehot" else 0.0
    return ColumnTransformer([*table, *cells], sparse_threshold=sparse_threshold)


def _steps(name: str, column: Column, spec: FeatureSpec) -> list[Any]:
    module = load_part("dlrun.classic.features", FEATURES[name].module)
    steps: list[Any] = getattr(module, f"{name}_steps")(column, spec)
    return steps
