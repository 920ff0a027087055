"""Trees of scikit-learn: their Shapley values, by the package shap (extra: explain).

The baseline is the mean output over the training rows, by their number in each leaf. Of forests the
output is a probability, of boosting the log-odds, as the trees have it.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from sklearn import ensemble, tree

from dlrun.classic import extras
from dlrun.classic.attribution.contributions import Contributions, margin_unit

PACKAGE: Final = "shap"
BINARY: Final = 2
FORESTS: Final = (
    ensemble.RandomForestClassifier, ensemble.RandomForestRegressor,
    ensemble.ExtraTreesClassifier, ensemble.ExtraTreesRegressor,
    tree.DecisionTreeClassifier, tree.DecisionTreeRegressor,
)  # fmt: skip
BOOSTING: Final = (
    ensemble.HistGradientBoostingClassifier, ensemble.HistGradientBoostingRegressor,
)  # fmt: skip


def suits(estimator: Any) -> bool:
    """Return whether shap is installed and knows a fitted estimator's trees.

    It reads no splits on categories, which boosting has where it is told of them.
    """
    if not extras.is_installed(PACKAGE):
        return False
    is_plain = getattr(estimator, "is_categorical_", None) is None
    return isinstance(estimator, FORESTS) or (isinstance(estimator, BOOSTING) and is_plain)


def contribute(estimator: Any, place: int, matrix: Any, _reference: Any) -> Contributions:
    """Return what the features of some rows add to an output; see `coefficients`."""
    explainer = extras.load(PACKAGE).TreeExplainer(estimator)
    found = np.asarray(explainer.shap_values(matrix, check_additivity=False), dtype=np.float64)
    starts = np.reshape(explainer.expected_value, -1).astype(np.float64)
    n_classes = len(getattr(estimator, "classes_", ()))
    if found.ndim > BINARY:
        own, start = found[..., place], starts[place]
    else:  # one output, of two classes the second's
        sign = -1.0 if n_classes and not place else 1.0
        own, start = sign * found, sign * starts[0]
    is_forest = isinstance(estimator, FORESTS) and n_classes
    unit = "probability" if is_forest else margin_unit(n_classes)
    return Contributions(own, own.sum(axis=1) + start, float(start), unit)
