"""A trial: what one candidate predicted on one split, how well, and at what cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from dlrun.contract.candidate import Epoch, Family, Predictions
from dlrun.contract.dataset import Dataset, Split
from dlrun.contract.search import Tuning

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


Aspect = str
"""A row of `PERTURBATIONS`, or learning_curve, labels (a curve over numbers of labelled rows),
importance, or train: scores on training rows."""

VALIDATION: Final = "validation"


@dataclass(frozen=True)
class TestPerturbation:
    """Perturbed test rows, on which a fitted candidate is scored as well.

    Attributes:
        level: the strength; 1 where there are no degrees.
        change: typed rows and a generator → perturbed rows; picklable.
        name: of the column or segment that is permuted; else empty.
    """

    aspect: Aspect
    level: float
    change: Callable[[pd.DataFrame, np.random.Generator], pd.DataFrame]
    name: str = ""


@dataclass(frozen=True)
class RetrainingCondition:
    """Changed rows on which every candidate is retrained, to be compared with a plain trial.

    Attributes:
        level: as in `TestPerturbation`; of a learning curve the share of the training rows, of
            `labels` the number of training and validation rows.
        split: of the changed rows.
        change: all rows → changed rows; picklable.
    """

    aspect: Aspect
    level: float
    split: Split
    change: Callable[[Dataset], Dataset]


@dataclass(frozen=True)
class ProbeScore:
    """A score on the primary metric under a perturbation, a condition, or on training rows.

    Attributes:
        name: of the column or segment that is permuted; `validation` where a candidate trained on
            some labels is scored on its validation rows, by which a choice is made; else empty.
        split_index: of the split that it belongs to.
        n_train: training rows.
        score: NaN where the candidate failed.
    """

    candidate: str
    family: Family
    aspect: Aspect
    name: str
    level: float
    split_index: int
    n_train: int
    score: float


@dataclass(frozen=True)
class Cost:
    """What one trial cost; None where it was not measured.

    Attributes:
        fit_seconds: without start-up, as `cpu_seconds`.
        startup_seconds: of importing and compiling, which take the same for any number of rows.
        gpu_peak_memory_mb: of a fit, on all GPUs together; None where none was used.
        gpu_energy_wh: of these GPUs during the fit, other programs on them included.
    """

    fit_seconds: float | None = None
    cpu_seconds: float | None = None
    peak_memory_mb: float | None = None
    latency_ms_batch1: float | None = None
    latency_ms_batch1000: float | None = None
    model_mb: float | None = None
    parameters: int | None = None
    startup_seconds: float | None = None
    gpu_peak_memory_mb: float | None = None
    gpu_energy_wh: float | None = None


@dataclass(frozen=True)
class BlendMember:
    """A candidate in a blend, and its weight there; the weights of a blend sum to one."""

    candidate: str
    family: Family
    weight: float


@dataclass(frozen=True)
class Trial:
    """One candidate on one split: test predictions, scores and cost.

    A trial that failed has an `error`, and no predictions and scores.

    Attributes:
        validation_predictions: of the validation rows, in the split's order, from which a blend
            is made.
        tuning: how its settings were chosen; None where they were not searched.
        members: those of a blend whose weight is above 0, the heaviest first; else none.
        resumed: whether it was read from the journal of a stopped study.
        n_sampled: of the training rows of a stream those that it was fitted to, where the features
            of all had no room.
    """

    candidate: str
    family: Family
    split: Split
    predictions: Predictions | None = None
    scores: Mapping[str, float] = field(default_factory=dict)
    validation_scores: Mapping[str, float] = field(default_factory=dict)
    cost: Cost = Cost()
    epochs: tuple[Epoch, ...] = ()
    best_epoch: int | None = None
    probe_scores: tuple[ProbeScore, ...] = ()
    error: str | None = None
    validation_predictions: Predictions | None = None
    tuning: Tuning | None = None
    members: tuple[BlendMember, ...] = ()
    resumed: bool = False
    n_sampled: int | None = None
