"""`Metric`, a row of the catalog, and `ScoredRows`, the predictions that it scores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal

from dlrun.system.lazy import lazy

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Counts = NDArray[np.int64]
    Numbers = NDArray[np.float64]
else:
    np = lazy("numpy")

BootstrapScorer = Callable[["Counts"], float]  # (rows,) how often each row was drawn → score


ROPE_OF_LEFT: Final = 1 / 3
ROPE_FLOOR: Final = 0.1


@dataclass(frozen=True, eq=False)
class ScoredRows:
    """Rows with their true values and a candidate's predictions.

    Attributes:
        y: (rows,) int64 class indices or float64 numbers, or (rows, labels) for several labels.
        values: the predictions, as in `dlrun.contract.candidate.Predictions`.
        weight: (rows,) float64, above 0; None: all rows count alike.
    """

    y: NDArray[Any]
    values: Numbers
    weight: Numbers | None = None

    @property
    def n_classes(self) -> int:
        """Return the number of columns of the predictions."""
        return int(self.values.shape[1])

    @cached_property
    def probabilities(self) -> Numbers:
        """Return class probabilities, (rows, classes); each row sums to one in float64."""
        shares: Numbers = self.values / self.values.sum(axis=1, keepdims=True)
        return shares

    @cached_property
    def class_indices(self) -> NDArray[np.int64]:
        """Return the most probable class of each row, (rows,)."""
        indices: NDArray[np.int64] = self.values.argmax(axis=1)
        return indices

    @cached_property
    def present(self) -> NDArray[np.int64]:
        """Return the distinct values of y, ascending."""
        return np.unique(self.y)

    def average(self, values: NDArray[Any]) -> float:
        """Return the weighted mean of one value per row."""
        return float(np.average(values, weights=self.weight))

    def weighted(self, weight: NDArray[Any]) -> ScoredRows:
        """Return the rows whose weight is not 0, with these weights."""
        kept = np.flatnonzero(weight)
        return ScoredRows(
            self.y[kept], self.values[kept], np.asarray(weight, dtype=np.float64)[kept]
        )


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A metric. One name may have a row per task; title and direction are the same in all.

    Attributes:
        name: in recipes and in MLflow.
        title: in tables and charts.
        tasks: the tasks that it measures.
        bounds: the smallest and the largest value that it can have.
        score: computes it; NaN where the rows do not define it.
        bootstrap: prepares the rows once and returns a function of the row counts of a bootstrap
            sample, faster than `score` with weights; None: `score` is used.
        is_right: which rows are right, (rows,), where the score is their share; one test set
            is then compared by McNemar's test.
        rope: half width of the region of practical equivalence where the recipe sets none.
        is_rope_relative: whether `rope` is a share of the best mean score.
        rank_rows: for a score of ranks or decisions alone, which candidates may share although
            their probabilities differ: the test rows of which one can change it; else None.
        auto_rank: position among the metrics of `metrics: auto`, from 1; None: not among them.
        auto_rank_binary: the same for a target of two classes; None: `auto_rank`.
    """

    name: str
    title: str
    tasks: tuple[str, ...]
    lower_is_better: bool = False
    bounds: tuple[float, float] = (0.0, 1.0)
    score: Callable[[ScoredRows], float]
    bootstrap: Callable[[ScoredRows], BootstrapScorer] | None = None
    is_right: Callable[[ScoredRows], NDArray[np.bool_]] | None = None
    rope: float = 0.01
    is_rope_relative: bool = False
    rank_rows: Literal["all", "rarest class", "ranks of the rarest class"] | None = None
    auto_rank: int | None = None
    auto_rank_binary: int | None = None

    @property
    def sign(self) -> int:
        """Return 1 where higher is better, -1 where lower is."""
        return -1 if self.lower_is_better else 1

    def automatic_rope(self, level: float) -> float:
        """Return the half width of the region of practical equivalence.

        Near the ends of a scale a difference weighs more than in its middle (Cohen, 1988,
        "Statistical power analysis", chapter 6): an accuracy of .985 against .994 is 15 errors
        against 6. There the half width is a third of what is left to the end, but at least a
        tenth of `rope`.

        Args:
            level: the best mean score.
        """
        if self.is_rope_relative:
            return self.rope * abs(level)
        left = min(abs(level - end) for end in ((0.0,) if self.lower_is_better else (0.0, 1.0)))
        return min(self.rope, max(ROPE_OF_LEFT * left, ROPE_FLOOR * self.rope))

    def bootstrap_scorer(self, rows: ScoredRows) -> BootstrapScorer:
        """Return a function from the row counts of a bootstrap sample to its score."""
        if self.bootstrap is not None:
            return self.bootstrap(rows)
        return lambda counts: self.score(rows.weighted(counts))


def mean_scorer(values: Numbers, power: float = 1.0) -> BootstrapScorer:
    """Return the bootstrap scorer of a mean over rows, raised to a power.

    Sums are taken without BLAS, whose threads cost more here than they save.
    """
    return lambda counts: float(((counts * values).sum() / counts.sum()) ** power)
