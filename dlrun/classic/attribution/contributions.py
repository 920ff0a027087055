"""What features add to an output of an estimator."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Contributions:
    """What each feature of some rows adds to one output.

    Attributes:
        features: (rows, features) float64.
        values: (rows,) the output.
        baseline: the output from which the features move it.
        unit: as in `Attribution`.
    """

    features: NDArray[np.float64]
    values: NDArray[np.float64]
    baseline: float
    unit: str


def margin_unit(n_classes: int) -> str:
    """Return the unit of the raw output of a classifier with probabilities; none without classes.

    Of two classes it is the log-odds, of more the logit before they are normalised.
    """
    if not n_classes:
        return ""
    return "logit" if n_classes > 2 else "log-odds"  # noqa: PLR2004
