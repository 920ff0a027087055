"""What features are made for: the estimator's encoding, the recipe's preprocessing, the rows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sklearn.impute import SimpleImputer
from sklearn.preprocessing import StandardScaler

if TYPE_CHECKING:
    from dlrun.recipe.preprocessing import Preprocessing

FeatureEncoding = Literal["onehot", "onehot_dense", "onehot_network", "ordinal", "native", "none"]
"""What suits an estimator, or a network.

onehot: numbers imputed and scaled, a sparse column for each value of a category and for each
    n-gram of a text;
onehot_dense: the same in a dense matrix, with columns for the 32 most frequent values of a
    category at most, and texts condensed to 100 numbers;
onehot_network: as onehot_dense, but of a text the 5,000 n-grams that tell most about the target;
ordinal: numbers imputed, categories as codes, for trees that split on order; texts condensed;
native: numbers with NaN kept and categories as codes, for boosting that handles both by itself;
none: no features at all.
"""


@dataclass(frozen=True)
class FeatureSpec:
    """What features are made for.

    Attributes:
        n_rows: how many training rows there are.
        seed: feeds what is random in them.
    """

    encoding: FeatureEncoding
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


def measured_steps(purpose: FeatureSpec) -> list[Any]:
    """Make the steps that follow numbers measured on a sound or a series, NaN where it is missing.

    All numbers of a cell are missing together, so the median fills them and no indicator is added.
    """
    impute = [] if purpose.keeps_missing else [SimpleImputer(
        strategy="median", keep_empty_features=True
    )]  # fmt: skip
    return impute + ([StandardScaler()] if purpose.is_scaled else [])
