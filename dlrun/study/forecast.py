"""The forecast of a study: its fits counted, and a few of them timed on samples of the rows."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import log
from statistics import mean
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from dlrun.contract.candidate import Candidate, Framework
from dlrun.contract.forecast import CandidateForecast, Forecast, Pace, TimedFit
from dlrun.study.probe import N_STEPS, time_fit, warm_up
from dlrun.study.size import StudySize, count_final, count_fits, n_train_of, size_of
from dlrun.system import cost

if TYPE_CHECKING:
    import pandas as pd

    from dlrun.study.plan import StudyPlan

LONGEST_SECONDS: Final = 20.0  # of all timing …
LARGEST_SHARE: Final = 0.15  # … and of the study's own seconds, beyond the first samples
FIRST_ROWS: Final = 400
WARM_ROWS: Final = 100
N_MEASURED: Final = 100  # rows whose memory is measured
GROWTH: Final = 4  # of a sample to the next
TYPICAL_STEPS: Final = 300  # of an optimizer, to the epoch that early stopping keeps
FEWEST_EPOCHS: Final = 2  # to that epoch
SHORT_SECONDS: Final = 1.0  # a second sample that takes as long is timed in any case
OTHER_SECONDS: Final[Mapping[Framework, float]] = {"scikit-learn": 0.05, "tensorflow": 0.15}
COPIES: Final[Mapping[Framework, float]] = {"scikit-learn": 2.0, "tensorflow": 3.0}
PARAMETER_MB: Final[Mapping[Framework, float]] = {"scikit-learn": 250e-6, "tensorflow": 4e-6}
OVERHEAD_SECONDS: Final = 7.0  # imports, the data, the store, the report
NETWORKS_SECONDS: Final = 4.5  # the import of TensorFlow
MODEL_SECONDS: Final[Mapping[Framework, float]] = {"scikit-learn": 0.7, "tensorflow": 1.5}
TRACKING_MB: Final = 200.0  # of memory: MLflow, and what the report is drawn by
MARGIN: Final = 1.15  # of memory
STORE_MB: Final = 2.0  # of runs and the report
PREDICTION_MB: Final = 9e-6  # of a number on the disk


@dataclass(frozen=True)
class Paces:
    """What fits take, as it was timed.

    Attributes:
        of: candidate → its pace.
        resident: framework → MB of the process before its fits.
        seconds: that the timing took.
    """

    of: Mapping[str, Pace]
    resident: Mapping[Framework, float]
    seconds: float


@dataclass
class Timing:
    """Fits that are timed, one after the other, in this process; nothing is written.

    Attributes:
        threads: of each fit, as in the study.
        started: on the clock of `perf_counter`.
        resident: MB of the process before the fits with a framework.
        timed: candidate → its timed fits, by ascending rows.
        errors: candidate → why it could not be timed.
    """

    plan: StudyPlan
    threads: int
    started: float = field(default_factory=perf_counter)
    resident: dict[Framework, float] = field(default_factory=dict)
    timed: dict[str, tuple[TimedFit, ...]] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)

    def run(self) -> Paces:
        """Time every candidate.

        Each is timed on a small sample first. Then the samples of estimators grow, that of the
        least certain forecast first, as long as this is short beside the study.
        """
        self.resident["scikit-learn"] = cost.resident_mb()
        for each in self.plan.estimators:
            warm_up(self.plan, each, min(WARM_ROWS, self._n_sampled), self.threads)
            self._time(each, min(FIRST_ROWS, self._n_sampled))
        if self.plan.networks:
            import dlrun.deep.train  # noqa: F401

            self.resident["tensorflow"] = cost.resident_mb()
        for each in self.plan.networks:
            if self.seconds < LONGEST_SECONDS or not self._knows_networks:
                self._time_network(each)
        while self._grow():
            pass
        return Paces(self.paces, self.resident, self.seconds)

    @property
    def seconds(self) -> float:
        """Return the seconds since the start."""
        return perf_counter() - self.started

    @property
    def _knows_networks(self) -> bool:
        return any(each.name in self.timed for each in self.plan.networks)

    @property
    def paces(self) -> dict[str, Pace]:
        """Return the pace of each candidate, by what was timed so far."""
        return {each.name: self._pace(each) for each in self.plan.candidates}

    @property
    def _n_sampled(self) -> int:
        """Return the rows of the largest sample: of a stream, those in memory."""
        return len(self.plan.splits.splits[0].train)

    def _time(self, candidate: Candidate, n_rows: int) -> None:
        fit = time_fit(self.plan, candidate, n_rows, self.threads)
        if isinstance(fit, str):
            self.errors[candidate.name] = fit
        else:
            self.timed[candidate.name] = (*self.timed.get(candidate.name, ()), fit)

    def _time_network(self, candidate: Candidate) -> None:
        """Time a network on some steps, of batches of the size that they have on all rows."""
        size = self._batch_size(candidate)
        candidate = candidate.with_settings({"training.batch_size": size})
        self._time(candidate, min(N_STEPS * self._rows_of_step(candidate), self._n_sampled))

    def _batch_size(self, candidate: Candidate) -> int:
        from dlrun.deep.training.loop import automatic_batch_size

        size: Any = candidate.settings["training.batch_size"]
        return automatic_batch_size(self._n_train) if size == "auto" else size

    def _rows_of_step(self, candidate: Candidate) -> int:
        return self._batch_size(candidate) * (
            _setting(candidate.settings, "training.accumulate") or 1
        )

    def _n_epochs(self, candidate: Candidate) -> float:
        if candidate.framework == "scikit-learn":
            return 0.0
        return typical_epochs(candidate.settings, self._n_train / self._rows_of_step(candidate))

    @property
    def _n_train(self) -> int:
        return n_train_of(self.plan, size_of(self.plan))

    def _grow(self) -> bool:
        """Time an estimator on more rows; return False where this would take too long."""
        size, paces, n_train = size_of(self.plan), self.paces, self._n_train
        total = sum(each.seconds for each in forecast_candidates(self.plan, size, paces))
        left = min(LONGEST_SECONDS, LARGEST_SHARE * total) - self.seconds
        unsure: list[tuple[float, int, Candidate]] = []
        for number, each in enumerate(self.plan.estimators):
            pace = paces[each.name]
            n_rows = pace.timed[-1].n_rows if pace.timed else self._n_sampled
            is_first = len(pace.timed) == 1 and pace.seconds(GROWTH * n_rows) < SHORT_SECONDS
            is_short = is_first or pace.seconds(GROWTH * n_rows) < left
            if n_rows < self._n_sampled and is_short:
                doubt = log(n_train / n_rows) * pace.seconds(n_train)
                unsure.append((doubt, number, each))
        if not unsure:
            return False
        *_, chosen = max(unsure)
        n_rows = GROWTH * paces[chosen.name].timed[-1].n_rows
        self._time(chosen, min(n_rows, self._n_sampled))
        return chosen.name not in self.errors

    def _pace(self, candidate: Candidate) -> Pace:
        framework = candidate.framework
        return Pace(
            self.timed.get(candidate.name, ()),
            self._n_epochs(candidate),
            _setting(candidate.settings, "training.epochs") or 0,
            OTHER_SECONDS[framework],
            row_mb(self.plan.dataset.frame) * COPIES[framework],
            PARAMETER_MB[framework],
            self.errors.get(candidate.name, ""),
        )


def time_candidates(plan: StudyPlan) -> Paces:
    """Time a few fits of every candidate, in this process."""
    return Timing(plan, cost.n_threads(plan.recipe.execution.workers)).run()


def make_forecast(plan: StudyPlan, size: StudySize, paces: Paces) -> Forecast:
    """Forecast a study of some size by the paces of its candidates."""
    of_size = {name: pace.capped(size.epochs) for name, pace in paces.of.items()}
    candidates = forecast_candidates(plan, size, of_size)
    overhead = OVERHEAD_SECONDS + sum(MODEL_SECONDS[each.framework] for each in plan.candidates)
    n_final, n_rows = count_final(plan), round(size.share * len(plan.dataset))
    return Forecast(
        tuple(candidates),
        n_final=n_final,
        final_seconds=n_final * mean(each.pace.seconds(n_rows) for each in candidates),
        overhead_seconds=overhead + (NETWORKS_SECONDS if plan.networks else 0),
        n_workers=plan.recipe.execution.workers,
        memory_mb=_memory_mb(plan, size, candidates, paces.resident),
        disk_mb=_disk_mb(plan, size, candidates),
        timing_seconds=paces.seconds,
    )


def _memory_mb(
    plan: StudyPlan,
    size: StudySize,
    candidates: Iterable[CandidateForecast],
    resident: Mapping[Framework, float],
) -> float:
    """Return the peak of all processes: workers, and this one beside them."""
    n_train, n_workers = n_train_of(plan, size), plan.recipe.execution.workers
    peaks = [
        resident.get(own.framework, 0.0) + each.pace.memory_mb(n_train)
        for own, each in zip(plan.candidates, candidates, strict=True)
    ]
    return MARGIN * (max(peaks) + TRACKING_MB) * (1 if n_workers == 1 else 1 + n_workers)


def forecast_candidates(
    plan: StudyPlan, size: StudySize, paces: Mapping[str, Pace]
) -> list[CandidateForecast]:
    """Forecast each candidate; one that could not be timed goes as others of its framework."""
    forecasts = []
    for each in plan.candidates:
        pace = paces[each.name]
        alike = pace if pace.timed else _typical(plan, each, paces)
        fits = count_fits(plan, each, size, alike)
        forecasts.append(
            CandidateForecast(each.name, each.kind, fits, alike, is_guess=not pace.timed)
        )
    return forecasts


def _typical(plan: StudyPlan, candidate: Candidate, paces: Mapping[str, Pace]) -> Pace:
    """Return the pace of the slowest candidate of the same framework, else of the other one."""
    timed = [each for each in plan.candidates if paces[each.name].timed]
    alike = [each for each in timed if each.framework == candidate.framework] or timed
    n_train = n_train_of(plan, size_of(plan))
    return max(
        (paces[each.name] for each in alike),
        key=lambda pace: pace.seconds(n_train),
        default=paces[candidate.name],
    )


def typical_epochs(settings: Mapping[str, object], n_steps: float) -> float:
    """Return the epochs that a network is expected to train; 0 without any.

    Early stopping keeps an epoch that depends on the data. In the shipped recipes it came after
    100 to 500 steps, which is what is expected where nothing is known; the patience follows.

    Args:
        settings: of the candidate.
        n_steps: of an epoch.
    """
    epochs = _setting(settings, "training.epochs") or 0
    patience = _setting(settings, "training.early_stopping.patience")
    if patience is None:
        return epochs
    return min(epochs, patience + max(FEWEST_EPOCHS, TYPICAL_STEPS / n_steps))


def _setting(settings: Mapping[str, object], key: str) -> int | None:
    value = settings.get(key)
    return value if isinstance(value, int) else None


def row_mb(frame: pd.DataFrame) -> float:
    """Return the memory of a row of typed columns, its arrays in single precision, MB."""
    some = frame.head(N_MEASURED)
    cells = (cell for name in some for cell in some[name])
    return sum(map(_cell_bytes, cells)) / max(1, len(some)) / cost.MB


def _cell_bytes(cell: object) -> int:
    if isinstance(cell, np.ndarray):
        return cell.nbytes + 4 * cell.size
    return sys.getsizeof(cell) if isinstance(cell, str) else 8


def _disk_mb(plan: StudyPlan, size: StudySize, candidates: Iterable[CandidateForecast]) -> float:
    """Return what the store grows by: models, predictions, runs and the report."""
    first, n_numbers = plan.splits.splits[0], max(1, len(plan.dataset.target.labels))
    n_predicted = size.n_splits * (len(first.test) + len(first.validation)) * n_numbers
    models = sum(each.pace.model_mb(len(first.train)) for each in candidates)
    return STORE_MB + models + len(plan.candidates) * n_predicted * PREDICTION_MB
