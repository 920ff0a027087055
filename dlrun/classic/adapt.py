"""Estimators for the training rows: the encoding of columns, and settings that a recipe omits.

Rules for a baseline are in its row; rules for any estimator, which a recipe may name by its class,
are here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import joblib
from sklearn import ensemble, neighbors, svm, tree
from sklearn.utils import get_tags

from dlrun.catalog.baselines import BASELINES, Baseline
from dlrun.catalog.features import Encoding
from dlrun.catalog.table_models import TABLE_MODELS
from dlrun.classic.estimators import package_of
from dlrun.classic.in_context import InContextEstimator
from dlrun.classic.nystroem import MAX_EXACT_ROWS, nystroem_svm
from dlrun.system.cost import user_threads

NATIVE: Final = (ensemble.HistGradientBoostingClassifier, ensemble.HistGradientBoostingRegressor)
SMALL_CELLS: Final = 1_000_000
ORDINAL: Final = (tree.BaseDecisionTree, ensemble.BaseEnsemble)
# They take sparse matrices, but compute distances between dense rows faster.
DENSE: Final = (neighbors.KNeighborsClassifier, neighbors.KNeighborsRegressor, svm.SVC, svm.SVR)


def baseline_of(name: str, estimator: Any) -> Baseline:
    """Return the row of a baseline's name, or of the optional package that defines a class.

    Any other class gets an empty row.
    """
    package = package_of(estimator)
    rows = (row for row in BASELINES.values() if row.package and row.package.module == package)
    return BASELINES.get(name) or next(rows, TABLE_MODELS.get(package, Baseline(name, name)))


def encoding_for(row: Baseline, estimator: Any) -> Encoding:
    """Choose the encoding of columns for an estimator."""
    if row.encoding:
        return row.encoding
    if isinstance(estimator, NATIVE):
        return "native"
    if isinstance(estimator, ORDINAL):
        return "ordinal"
    takes_sparse = hasattr(estimator, "__sklearn_tags__") and get_tags(estimator).input_tags.sparse
    return "onehot" if takes_sparse and not isinstance(estimator, DENSE) else "onehot_dense"


def adapt_estimator(
    row: Baseline,
    estimator: Any,
    settings: Mapping[str, object],
    matrix: Any,
    *,
    n_categories: int,
    seed: int,
) -> Any:
    """Complete an unfitted estimator for the training rows.

    A large kernel machine is approximated, a pretrained estimator wrapped to be saved. What the
    recipe leaves open is set: the seed, the threads of optional packages, and which features are
    categories.

    Args:
        row: of the baseline.
        estimator: unfitted.
        settings: of the recipe, which are kept.
        matrix: (rows, features) of the training rows; the categories come first.
        n_categories: the number of features that are categories.
        seed: feeds everything random.
    """
    if hasattr(estimator, "get_params"):
        taken = set(estimator.get_params(deep=False)) - set(settings)
        wanted = _open_settings(row, estimator, n_categories, matrix.shape, seed)
        estimator.set_params(**{name: wanted[name] for name in taken & set(wanted)})
    if row.is_kernel_machine and matrix.shape[0] > MAX_EXACT_ROWS:
        return nystroem_svm(estimator, matrix, seed)
    if row.in_context:
        return InContextEstimator(estimator, str(settings[row.in_context.weights]))
    return estimator


def openmp_threads(n_cells: int) -> int | None:
    """Return 1 for a small table, where boosting's threads mostly wait; None: as the trial has.

    On 768 rows two threads took 5 times the CPU seconds of one, on 10,000 rows of a busy machine
    50 times. A number of threads that the user sets is kept.

    Args:
        n_cells: rows × features.
    """
    return 1 if n_cells <= SMALL_CELLS and user_threads() is None else None


def _open_settings(
    row: Baseline, estimator: Any, n_categories: int, shape: tuple[int, int], seed: int
) -> dict[str, object]:
    n_rows, n_features = shape
    wanted: dict[str, object] = {"random_state": seed % 2**31}  # LightGBM's has 32 bits, signed
    if isinstance(estimator, NATIVE):
        wanted["categorical_features"] = list(range(n_categories))
    if row.package:
        # joblib's setting reaches scikit-learn by itself, but no other package.
        wanted["n_jobs"] = openmp_threads(n_rows * n_features) or joblib.effective_n_jobs(None)
    if row.in_context:
        wanted |= row.in_context.settings
    return {**wanted, **row.categories(n_categories, n_features)}
