"""Support vector machines for many rows: linear ones on approximate features of the kernel."""

from __future__ import annotations

from typing import Any, Final

import scipy.sparse
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import SGDClassifier, SGDRegressor
from sklearn.pipeline import make_pipeline
from sklearn.svm import SVC

MAX_EXACT_ROWS: Final = 20_000  # the exact solver's time grows with their square
MAX_COMPONENTS: Final = 1000
MAX_NUMBERS: Final = 50_000_000  # of the approximate features: 400 MB


def nystroem_svm(machine: Any, matrix: Any, seed: int) -> Any:
    """Return an approximation of an SVC or SVR, unfitted, with the same settings.

    The Nystroem method (Williams & Seeger 2001) maps rows to features whose inner products
    approximate the kernel, 1,000 of them or as many as fit in 400 MB; averaged stochastic gradient
    descent fits a linear machine to them. Settings of the exact solver, such as `shrinking` and
    `cache_size`, are ignored.

    Args:
        machine: unfitted SVC or SVR.
        matrix: (rows, features) of the training rows.
        seed: draws the rows of the approximation, and their order for the descent.
    """
    n_rows = matrix.shape[0]
    features = Nystroem(
        kernel=machine.kernel,
        n_components=max(100, min(MAX_COMPONENTS, n_rows, MAX_NUMBERS // n_rows)),
        random_state=seed,
        **_kernel_settings(machine, matrix),
    )
    shared = {
        "alpha": 1 / (machine.C * n_rows),
        "average": True,
        "learning_rate": "optimal",
        "tol": machine.tol,
        "random_state": seed,
    }
    if isinstance(machine, SVC):
        return make_pipeline(features, SGDClassifier(class_weight=machine.class_weight, **shared))
    linear = SGDRegressor(loss="epsilon_insensitive", epsilon=machine.epsilon, **shared)
    return make_pipeline(features, linear)


def _kernel_settings(machine: Any, matrix: Any) -> dict[str, float]:
    known = {
        "gamma": _gamma(machine.gamma, matrix),
        "coef0": machine.coef0,
        "degree": machine.degree,
    }
    used = {"rbf": ["gamma"], "poly": list(known), "sigmoid": ["gamma", "coef0"]}
    return {name: known[name] for name in used.get(machine.kernel, [])}


def _gamma(gamma: str | float, matrix: Any) -> float:
    """Return the coefficient of the kernel as SVC defines `scale` and `auto`."""
    n_features = int(matrix.shape[1])
    if gamma == "auto":
        return 1 / n_features
    if gamma != "scale":
        return float(gamma)
    square = matrix.multiply(matrix) if scipy.sparse.issparse(matrix) else matrix**2
    variance = float(square.mean() - matrix.mean() ** 2)
    return 1 / (n_features * variance) if variance > 0 else 1.0
