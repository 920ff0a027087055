"""Early stopping: which epoch was the best so far, and whether to go on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any, Final

from dlrun.catalog.metrics import get_metric
from dlrun.recipe.training import EarlyStopping, Training

MIN_STEPS: Final = 200  # before the first of which no epoch counts as one without improvement


@dataclass
class EarlyStoppingState:
    """What early stopping remembers.

    Attributes:
        best: the best value so far, the larger the better.
        best_epoch: its epoch, once a value could be measured.
        stale: epochs since then.
        halvings: of the learning rate, by a plateau schedule.
    """

    best: float = -inf
    best_epoch: int | None = None
    stale: int = 0
    halvings: int = 0


@dataclass
class EarlyStopper:
    """Follows the monitored value from epoch to epoch.

    Attributes:
        training: whose `early_stopping` and plateau schedule are served.
        n_steps: steps of an epoch.
        standing: is kept up to date.
        best_weights: the weights after the best epoch, where they are to be restored.
    """

    training: Training
    n_steps: int
    standing: EarlyStoppingState = field(default_factory=EarlyStoppingState)
    best_weights: list[Any] = field(default_factory=list)

    def look(
        self, epoch: int, metrics: Mapping[str, float], weights: Callable[[], list[Any]]
    ) -> None:
        """Take note of an epoch.

        Args:
            epoch: counted from 1.
            metrics: of the epoch; without the monitored one the epoch is passed over.
            weights: gives the network's weights, asked for after a best epoch only.
        """
        stopping = self.training.early_stopping or EarlyStopping()
        if stopping.monitor not in metrics:
            return
        value = metrics[stopping.monitor]
        monitor = stopping.monitor
        lower = monitor == "val/loss" or get_metric(monitor[4:]).lower_is_better
        gain = -value if lower else value
        standing = self.standing
        if gain > standing.best:
            standing.best, standing.stale, standing.best_epoch = gain, 0, epoch
            if self.training.early_stopping and stopping.restore_best:
                self.best_weights = weights()
        elif epoch * self.n_steps >= MIN_STEPS:
            standing.stale += 1
            standing.halvings += standing.stale % max(1, stopping.patience // 2) == 0

    @property
    def is_over(self) -> bool:
        """Say whether patience has run out."""
        stopping = self.training.early_stopping
        return stopping is not False and self.standing.stale >= stopping.patience

    @property
    def rate_factor(self) -> float:
        """Give the factor of a plateau schedule: halved after every half patience in vain."""
        is_plateau = self.training.learning_rate.schedule == "plateau"
        return 0.5**self.standing.halvings if is_plateau else 1.0
