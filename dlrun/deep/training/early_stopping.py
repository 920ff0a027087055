"""Early stopping: the best epoch so far, and whether to go on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any, Final

from dlrun.catalog.metrics import get_metric
from dlrun.catalog.schedules import SCHEDULES
from dlrun.recipe.training import EarlyStopping, Training

MIN_STEPS: Final = 200  # before which no epoch counts as one without improvement


@dataclass
class EarlyStoppingState:
    """The part of early stopping that a checkpoint keeps.

    Attributes:
        best: the best value so far, negated where lower is better.
        best_epoch: its epoch; None before the first value.
        stale: epochs without improvement since then.
        halvings: of the learning rate, by a plateau schedule.
    """

    best: float = -inf
    best_epoch: int | None = None
    stale: int = 0
    halvings: int = 0


@dataclass
class EarlyStopper:
    """Compares the monitored value from epoch to epoch.

    Attributes:
        training: the recipe's section.
        n_steps: steps of an epoch.
        halvings: the epochs after which the rate is halved, where their number is fixed: then no
            value is monitored, and no weights are kept. None: as the monitored value says.
        best_weights: those after the best epoch, where they are to be restored.
    """

    training: Training
    n_steps: int
    state: EarlyStoppingState = field(default_factory=EarlyStoppingState)
    best_weights: list[Any] = field(default_factory=list)
    halvings: tuple[int, ...] | None = None

    def update(
        self, epoch: int, metrics: Mapping[str, float], get_weights: Callable[[], list[Any]]
    ) -> None:
        """Compare an epoch with the best one.

        Args:
            epoch: counted from 1.
            metrics: of the epoch; without the monitored one nothing changes.
            get_weights: called after a best epoch only.
        """
        stopping = self.training.early_stopping or EarlyStopping()
        monitor, state = stopping.monitor, self.state
        if self.halvings is not None:
            state.halvings += epoch in self.halvings
            return
        if monitor not in metrics:
            return
        lower = monitor == "val/loss" or get_metric(monitor[4:]).lower_is_better
        value = -metrics[monitor] if lower else metrics[monitor]
        if value > state.best:
            state.best, state.stale, state.best_epoch = value, 0, epoch
            if self.training.early_stopping and stopping.restore_best:
                self.best_weights = get_weights()
        elif epoch * self.n_steps >= MIN_STEPS:
            state.stale += 1
            state.halvings += state.stale % max(1, stopping.patience // 2) == 0

    @property
    def is_over(self) -> bool:
        """Say whether patience has run out."""
        stopping = self.training.early_stopping
        return stopping is not False and self.state.stale >= stopping.patience

    @property
    def rate_factor(self) -> float:
        """Return the factor of a plateau schedule: halved after every half patience in vain."""
        is_plateau = SCHEDULES[self.training.learning_rate.schedule].is_plateau
        return 0.5**self.state.halvings if is_plateau else 1.0
