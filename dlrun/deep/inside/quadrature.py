"""The integral of a gradient along a straight path, in steps that are fine where it changes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import chain, pairwise
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

TOLERANCE: Final = 1e-4  # of the difference between the ends, or of 1 where that is less
CANCELLING: Final = 100  # errors of single steps may sum to so many times the tolerance
N_STEPS: Final = 8  # at the start
MOST: Final = 64  # steps that are halved at once
NODES, WEIGHTS = np.polynomial.legendre.leggauss(3)


class Points(NamedTuple):
    """A function at points of a path.

    Attributes:
        values: (points,) float64.
        along: (points,) float64, its slope along the path.
        gradients: of each variable, (points, *shape).
    """

    values: NDArray[np.float64]
    along: NDArray[np.float64]
    gradients: list[NDArray[np.float32]]


Compute = Callable[[NDArray[np.float64]], Points]


class Integral(NamedTuple):
    """The integral of a gradient from 0 to 1.

    Attributes:
        start: the function at 0.
        end: the function at 1.
        gradients: of each variable, the mean along the path, (*shape) float64.
        n_points: at which the function was computed.
    """

    start: float
    end: float
    gradients: list[NDArray[np.float64]]
    n_points: int


def integrate(compute: Compute, most: int) -> Integral:
    """Integrate a gradient along the path from 0 to 1.

    The function's own difference between the ends of a step gives the error of that step. The
    steps with the largest errors are halved until the errors sum to no more than the tolerance.

    Args:
        compute: the function at points, (points,) float64.
        most: points at which the function is computed.
    """
    path = _Path(compute)
    steps = path.steps(*pairwise(np.linspace(0, 1, N_STEPS + 1).tolist()))
    while path.n_points < most and not path.is_exact(steps):
        steps.sort(key=lambda step: abs(step.error))
        errors = np.cumsum([abs(step.error) for step in steps])
        # All but those whose errors together are a part of the tolerance.
        n_kept = int(np.searchsorted(errors, path.tolerance / 4))
        n_kept = min(len(steps) - 1, max(n_kept, len(steps) - MOST))
        steps = [*steps[:n_kept], *path.steps(*chain(*map(_halve, steps[n_kept:])))]
    gradients = [
        np.sum([step.gradients[place] for step in steps], axis=0)
        for place in range(len(steps[0].gradients))
    ]
    return Integral(path.known[0.0], path.known[1.0], gradients, path.n_points)


@dataclass(frozen=True)
class _Step:
    """A part of the path, with the integral over it by the rule of three points of Gauss.

    Attributes:
        error: what the function's difference between its ends exceeds the integral by.
    """

    left: float
    right: float
    error: float
    gradients: list[NDArray[np.float64]]


def _halve(step: _Step) -> tuple[tuple[float, float], ...]:
    middle = (step.left + step.right) / 2
    return (step.left, middle), (middle, step.right)


@dataclass
class _Path:
    """A function along a path, as far as it was computed.

    Attributes:
        known: the ends of steps → the function there.
        n_points: at which it was computed.
    """

    compute: Compute
    known: dict[float, float] = field(default_factory=dict)
    n_points: int = 0

    @property
    def tolerance(self) -> float:
        return TOLERANCE * max(1.0, abs(self.known[1.0] - self.known[0.0]))

    def is_exact(self, steps: list[_Step]) -> bool:
        errors = np.array([step.error for step in steps])
        return bool(
            abs(errors.sum()) <= self.tolerance / 2
            and np.abs(errors).sum() <= self.tolerance * CANCELLING
        )

    def steps(self, *parts: tuple[float, float]) -> list[_Step]:
        """Compute steps, all of whose points are computed at once."""
        ends = sorted({end for part in parts for end in part} - self.known.keys())
        left, right = np.array(parts).T
        within = left[:, None] + (right - left)[:, None] * (NODES + 1) / 2
        points = self.compute(np.concatenate([ends, within.ravel()]))
        self.known.update(zip(ends, points.values.tolist(), strict=False))
        self.n_points += len(points.values)
        shape = (len(parts), len(NODES))
        weights = (right - left)[:, None] * WEIGHTS / 2  # (steps, nodes)
        integrals = (points.along[len(ends) :].reshape(shape) * weights).sum(axis=1)
        gradients = [
            np.einsum("sn,sn...->s...", weights, each[len(ends) :].reshape(*shape, *each.shape[1:]))
            for each in points.gradients
        ]
        return [
            _Step(
                start,
                end,
                self.known[end] - self.known[start] - float(integral),
                [each[number] for each in gradients],
            )
            for number, ((start, end), integral) in enumerate(zip(parts, integrals, strict=True))
        ]
