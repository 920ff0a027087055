"""What the layers of a network make of a sample of the rows of a split."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from dlrun.contract.sees_inside import SeenLayer, SeesInside, Wraps

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from dlrun.contract.candidate import Fitted
    from dlrun.contract.dataset import Dataset

MAX_TRAIN: Final = 2000  # rows
MAX_TEST: Final = 1000
MAX_WIDTH: Final = 1024  # numbers of a row


@dataclass(frozen=True)
class Activations:
    """The pooled activations of a network on the same rows, in the order of its layers.

    Attributes:
        network: the network within the candidate.
        train_rows: as the network gets them, as `test_rows`.
        train: of each layer, (rows, width), as `test`.
    """

    network: SeesInside
    train_rows: pd.DataFrame
    test_rows: pd.DataFrame
    train: tuple[NDArray[np.float32], ...]
    test: tuple[NDArray[np.float32], ...]

    @property
    def layers(self) -> tuple[SeenLayer, ...]:
        """Return the layers."""
        return self.network.layers


def activations_of(fitted: Fitted, train: Dataset, test: Dataset) -> Activations | None:
    """Return the activations of the network within a candidate; None where there is none."""
    inner = unwrapped(fitted, test.frame.iloc[:1])[0]
    if not isinstance(inner, SeesInside):
        return None
    train_rows, test_rows = (unwrapped(fitted, part.frame)[1] for part in (train, test))
    return Activations(
        inner, train_rows, test_rows, inner.activations(train_rows), inner.activations(test_rows)
    )


def unwrapped(fitted: Fitted, frame: pd.DataFrame) -> tuple[Fitted, pd.DataFrame]:
    """Return the innermost candidate, and the rows as those around it hand them on."""
    while isinstance(fitted, Wraps):
        fitted, frame = fitted.unwrap(frame)
    return fitted, frame


def sample(dataset: Dataset, most: int) -> Dataset:
    """Return at most so many rows, evenly from the first to the last."""
    if len(dataset) <= most:
        return dataset
    return dataset.take(np.linspace(0, len(dataset) - 1, most).round().astype(np.int64))


def narrowed(matrix: NDArray[np.float32], seed: int) -> NDArray[np.float32]:
    """Return at most `MAX_WIDTH` numbers of each row: random projections of wider ones.

    They keep the distances of rows nearly (Johnson & Lindenstrauss 1984).

    Args:
        matrix: (rows, width).
        seed: of the projection, which depends on it and on the width alone.
    """
    width = matrix.shape[1]
    if width <= MAX_WIDTH:
        return matrix
    directions = np.random.default_rng([seed, width]).standard_normal((width, MAX_WIDTH))
    projected: NDArray[np.float32] = matrix @ (directions / MAX_WIDTH**0.5).astype(np.float32)
    return projected
