"""An unfitted estimator, suited to the rows that it will see and to the answers dlrun wants."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, Final

import joblib
import numpy as np
from sklearn import ensemble, neighbors, svm, tree
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import StratifiedKFold, StratifiedShuffleSplit
from sklearn.preprocessing import StandardScaler
from sklearn.utils import get_tags

from dlrun.classic.estimators import BOOST_PACKAGES
from dlrun.classic.features.spec import FeatureEncoding
from dlrun.classic.nystroem import MAX_EXACT_ROWS, nystroem_svm
from dlrun.contract.dataset import Task

if TYPE_CHECKING:
    from numpy.typing import NDArray

NATIVE: Final = (
    ensemble.HistGradientBoostingClassifier,
    ensemble.HistGradientBoostingRegressor,
)
ORDINAL: Final = (tree.BaseDecisionTree, ensemble.BaseEnsemble)
# What compares rows with each other takes sparse ones as well, but compares dense ones faster.
DENSE: Final = (
    neighbors.KNeighborsClassifier,
    neighbors.KNeighborsRegressor,
    svm.SVC,
    svm.SVR,
)
MACHINES: Final = ("svm", "linear_svm")


def package_of(estimator: Any) -> str:
    """Return the name of the package that an estimator's class comes from."""
    return type(estimator).__module__.partition(".")[0]


def feature_encoding_for(estimator: Any) -> FeatureEncoding:
    """Choose the encoding of columns that suits an estimator."""
    if isinstance(estimator, DummyClassifier | DummyRegressor):
        return "none"
    if isinstance(estimator, NATIVE) or package_of(estimator) in BOOST_PACKAGES:
        return "native"
    if isinstance(estimator, ORDINAL):
        return "ordinal"
    takes_sparse = hasattr(estimator, "__sklearn_tags__") and get_tags(estimator).input_tags.sparse
    return "onehot" if takes_sparse and not isinstance(estimator, DENSE) else "onehot_dense"


def adapt_estimator(
    estimator: Any,
    kind: str,
    task: Task,
    settings: Collection[str],
    matrix: Any,
    y: Any,
    *,
    n_categories: int,
    seed: int,
) -> Any:
    """Complete an unfitted estimator for the training rows.

    What the recipe leaves open is filled in: the seed, the threads of the boosting packages and
    which features are categories. The baseline `svm` becomes its approximation above 20,000 rows;
    `svm` and `linear_svm` learn a standardised number. A classifier that gives no probabilities is
    calibrated.

    Args:
        estimator: unfitted.
        kind: the baseline's name or class path.
        task: classification or regression.
        settings: names of the settings that the recipe gives.
        matrix: (rows, features) the training rows; the categories come first.
        y: (rows,) classes counted from 0 without gaps, or numbers.
        n_categories: how many columns are categories.
        seed: feeds everything random.
    """
    fill_in(estimator, settings, matrix.shape[1], n_categories=n_categories, seed=seed)
    if kind == "svm" and matrix.shape[0] > MAX_EXACT_ROWS:
        estimator = nystroem_svm(estimator, matrix, seed)
    if kind in MACHINES and task == "regression":
        # C and epsilon are in the target's unit; standardised, their defaults fit any target.
        estimator = TransformedTargetRegressor(estimator, transformer=StandardScaler())
    if task == "regression" or hasattr(estimator, "predict_proba"):
        return estimator
    return _calibrated(estimator, y, seed)


def fill_in(
    estimator: Any, settings: Collection[str], n_features: int, *, n_categories: int, seed: int
) -> None:
    """Set what the recipe leaves open: the seed, the boosting packages' threads, the categories."""
    if hasattr(estimator, "get_params"):
        known = estimator.get_params(deep=False)
        wanted = _wanted(estimator, n_categories, n_features, seed)
        open_ = {name for name in wanted if name in known and name not in settings}
        estimator.set_params(**{name: wanted[name] for name in open_})


def supports_partial_fit(estimator: Any) -> bool:
    """Say whether an estimator can learn from some rows, and later from others."""
    return hasattr(estimator, "partial_fit")


def calibrate_prefit(estimator: Any, matrix: Any, y: NDArray[np.int64]) -> Any:
    """Give a classifier that was fitted in parts probabilities (Platt 1999), where it has none.

    The sigmoid is fitted on some of the rows that were learned from: beside all of them they are
    few, so the scores differ little from those of rows that were not.
    """
    if hasattr(estimator, "predict_proba") or not hasattr(estimator, "decision_function"):
        return estimator
    return CalibratedClassifierCV(FrozenEstimator(estimator)).fit(matrix, y)


def fit_arguments(estimator: Any, n_categories: int) -> dict[str, object]:
    """Return what `fit` must be told beside the rows: LightGBM's categories."""
    if package_of(estimator) == "lightgbm" and n_categories:
        return {"categorical_feature": list(range(n_categories))}
    return {}


def _wanted(estimator: Any, n_categories: int, n_features: int, seed: int) -> dict[str, object]:
    wanted: dict[str, object] = {"random_state": seed % 2**31}  # LightGBM's has 32 bits, signed
    if isinstance(estimator, NATIVE):
        wanted["categorical_features"] = list(range(n_categories))
    if package_of(estimator) in BOOST_PACKAGES:
        # joblib's setting reaches scikit-learn by itself, but not these two.
        wanted["n_jobs"] = joblib.effective_n_jobs(None)
    if package_of(estimator) == "xgboost":
        wanted["enable_categorical"] = True
        wanted["feature_types"] = ["c"] * n_categories + ["q"] * (n_features - n_categories)
    return wanted


def _calibrated(estimator: Any, y: NDArray[np.int64], seed: int) -> Any:
    """Wrap a classifier so that its scores become probabilities (Platt 1999).

    The sigmoid is fitted on scores of rows that the classifier has not seen: over three folds, or
    on a tenth of the rows where there are plenty.
    """
    rarest = int(np.bincount(y).min())
    if not hasattr(estimator, "decision_function") or rarest < 2:  # noqa: PLR2004
        return estimator
    if len(y) > MAX_EXACT_ROWS:
        held_out = StratifiedShuffleSplit(1, test_size=0.1, random_state=seed)
        return CalibratedClassifierCV(estimator, cv=held_out)
    folds = StratifiedKFold(min(3, rarest), shuffle=True, random_state=seed)
    return CalibratedClassifierCV(estimator, cv=folds, ensemble=False)
