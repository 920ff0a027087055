"""A trial: one candidate fitted, scored and measured on one split."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import nan
from pathlib import Path
from tempfile import TemporaryDirectory
from traceback import format_exception
from typing import Any, Final, TypeVar

import numpy as np

from dlrun.contract.candidate import (
    Candidate,
    Deployable,
    Epoch,
    FitContext,
    Fitted,
    LearnsFromSample,
    OnEpoch,
    always_continue,
)
from dlrun.contract.dataset import Dataset, Split
from dlrun.contract.job import Job
from dlrun.contract.trial import (
    VALIDATION,
    Aspect,
    Cost,
    ProbeScore,
    RetrainingCondition,
    TestPerturbation,
    Trial,
)
from dlrun.data.model_io import write_format
from dlrun.data.reference import write_reference
from dlrun.errors import ClusterError, DlrunError, TrackingError
from dlrun.metrics.scores import score
from dlrun.system import cost
from dlrun.system.secrets import mask
from dlrun.system.signals import unswallowed_signals

N_SCORED_TRAINING_ROWS: Final = 2000

Result = TypeVar("Result")
ScoresOf = tuple[Mapping[str, float], Mapping[str, float]]
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrialTask:
    """A trial to be run: a candidate on a split, or under a retraining condition; picklable.

    Attributes:
        number: of the split, or of the condition among the study's conditions.
        split: the condition's, where there is one.
        metrics: what is scored, the primary one first.
        condition: None for a plain trial.
        perturbations: of the test rows, under each of which the fitted candidate is scored as well.
        model_folder: where the model is saved, in place of what is there. None: it is not saved,
            nor its latency measured: both are about the same on every split, and take longer than
            a small fit.
        checkpoint, watches_layers: as in `FitContext`.
    """

    candidate: Candidate
    number: int
    split: Split
    metrics: tuple[str, ...]
    condition: RetrainingCondition | None = None
    perturbations: tuple[TestPerturbation, ...] = ()
    model_folder: Path | None = None
    checkpoint: Path | None = None
    watches_layers: bool = False

    def run(self, dataset: Dataset, on_epoch: OnEpoch, threads: int | None) -> Trial:
        """Run the trial; see `run_trial`."""
        return run_trial(self, dataset, on_epoch=on_epoch, threads=threads)

    def failed(self, reason: str) -> Trial:
        """Return the trial that failed for this reason."""
        own, condition = self.candidate, self.condition
        scores = (self._score(condition.aspect, "", condition.level, nan),) if condition else ()
        return Trial(own.name, own.family, self.split, error=mask(reason), probe_scores=scores)

    def probe(
        self, fitted: Fitted, scores: ScoresOf, train: Dataset, test: Dataset
    ) -> Iterator[ProbeScore]:
        """Yield the test score under the condition, or those on training and perturbed test rows.

        All are on the primary metric. On some labels the validation score is yielded as well.

        Args:
            fitted: the candidate.
            scores: on the test rows and on the validation rows.
            train: its training rows.
            test: the test rows.
        """
        metric = self.metrics[0]
        if self.condition:
            aspect, level = self.condition.aspect, self.condition.level
            yield self._score(aspect, "", level, scores[0][metric])
            if aspect == "labels":
                yield self._score(aspect, VALIDATION, level, scores[1][metric])
            return
        n_rows = min(len(train), N_SCORED_TRAINING_ROWS)
        some = train.take(np.linspace(0, len(train) - 1, n_rows).astype(np.int64))
        yield self._score("train", "", 1.0, _scores(fitted, some, (metric,))[metric])
        for number, each in enumerate(self.perturbations):
            frame = each.change(test.frame, np.random.default_rng([self.split.seed, number]))
            value = score((metric,), fitted.predict(frame), test.y, test.target)[metric]
            yield self._score(each.aspect, each.name, each.level, value)

    def _score(self, aspect: Aspect, name: str, level: float, value: float) -> ProbeScore:
        own, split = self.candidate, self.split
        return ProbeScore(
            own.name, own.family, aspect, name, level, split.index, len(split.train), value
        )


def run_trial(
    task: TrialTask,
    dataset: Dataset,
    *,
    on_epoch: OnEpoch = always_continue,
    threads: int | None = None,
) -> Trial:
    """Fit a candidate on the training rows of a split and score it on the test rows.

    Where the split says so, a candidate that needs no validation rows is fitted anew on these too,
    after it was scored on them. Its cost is that of the first fit.

    A candidate that cannot be fitted makes a trial with an `error`, and the study goes on; an
    error that no library or user's mistake explains is logged with its traceback. A trial during
    which a signal asked to stop is neither, even where the candidate caught its exception.

    Args:
        task: what is run.
        dataset: all rows; a retraining condition's change is applied to them.
        on_epoch: as in `FitContext`.
        threads: for the numeric libraries; None: OMP_NUM_THREADS, else one for each core.

    Raises:
        KeyboardInterrupt: a signal asked to stop.
    """
    return guarded(task, partial(_run, task, dataset, on_epoch, threads or cost.n_threads()))


def guarded(job: Job[Result], work: Callable[[Callable[[], None]], Result]) -> Result:
    """Return the result of a job's work, or the job's failure; see `run_trial`.

    Args:
        job: whose candidate is fitted.
        work: called with a check that raises where a signal asked to stop.

    Raises:
        KeyboardInterrupt: a signal asked to stop.
    """
    with unswallowed_signals() as check_signals:
        try:
            result = work(check_signals)
        except (ClusterError, TrackingError):  # not the candidate's fault
            raise
        except Exception as error:
            result = job.failed(failure_reason(job.candidate, error))
        check_signals()
        return result


def _run(
    task: TrialTask,
    dataset: Dataset,
    on_epoch: OnEpoch,
    threads: int,
    check_signals: Callable[[], None],
) -> Trial:
    candidate, split, metrics = task.candidate, task.split, task.metrics
    rows = task.condition.change(dataset) if task.condition else dataset
    train, validation, test = map(rows.take, (split.train, split.validation, split.test))
    epochs: list[Epoch] = []

    def record_epoch(epoch: Epoch) -> bool:
        epochs.append(epoch)
        return on_epoch(epoch)

    with cost.limited_threads(threads):
        with cost.measure() as usage:
            context = FitContext(
                split.seed, record_epoch, task.checkpoint, watches_layers=task.watches_layers
            )
            fitted = candidate.fit(train, validation, context)
        check_signals()  # what was cut off is not scored, and replaces no model
        validated = fitted.predict(validation.frame)
        if split.is_refit and not candidate.needs_validation:
            both = np.sort(np.concatenate([split.train, split.validation]))
            fitted = candidate.fit(rows.take(both), validation, FitContext(split.seed))
            check_signals()
        predictions = fitted.predict(test.frame)
    scores = score(metrics, predictions, test.y, test.target)
    validation_scores = score(metrics, validated, validation.y, validation.target)
    return Trial(
        candidate=candidate.name,
        family=candidate.family,
        split=split,
        predictions=predictions,
        scores=scores,
        validation_scores=validation_scores,
        cost=cost_of(fitted, usage, epochs, train, test, task.model_folder),
        epochs=tuple(epochs),
        best_epoch=fitted.best_epoch,
        probe_scores=tuple(task.probe(fitted, (scores, validation_scores), train, test)),
        validation_predictions=validated,
        n_sampled=n_sampled(fitted),
    )


def n_sampled(fitted: Fitted) -> int | None:
    """Return the number of training rows that a candidate was fitted to, where a sample."""
    return fitted.n_sampled if isinstance(fitted, LearnsFromSample) else None


def failure_reason(candidate: Candidate, error: Exception) -> str:
    """Return why a trial failed; an unexpected error is logged with its traceback."""
    if isinstance(error, DlrunError):
        return str(error)
    if isinstance(error, MemoryError):
        return f"{candidate.name}: the memory of this machine does not suffice"
    log.error("%s failed\n%s", candidate.name, mask("".join(format_exception(error))))
    return f"{candidate.name}: {type(error).__name__}: {error}"


def _scores(fitted: Fitted, part: Dataset, metrics: tuple[str, ...]) -> dict[str, float]:
    return score(metrics, fitted.predict(part.frame), part.y, part.target)


def cost_of(
    fitted: Fitted,
    usage: cost.ResourceUsage,
    epochs: Sequence[Epoch],
    train: Dataset,
    test: Dataset,
    folder: Path | None,
) -> Cost:
    """Return what a trial cost.

    Args:
        fitted: the candidate.
        usage: of the fit.
        epochs: all of them.
        train: its training rows.
        test: rows to measure the latency on.
        folder: as `TrialTask.model_folder`.
    """
    one, thousand = _latency(fitted, test) if folder else (None, None)
    fit_seconds, cpu_seconds = fit_cost(usage, epochs)
    is_resumed = any(each.resumed for each in epochs)
    return Cost(
        fit_seconds=fit_seconds,
        cpu_seconds=cpu_seconds,
        startup_seconds=usage.startup_seconds,
        peak_memory_mb=usage.peak_memory_mb,
        latency_ms_batch1=one,
        latency_ms_batch1000=thousand,
        model_mb=save_model(fitted, folder, train) if folder else None,
        parameters=fitted.parameters,
        gpu_peak_memory_mb=usage.gpu_peak_memory_mb,
        gpu_energy_wh=None if is_resumed else usage.gpu_energy_wh,
    )


def fit_cost(usage: cost.ResourceUsage, epochs: Sequence[Epoch]) -> tuple[float, float | None]:
    """Return the seconds of a fit, resumed epochs included, and its CPU seconds.

    These say nothing of resumed epochs, nor of a GPU's work.
    """
    is_on_gpu = usage.gpu_peak_memory_mb is not None
    resumed = [each.seconds - (each.startup_seconds or 0) for each in epochs if each.resumed]
    cpu_seconds = None if resumed or is_on_gpu else usage.cpu_seconds
    return usage.wall_seconds + sum(resumed), cpu_seconds


def _latency(fitted: Fitted, test: Dataset) -> tuple[float | None, float | None]:
    """Measure a compiled network, or an estimator on one thread; any other, by its `predict`."""

    def prepare(rows: Any) -> Callable[[], object]:
        if isinstance(fitted, Deployable):
            return fitted.deployed(rows)
        return partial(fitted.predict, rows)

    with cost.limited_threads(1):
        return cost.latency(prepare, test.frame)


def save_model(fitted: Fitted, folder: Path, train: Dataset) -> float | None:
    """Save the model in the folder, in place of what is there, and return its size in MB.

    A model that cannot be saved, as on a full disk, costs the model, not the trial. The format of
    the text files that it was trained on is kept with it, and the reference row of its training
    rows, which is not part of its size.
    """
    shutil.rmtree(folder, ignore_errors=True)
    try:
        with TemporaryDirectory(prefix="dlrun-") as scratch:
            written = Path(scratch, "model")
            written.mkdir()
            fitted.save(written)
            write_format(written, train.format)
            size = cost.folder_mb(written)
            write_reference(written, train)
            shutil.move(written, folder)
    except Exception as error:  # of libraries: HDF5 raises RuntimeErrors on a full disk
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, shutil.Error) and error.args[0]:  # of a copy: every file's reason
            error = OSError(error.args[0][0][2])
        is_clear = isinstance(error, DlrunError)
        reason = str(error) if is_clear else f"{folder}: this model cannot be written: {error}"
        log.warning("%s. The model is not kept; its scores are.", mask(reason))
        return None
    return size
