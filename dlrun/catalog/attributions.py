"""The methods that say what each part of a row adds to an output."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from dlrun.catalog.features import Package


@dataclass(frozen=True)
class AttributionMethod:
    """A method of attribution.

    Attributes:
        name: as it is written on the command line and in tracked files.
        title: for people.
        source: where the method is from.
        is_complete: its weights sum to the output of the row less the baseline, which is the output
            of the reference row, or of trees the mean over the training rows.
        package: what it needs beside what is installed anyway.
    """

    name: str
    title: str
    source: str
    is_complete: bool = False
    package: Package | None = None


ATTRIBUTIONS: Final = {
    row.name: row
    for row in (
        AttributionMethod(
            "integrated_gradients", "Integrated Gradients", "Sundararajan et al. 2017",
            is_complete=True,
        ),
        AttributionMethod("grad_cam", "Grad-CAM", "Selvaraju et al. 2017"),
        AttributionMethod("attention_rollout", "attention roll-out", "Abnar & Zuidema 2020"),
        AttributionMethod(
            "coefficients", "coefficients of the linear model", "weight times distance from the "
            "reference", is_complete=True,
        ),
        AttributionMethod(
            "tree_shap", "Shapley values of the trees", "Lundberg et al. 2020", is_complete=True
        ),
        AttributionMethod(
            "shap", "Shapley values of scikit-learn's trees", "Lundberg & Lee 2017",
            is_complete=True, package=Package("shap", "explain", "shap"),
        ),
        AttributionMethod("occlusion", "occlusion", "Zeiler & Fergus 2014"),
    )
}  # fmt: skip
