"""How far a candidate has come, how well it does, and how long it will still take."""

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
    """The epochs and splits that a candidate has done since it began.

    Attributes:
        metric: the primary one.
        n_splits: how many there are.
        began: when it began, in seconds of some clock.
        seen: when something last ended.
        trials: those that have ended.
        running: step of a split → its last epoch.
    """

    metric: str
    n_splits: int
    began: float
    seen: float = 0.0
    trials: list[Trial] = field(default_factory=list)
    running: dict[int, Epoch] = field(default_factory=dict)

    def see_epoch(self, step: int, epoch: Epoch, now: float) -> None:
        """Take down an epoch of the split with this step."""
        self.seen = now
        self.running[step] = epoch

    def see_trial(self, trial: Trial, now: float) -> None:
        """Take down a trial that has ended."""
        self.seen = now
        self.running.pop(trial.split.index, None)
        self.trials.append(trial)

    @property
    def share_done(self) -> float:
        """Return the share of all splits that is done, the running ones by their epochs.

        The cap of epochs says little where training stops early: once a split has ended, the
        others are expected to take as many epochs.
        """
        lengths = [len(trial.epochs) for trial in self.trials if trial.epochs]
        usual = sum(lengths) / len(lengths) if lengths else None
        running = sum(min(1.0, each.number / (usual or each.of)) for each in self.running.values())
        return min(1.0, (len(self.trials) + running) / self.n_splits)

    def seconds_left(self, now: float) -> float | None:
        """Estimate the time left by the pace so far; None before anything tells it.

        The first epoch of all does not: in it the network is built and compiled.
        """
        if not self.trials and all(epoch.number == 1 for epoch in self.running.values()):
            return None
        share, recalled = self.share_done, sum(trial.resumed for trial in self.trials)
        earned = share - recalled / self.n_splits  # since it began
        if earned <= 0:
            return None
        return (self.seen - self.began) * (1 - share) / earned - (now - self.seen)

    def time_left(self, now: float) -> str:
        """Write the estimate in whole seconds: "28 s left"; nothing where it has run out."""
        seconds = self.seconds_left(now) or 0.0
        return f"{duration(max(1, round(seconds)))} left" if seconds > 0 else ""

    def place(self) -> str:
        """Write the split and the epoch: "2/5 epoch 12/50"."""
        split = f"{min(len(self.trials) + 1, self.n_splits)}/{self.n_splits}"
        latest = next(reversed(self.running.values()), None)
        return f"{split} epoch {latest.number}/{latest.of}" if latest else split

    def score(self) -> str:
        """Write the mean test score so far, before that the last epoch's, or the last failure."""
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
