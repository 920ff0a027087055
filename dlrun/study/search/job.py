"""A job of a search: settings of a candidate, fitted and scored without the test rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from statistics import fmean
from typing import Final

import numpy as np

from dlrun.contract.candidate import Candidate, Epoch, FitContext, Fitted, OnEpoch
from dlrun.contract.dataset import Dataset, Split
from dlrun.contract.search import SearchTrial
from dlrun.data.splits.plan import FoldRows
from dlrun.metrics.scores import score
from dlrun.study.search.inner import InnerFolds
from dlrun.study.trial import fit_cost, guarded
from dlrun.system import cost
from dlrun.system.secrets import mask

MOMENT: Final = 1e-3  # seconds, in which a network trains for one epoch


@dataclass(frozen=True)
class SearchJob:
    """Settings to be tried on one split; picklable.

    Attributes:
        candidate: with its own settings.
        number: as in `SearchTrial`, as `settings`.
        split: its test rows are not looked at.
        metric: the primary one.
        inner: None: the validation rows, which also decide when training stops.
        seconds: left of the budget of all trials; None without one.
        checkpoint: as in `FitContext`; of inner folds a folder of theirs.
    """

    candidate: Candidate
    number: int
    settings: Mapping[str, object]
    split: Split
    metric: str
    inner: InnerFolds | None = None
    seconds: float | None = None
    checkpoint: Path | None = None

    def run(self, dataset: Dataset, on_epoch: OnEpoch, threads: int | None) -> SearchTrial:
        """Fit with the settings and score them; what fails costs its time, too."""
        course = _Course(self, dataset, on_epoch)
        with cost.limited_threads(threads or cost.n_threads()):
            trial = guarded(self, course.run)
        return replace(trial, seconds=course.seconds, cpu_seconds=course.cpu_seconds)

    def failed(self, reason: str) -> SearchTrial:
        """Return the trial that failed for this reason."""
        return SearchTrial(self.number, self.settings, error=mask(reason))


@dataclass
class _Course:
    """The fits of a job, one or one of each inner fold, and what they have cost so far."""

    job: SearchJob
    dataset: Dataset
    on_epoch: OnEpoch
    seconds: float = 0.0
    cpu_seconds: float | None = 0.0
    scores: list[float] = field(default_factory=list)
    best_epochs: list[int] = field(default_factory=list)

    def run(self, check_signals: Callable[[], None]) -> SearchTrial:
        job = self.job
        candidate = job.candidate.with_settings(job.settings)
        folds = list(self._folds())
        for number, rows in enumerate(folds):
            fitted = self._fit(candidate, rows, number, len(folds) - number)
            check_signals()
            self._score(fitted, self.dataset.take(rows.test))
        epochs = fmean(self.best_epochs) if self.best_epochs else None
        return SearchTrial(job.number, job.settings, fmean(self.scores), epochs=epochs)

    def _folds(self) -> Iterator[FoldRows]:
        job, split = self.job, self.job.split
        if job.inner is None:
            yield FoldRows(split.train, split.validation, split.validation)
            return
        for rows in job.inner.of(self.dataset, split):
            yield rows if job.candidate.needs_validation else _joined(rows)

    def _fit(self, candidate: Candidate, rows: FoldRows, number: int, n_left: int) -> Fitted:
        job, epochs = self.job, list[Epoch]()

        def record_epoch(epoch: Epoch) -> bool:
            epochs.append(epoch)
            return self.on_epoch(epoch)

        left = None if job.seconds is None else max(MOMENT, job.seconds - self.seconds) / n_left
        folder = job.checkpoint / str(number) if job.checkpoint else None
        context = FitContext(job.split.seed, record_epoch, folder, left)
        train, validation = map(self.dataset.take, (rows.train, rows.validation))
        try:
            with cost.measure() as usage:
                return candidate.fit(train, validation, context)
        finally:
            self._pay(*fit_cost(usage, epochs))

    def _pay(self, seconds: float, cpu_seconds: float | None) -> None:
        self.seconds += seconds
        if self.cpu_seconds is None or cpu_seconds is None:
            self.cpu_seconds = None
        else:
            self.cpu_seconds += cpu_seconds

    def _score(self, fitted: Fitted, part: Dataset) -> None:
        metric = self.job.metric
        predictions = fitted.predict(part.frame)
        self.scores.append(score((metric,), predictions, part.y, part.target)[metric])
        if fitted.best_epoch is not None:
            self.best_epochs.append(fitted.best_epoch)


def _joined(rows: FoldRows) -> FoldRows:
    """Train on the rows for early stopping as well, where nothing stops early."""
    both = np.sort(np.concatenate([rows.train, rows.validation]))
    return FoldRows(both, rows.validation, rows.test)
