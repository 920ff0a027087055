"""The packages of scikit-learn compatible estimators that a recipe may name by themselves."""

from __future__ import annotations

from typing import Final

ESTIMATOR_PACKAGES: Final = (
    "sklearn", "imblearn", "xgboost", "lightgbm", "catboost", "ngboost", "interpret", "aeon",
    "tabicl", "tabpfn",
)  # fmt: skip
"""Importing a package runs its code; of these it is known what that does."""
