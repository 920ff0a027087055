"""What features are computed for, and what their steps have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import StandardScaler

from dlrun.catalog.features import Encoding
from dlrun.recipe.preprocessing import Preprocessing


@dataclass(frozen=True)
class FeatureSpec:
    """What features are computed for.

    Attributes:
        n_rows: the number of training rows.
        seed: feeds everything random in them.
    """

    encoding: Encoding
    preprocessing: Preprocessing
    n_rows: int
    seed: int

    @property
    def is_scaled(self) -> bool:
        """Return whether the estimator needs features of one scale."""
        return self.encoding.startswith("onehot")


class StatelessTransformer(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A transformer that learns nothing from the training rows."""

    def fit(self, rows: Any, y: object = None) -> Self:
        """Return itself."""
        self.is_fitted_ = True
        return self


def measured_steps(spec: FeatureSpec) -> list[Any]:
    """Return the steps after numbers measured on a sound or a series, NaN where it is missing.

    All numbers of a cell are missing together, so they are imputed without an indicator.
    """
    imputer = SimpleImputer(strategy="median", keep_empty_features=True)
    scaler = [StandardScaler()] if spec.is_scaled else []
    return scaler if spec.encoding == "native" else [imputer, *scaler]
