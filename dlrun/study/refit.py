"""A candidate trained on all rows, with the settings and the epochs that the splits have shown."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise, zip_longest
from math import isnan
from pathlib import Path
from statistics import mean
from typing import TYPE_CHECKING, Final

import numpy as np

from dlrun.catalog.metrics import get_metric
from dlrun.contract.candidate import Candidate, Epoch, FitContext, OnEpoch
from dlrun.contract.dataset import Dataset, Split, Splits
from dlrun.contract.trial import Trial
from dlrun.study.records import Record, read_record
from dlrun.study.trial import cost_of, guarded, n_sampled, save_model
from dlrun.system import cost
from dlrun.system.files import DamagedFileError, check_folder, folder_digest
from dlrun.system.secrets import mask

if TYPE_CHECKING:
    from dlrun.contract.search import Tuning

NO_ROWS: Final = np.arange(0)
RATE: Final = "train/learning_rate"
RECORD: Final = "refit.record"

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class RefitJob:
    """A candidate to be trained on all rows; picklable. Its trial has no predictions or scores.

    Attributes:
        candidate: with the settings that were chosen.
        split: all rows are its training rows.
        epochs: as in `FitContext`, as `halvings`.
        folder: of the model, the checkpoint and the record.
        n_sampled: of the trials on the splits, as in `Trial`.
    """

    candidate: Candidate
    split: Split
    epochs: int | None
    halvings: tuple[int, ...]
    folder: Path
    n_sampled: int | None = None

    @property
    def model_folder(self) -> Path:
        """Return the folder of the model."""
        return self.folder / "model"

    def run(self, dataset: Dataset, on_epoch: OnEpoch, threads: int | None) -> Trial:
        """Train on all rows and save the model; see `dlrun.study.trial.run_trial` for errors."""
        return guarded(self, partial(self._fit, dataset, on_epoch, threads or cost.n_threads()))

    def failed(self, reason: str) -> Trial:
        """Return the trial that failed for this reason."""
        own = self.candidate
        return Trial(own.name, own.family, self.split, error=mask(reason))

    def _fit(
        self,
        dataset: Dataset,
        on_epoch: OnEpoch,
        threads: int,
        check_signals: Callable[[], None],
    ) -> Trial:
        train, epochs = self._rows(dataset), list[Epoch]()

        def record_epoch(epoch: Epoch) -> bool:
            epochs.append(epoch)
            return on_epoch(epoch)

        context = FitContext(
            self.split.seed,
            record_epoch,
            self.folder / "checkpoint",
            epochs=self.epochs,
            halvings=self.halvings,
        )
        with cost.limited_threads(threads), cost.measure() as usage:
            fitted = self.candidate.fit(train, train.take(NO_ROWS), context)
        check_signals()  # what was cut off is not saved
        self.folder.mkdir(parents=True, exist_ok=True)
        model_mb = save_model(fitted, self.model_folder, train)
        if model_mb is None:
            return self.failed(f"{self.candidate.name}: its model cannot be written")
        return Trial(
            self.candidate.name,
            self.candidate.family,
            self.split,
            cost=replace(cost_of(fitted, usage, epochs, train, train, None), model_mb=model_mb),
            epochs=tuple(epochs),
            best_epoch=self.epochs,
            n_sampled=n_sampled(fitted),
        )

    def _rows(self, dataset: Dataset) -> Dataset:
        """Return all rows, with the stream of all where these are a sample."""
        train = dataset.take(self.split.train)
        return replace(train, stream=train.stream.whole()) if train.stream else train

    def keep(self, trial: Trial) -> None:
        """Write a record of the trial, unless it failed.

        Raises:
            OSError: it cannot be written.
        """
        if trial.error is None:
            Record(trial, folder_digest(self.model_folder)).write(self.folder / RECORD)

    def recall(self) -> Trial | None:
        """Return the trial that was kept; None where there is none, or its model is damaged."""
        try:
            record = read_record(self.folder / RECORD, self.split)
            if record:
                check_folder(self.model_folder, record.model)
        except DamagedFileError as damage:
            log.warning("%s. %s is trained anew on all rows.", damage, self.candidate.name)
            return None
        return record.trial if record else None


def make_refit(
    candidate: Candidate, trials: Sequence[Trial], splits: Splits, metric: str, folder: Path
) -> RefitJob:
    """Make the job that trains a candidate on every row that some split uses.

    A network is trained for as many epochs, and boosting that stops early boosts as many rounds,
    as the mean over the splits that chose the same settings. They are not scaled with the rows: an
    epoch of more rows is more training already, and the best number hardly depends on the fifth
    more that all rows are. AutoGluon's `refit_full` does the same (Erickson et al., 2020).

    Args:
        candidate: as the recipe describes it.
        trials: of the candidate on the splits; one at least has not failed.
        splits: of the study.
        metric: the primary one.
        folder: of the candidate in the journal.
    """
    settings, alike = choose_settings(trials, metric)
    chosen = candidate.with_settings(settings) if settings else candidate
    epochs, halvings = _mean_epochs(alike), _mean_halvings(alike)
    split = _all_rows(splits)
    identity = [dict(chosen.settings), epochs, halvings, split.seed, splits.digest]
    key = hashlib.sha256(json.dumps(identity, default=str).encode()).hexdigest()[:16]
    return RefitJob(chosen, split, epochs, halvings, folder / f"{key}.refit", alike[0].n_sampled)


def choose_settings(
    trials: Sequence[Trial], metric: str
) -> tuple[Mapping[str, object], list[Trial]]:
    """Return the settings that most splits chose, and the trials that were run with them.

    Where several were chosen as often, those of the split whose search gained most over the default
    on its validation rows. The test rows have no say. Without a search there is nothing to set.
    """
    groups: dict[str, list[Trial]] = {}
    for trial in trials:
        if trial.error is None:
            groups.setdefault(_text(_settings(trial)), []).append(trial)
    sign = get_metric(metric).sign

    def rank(alike: list[Trial]) -> tuple[int, float]:
        return len(alike), max(_gain(trial.tuning, sign) for trial in alike)

    alike = max(groups.values(), key=rank)
    return _settings(alike[0]), alike


def _settings(trial: Trial) -> Mapping[str, object]:
    return trial.tuning.settings if trial.tuning else {}


def _text(settings: Mapping[str, object]) -> str:
    return json.dumps(settings, sort_keys=True, default=str)


def _gain(tuning: Tuning | None, sign: float) -> float:
    """Return how much better than the default the chosen settings are; 0 where that is unknown."""
    if tuning is None:
        return 0.0
    scores = {each.number: each.score for each in tuning.trials}
    gain = sign * (scores[tuning.chosen] - scores[1])
    return 0.0 if isnan(gain) else gain


def _mean_epochs(trials: Sequence[Trial]) -> int | None:
    known = [trial.best_epoch for trial in trials if trial.best_epoch]
    return max(1, round(mean(known))) if known else None


def _mean_halvings(trials: Sequence[Trial]) -> tuple[int, ...]:
    """Return after which epochs a plateau schedule halves the rate: as often as on the splits.

    The validation rows that would say so are trained on. The first halving comes where the first
    came on the splits on average, and so on; their number is the mean one, rounded.
    """
    found = [_halvings(trial) for trial in trials if trial.epochs]
    n_halvings = round(mean(map(len, found))) if found else 0
    ranks = [[each for each in rank if each] for rank in zip_longest(*found)]
    return tuple(round(mean(rank)) for rank in ranks[:n_halvings])


def _halvings(trial: Trial) -> list[int]:
    """Return the epochs after which the rate was halved, up to the one that was kept."""
    return [
        before.number
        for before, after in pairwise(trial.epochs[: trial.best_epoch])
        if after.metrics.get(RATE) == before.metrics.get(RATE, 0.0) / 2
    ]


def _all_rows(splits: Splits) -> Split:
    """Return a split that trains on every row of any, with the seed of the first."""
    parts = [(each.train, each.validation, each.test) for each in splits.splits]
    rows = np.unique(np.concatenate([part for each in parts for part in each]))
    first = splits.splits[0]
    return replace(first, train=rows, validation=NO_ROWS, test=NO_ROWS, is_refit=False)
