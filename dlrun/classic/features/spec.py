"""What features are made for: the estimator's encoding, the recipe's preprocessing, the rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sklearn.impute import SimpleImputer
from sklearn.preprocessing import StandardScaler

if TYPE_CHECKING:
    from dlrun.catalog.features import Encoding
    from dlrun.recipe.preprocessing import Preprocessing


@dataclass(frozen=True)
class FeatureSpec:
    """What features are made for.

    Attributes:
        n_rows: how many training rows there are.
        seed: feeds what is random in them.
    """

    encoding: Encoding
    preprocessing: Preprocessing
    n_rows: int
    seed: int

    @property
    def is_sparse(self) -> bool:
        """Say whether the estimator takes a sparse matrix gladly."""
        return self.encoding == "onehot"

    @property
    def is_scaled(self) -> bool:
        """Say whether the estimator wants its features on one scale."""
        return self.encoding.startswith("onehot")

    @property
    def keeps_missing(self) -> bool:
        """Say whether the estimator handles NaN by itself."""
        return self.encoding == "native"


def measured_steps(spec: FeatureSpec) -> list[Any]:
    """Make the steps that follow numbers measured on a sound or a series, NaN where it is missing.

    All numbers of a cell are missing together, so the median fills them and no indicator is added.
    """
    impute = [] if spec.keeps_missing else [SimpleImputer(
        strategy="median", keep_empty_features=True
    )]  # fmt: skip
    return impute + ([StandardScaler()] if spec.is_scaled else [])
