"""The progress of a candidate: the share that is done, its score, the time left."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dlrun.catalog.metrics import get_metric
from dlrun.evidence.formatting import duration, first_line

if TYPE_CHECKING:
    from dlrun.contract.candidate import Epoch
    from dlrun.contract.trial import Trial


@dataclass
class ProgressEstimate:
    """The epochs and trials of a candidate that have ended.

    Attributes:
        metric: the primary one.
        n_splits: trials to run.
        started: in seconds of a monotonic clock.
        updated: when an epoch or a trial last ended, on the same clock.
        trials: that have ended.
        running: index of a split that runs → its last epoch.
    """

    metric: str
    n_splits: int
    started: float
    updated: float = 0.0
    trials: list[Trial] = field(default_factory=list)
    running: dict[int, Epoch] = field(default_factory=dict)

    def add_epoch(self, split_index: int, epoch: Epoch, now: float) -> None:
        """Record an epoch that has ended."""
        self.updated = now
        self.running[split_index] = epoch

    def add_trial(self, trial: Trial, now: float) -> None:
        """Record a trial that has ended."""
        self.updated = now
        self.running.pop(trial.split.index, None)
        self.trials.append(trial)

    @property
    def share_done(self) -> float:
        """Return the share of all trials that is done, running ones by their epochs.

        A running trial is expected to take as many epochs as those that have ended took on
        average; before any has ended, the largest number of epochs.
        """
        lengths = [len(trial.epochs) for trial in self.trials if trial.epochs]
        mean = sum(lengths) / len(lengths) if lengths else None
        running = sum(min(1.0, each.number / (mean or each.of)) for each in self.running.values())
        return min(1.0, (len(self.trials) + running) / self.n_splits)

    def seconds_left(self, now: float) -> float | None:
        """Estimate the time left by the speed so far; None before the second epoch has ended.

        The first epoch is no estimate, since the network is built and compiled in it.
        """
        if not self.trials and all(epoch.number == 1 for epoch in self.running.values()):
            return None
        share, n_resumed = self.share_done, sum(trial.resumed for trial in self.trials)
        done = share - n_resumed / self.n_splits  # since the start
        if done <= 0:
            return None
        return (self.updated - self.started) * (1 - share) / done - (now - self.updated)

    def time_left(self, now: float) -> str:
        """Write the estimate in whole seconds: "28 s left"; empty where it is not positive."""
        seconds = self.seconds_left(now) or 0.0
        return f"{duration(max(1, round(seconds)))} left" if seconds > 0 else ""

    def place(self) -> str:
        """Write the split and the epoch: "2/5 epoch 12/50"."""
        split = f"{min(len(self.trials) + 1, self.n_splits)}/{self.n_splits}"
        latest = next(reversed(self.running.values()), None)
        return f"{split} epoch {latest.number}/{latest.of}" if latest else split

    def score(self) -> str:
        """Write the mean test score, else the last failure, else the score of the last epoch."""
        scores = [trial.scores[self.metric] for trial in self.trials if self.metric in trial.scores]
        if scores:
            return f"{get_metric(self.metric).title} {sum(scores) / len(scores):.4g}"
        if self.trials and self.trials[-1].error:
            return f"failed: {first_line(self.trials[-1].error)}"
        latest = next(reversed(self.running.values()), None)
        return epoch_score(latest, self.metric) if latest else ""


def epoch_score(epoch: Epoch, metric: str) -> str:
    """Write the validation score of an epoch, or its loss: "val ROC AUC 0.7461"."""
    for key, title in (
        (f"val/{metric}", f"val {get_metric(metric).title}"),
        ("val/loss", "val loss"),
        ("train/loss", "loss"),
    ):
        if key in epoch.metrics:
            return f"{title} {epoch.metrics[key]:.4g}"
    return ""
