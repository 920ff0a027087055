"""What the network answers from: the training rows of one table, as several members see them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dlrun.deep.tabular_prior.cells import CellScale, tokens_of
from dlrun.deep.tabular_prior.limits import GROUP, IDENTITY, MAX_CLASSES

MAX_CELLS: Final = 20_000
"""Cells of training and predicted rows that are in memory at once."""
LEAST_ROWS: Final = 32


@dataclass(frozen=True)
class Context:
    """Training rows, and the network that reads them.

    The answer is the mean of members, each of which sees columns and classes in another order
    (Hollmann et al. 2022).

    Attributes:
        network: with pretrained weights.
        matrix: (rows, columns) float64 of training rows, NaN where a number is missing.
        y: (rows,) their classes, from 0 without gaps.
        members: how many.
        seed: of the orders.
    """

    network: Any
    matrix: NDArray[np.float64]
    y: NDArray[np.int64]
    members: int
    seed: int

    def predict(self, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the probabilities of the classes of rows, (rows, classes)."""
        cells = self._scale.cells(matrix)
        n_tokens = 1 + -(-matrix.shape[1] // GROUP)
        n_rows = max(LEAST_ROWS, MAX_CELLS // n_tokens - len(self.matrix))
        starts = range(0, len(matrix), n_rows)
        return np.concatenate([self._mean(cells[start : start + n_rows]) for start in starts])

    def _mean(self, cells: NDArray[np.float32]) -> NDArray[np.float64]:
        generator = np.random.default_rng(self.seed)
        answers = [self._answer(cells, generator) for _ in range(self.members)]
        mean: NDArray[np.float64] = np.mean(answers, axis=0)
        return mean

    def _answer(
        self, cells: NDArray[np.float32], generator: np.random.Generator
    ) -> NDArray[np.float64]:
        """Return the probabilities that one member gives."""
        columns = generator.permutation(cells.shape[1])
        classes = generator.permutation(int(self.y.max()) + 1)
        tokens = tokens_of(np.concatenate([self._cells, cells])[:, columns])
        identity = generator.standard_normal((len(tokens), IDENTITY)).astype(np.float32)
        labels = np.eye(MAX_CLASSES, dtype=np.float32)[classes[self.y]]
        logits = self.network.compiled_call(tokens[None], identity[None], labels[None])[0].numpy()
        return _softmax(logits[:, classes].astype(np.float64))

    @cached_property
    def _scale(self) -> CellScale:
        return CellScale.of(self.matrix)

    @cached_property
    def _cells(self) -> NDArray[np.float32]:
        return self._scale.cells(self.matrix)


def _softmax(logits: NDArray[np.float64]) -> NDArray[np.float64]:
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: NDArray[np.float64] = exponentials / exponentials.sum(axis=1, keepdims=True)
    return shares
