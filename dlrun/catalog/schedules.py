"""Schedules of the learning rate after the warm-up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import pi
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from numpy.typing import NDArray

LAST_SHARE: Final = 0.01  # of the peak, at the end of an exponential schedule


@dataclass(frozen=True)
class Schedule:
    """A schedule that a recipe can name.

    Attributes:
        decay: the share of the steps that are done, from 0 to 1 → the share of the peak.
        is_plateau: whether the rate is also halved when early stopping's metric stops improving.
    """

    name: str
    title: str
    decay: Callable[[NDArray[Any]], NDArray[Any]]
    is_plateau: bool = False


def _constant(done: NDArray[Any]) -> NDArray[Any]:
    import numpy as np

    return np.ones_like(done)


def _cosine(done: NDArray[Any]) -> NDArray[Any]:
    import numpy as np

    decayed: NDArray[Any] = (1 + np.cos(pi * done)) / 2
    return decayed


def _exponential(done: NDArray[Any]) -> NDArray[Any]:
    decayed: NDArray[Any] = LAST_SHARE**done
    return decayed


SCHEDULES: Final = {
    row.name: row
    for row in (
        Schedule("constant", "the peak throughout", _constant),
        Schedule("cosine", "half a cosine from the peak to zero", _cosine),
        Schedule("exponential", "the same factor at every step, to 1 % of the peak", _exponential),
        Schedule(
            "plateau", "halved after half the patience without improvement", _constant,
            is_plateau=True,
        ),
    )
}  # fmt: skip
