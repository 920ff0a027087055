"""The line of a candidate: the share of its trials that is done, where it stands, its score."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dlrun.catalog.metrics import get_metric
from dlrun.evidence.formatting import first_line

if TYPE_CHECKING:
    from dlrun.contract.candidate import Epoch, Family, Framework
    from dlrun.contract.trial import Trial


@dataclass(frozen=True)
class SearchProgress:
    """How far the search of a candidate's settings on a split is.

    Attributes:
        n_trials: that have ended.
        of: the maximum number of trials; None where seconds alone end it.
        best: the best score so far.
    """

    n_trials: int
    of: int | None
    best: float

    def __str__(self) -> str:
        """Write the trial that has ended: "trial 7/30"."""
        return self._place(self.n_trials)

    @property
    def running(self) -> str:
        """Write the trial that runs now; after the last, the best settings are tested."""
        is_last = self.of is not None and self.n_trials >= self.of
        return "best settings" if is_last else self._place(self.n_trials + 1)

    def _place(self, number: int) -> str:
        return f"trial {number}" + (f"/{self.of}" if self.of else "")


@dataclass
class CandidateLine:
    """The epochs and trials of a candidate that have ended.

    Attributes:
        metric: the primary one.
        n_splits: trials to run; 0: one, on all rows.
        trials: that have ended.
        running: index of a split that runs → its last epoch.
        searching: index of a split whose settings are searched → how far.
    """

    metric: str
    family: Family
    n_splits: int
    framework: Framework
    trials: list[Trial] = field(default_factory=list)
    running: dict[int, Epoch] = field(default_factory=dict)
    searching: dict[int, SearchProgress] = field(default_factory=dict)

    def add_epoch(self, split_index: int, epoch: Epoch) -> None:
        """Record an epoch that has ended."""
        self.running[split_index] = epoch

    def add_search(self, split_index: int, progress: SearchProgress) -> None:
        """Record a trial of a search that has ended."""
        self.running.pop(split_index, None)
        self.searching[split_index] = progress

    def add_trial(self, trial: Trial) -> None:
        """Record a trial that has ended."""
        self.running.pop(trial.split.index, None)
        self.searching.pop(trial.split.index, None)
        self.trials.append(trial)

    @property
    def share_done(self) -> float:
        """Return the share of all trials that is done, running ones by their epochs.

        A running trial is expected to take as many epochs as those that have ended took on
        average; before any has ended, the largest number of epochs.
        """
        lengths = [len(trial.epochs) for trial in self.trials if trial.epochs]
        mean = sum(lengths) / len(lengths) if lengths else None
        running = sum(
            min(1.0, each.number / (mean or each.of))
            for index, each in self.running.items()
            if index not in self.searching
        )
        searching = sum(each.n_trials / each.of for each in self.searching.values() if each.of)
        return min(1.0, (len(self.trials) + running + searching) / max(1, self.n_splits))

    def place(self) -> str:
        """Write the split, the trial of a search and the epoch: "2/5 trial 7/30 epoch 12/50"."""
        n_done, n_splits = len(self.trials), self.n_splits
        split = f"{min(n_done + 1, n_splits)}/{n_splits}" if n_splits else ""
        progress = next(reversed(self.searching.values()), None)
        split = f"{split} {progress.running}" if progress else split
        latest = next(reversed(self.running.values()), None)
        if latest:
            return f"{split} epoch {latest.number}/{latest.of}".lstrip()
        is_built = self.framework == "tensorflow" and n_done < max(1, n_splits) and not progress
        return f"{split} building".lstrip() if is_built else split

    def score(self) -> str:
        """Write the mean test score, else the last failure, else the score of the last epoch."""
        scores = [trial.scores[self.metric] for trial in self.trials if self.metric in trial.scores]
        if scores:
            return f"{get_metric(self.metric).title} {sum(scores) / len(scores):.4g}"
        if self.trials and self.trials[-1].error:
            return f"failed: {first_line(self.trials[-1].error)}"
        progress = next(reversed(self.searching.values()), None)
        if progress:
            return f"best {get_metric(self.metric).title} {progress.best:.4g}"
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
