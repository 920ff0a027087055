"""Vectors of a pretrained network as features."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.preprocessing import Normalizer

from dlrun.classic.features.spec import FeatureSpec, StatelessTransformer
from dlrun.contract.dataset import Column


def vectors_of(column: str) -> str:
    """Return the name of the column that has the vectors of another one.

    Whoever lets a candidate with this feature see rows adds it to them.
    """
    return f"{column} → vectors"


class Vectors(StatelessTransformer):
    """The vectors as they are."""

    def transform(self, cells: pd.Series[Any]) -> NDArray[np.float32]:
        """Return the vectors, (rows, width) float32."""
        return np.stack(cells.tolist())


class OneFactorScaler(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Centres vectors and divides all of their numbers by one factor: their mean variance is 1.

    Standardised one by one, numbers that hardly vary would count as much as the others. On 50
    sounds of spoken digits the accuracy of a support vector machine rises from 0.70 to 0.78.
    """

    def fit(self, vectors: NDArray[np.float32], y: object = None) -> Self:
        """Compute mean and variance over the training rows."""
        self.mean_ = vectors.mean(axis=0)
        self.scale_ = float(vectors.var(axis=0).mean()) ** 0.5 or 1.0
        return self

    def transform(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the scaled vectors, (rows, width) float32."""
        scaled: NDArray[np.float32] = (vectors - self.mean_) / np.float32(self.scale_)
        return scaled


def embed_steps(column: Column, spec: FeatureSpec) -> list[Any]:
    """Return the steps of `embed`: vectors of texts are compared by their direction.

    On 100 and 500 sentences of film reviews logistic regression on vectors of MiniLM, all of
    length 1, reaches an ROC AUC of 0.76 and 0.82; on scaled ones of 0.73 and 0.76.
    """
    scaler = Normalizer() if column.type == "text" else OneFactorScaler()
    return [Vectors(), *([scaler] if spec.is_scaled else [])]
