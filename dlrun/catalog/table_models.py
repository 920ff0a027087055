"""Pretrained estimators for tables of other packages, which a recipe names by their class."""

from __future__ import annotations

from typing import Final

from dlrun.catalog.baselines import Baseline, InContext

WRAPPER: Final = "dlrun.classic.in_context.InContextEstimator"

TABLE_MODELS: Final = {
    row.name: row
    for row in (
        Baseline(
            "tabicl", "an in-context transformer over tables (Qu et al. 2025)",
            encoding="native",
            in_context=InContext(
                weights="model_path",
                download="hf download jingang/TabICL --local-dir weights",
                max_rows=48_000, max_columns=2_000,
                settings={"allow_auto_download": False},
            ),
            trusted=(
                WRAPPER, "tabicl._sklearn.classifier.TabICLClassifier",
                "tabicl._sklearn.regressor.TabICLRegressor",
            ),
        ),
        Baseline(
            "tabpfn", "an in-context transformer over tables (Hollmann et al. 2025)",
            encoding="native",
            categories=lambda n, _: {"categorical_features_indices": list(range(n)) or None},
            in_context=InContext(
                weights="model_path",
                download="hf download Prior-Labs/TabPFN-v2-clf --local-dir weights",
                max_rows=10_000, max_columns=500, max_classes=10,
                # It would refuse 5,000 rows without a GPU; that they take long is shown anyway.
                settings={"ignore_pretraining_limits": True},
            ),
            trusted=(
                WRAPPER, "tabpfn.classifier.TabPFNClassifier", "tabpfn.regressor.TabPFNRegressor",
            ),
        ),
    )
}  # fmt: skip
"""Package → what all of its estimators have in common."""
