"""The power law of learning curves: `asymptote + scale · n^-exponent` (Cortes et al., 1994)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

EXPONENTS: Final = np.linspace(0.05, 2.0, 40)

Errors = NDArray[np.float64]


@dataclass(frozen=True)
class PowerLaw:
    """The error of n training rows, `asymptote + scale · n^-exponent`."""

    asymptote: float
    scale: float
    exponent: float


def fit_power_law(sizes: Errors, errors: Errors) -> tuple[Errors, Errors, Errors]:
    """Fit laws by least squares of the relative errors.

    For each exponent of a grid the other two, neither below zero, have a closed form. The errors
    are relative to the mean over the samples, which is never as near to zero as a single one.

    Args:
        sizes: (sizes,) training rows.
        errors: (samples, sizes).

    Returns:
        asymptote, scale and exponent, (samples,) each.
    """
    squared = 1.0 / np.maximum(np.abs(errors.mean(axis=0)), 1e-12) ** 2
    best = [np.full(len(errors), np.inf), *(np.zeros(len(errors)) for _ in range(3))]
    for exponent in EXPONENTS:
        power = sizes**-exponent
        asymptote, scale = _line(power, errors, squared)
        loss = (asymptote[:, None] + scale[:, None] * power - errors) ** 2 @ squared
        is_better = loss < best[0]
        found = (loss, asymptote, scale, np.full(len(errors), exponent))
        best = [np.where(is_better, new, old) for new, old in zip(found, best, strict=True)]
    return best[1], best[2], best[3]


def _line(power: Errors, errors: Errors, squared: Errors) -> tuple[Errors, Errors]:
    """Solve for asymptote and scale, neither below zero, with the squares of weights."""
    total = squared.sum()
    mean_power, mean_error = (squared * power).sum() / total, errors @ squared / total
    centred = squared * (power - mean_power)
    scale = np.maximum(errors @ centred / (centred * power).sum(), 0.0)
    asymptote = mean_error - scale * mean_power
    through_zero = errors @ (squared * power) / (squared * power**2).sum()
    return np.maximum(asymptote, 0.0), np.where(asymptote < 0, np.maximum(through_zero, 0.0), scale)


def errors_at(law: tuple[Errors, Errors, Errors], sizes: Errors) -> Errors:
    """Return the errors of laws at sizes, (samples, sizes)."""
    asymptote, scale, exponent = (part[:, None] for part in law)
    errors: Errors = asymptote + scale * sizes**-exponent
    return errors
