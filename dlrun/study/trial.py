"""A trial: one candidate fitted, scored and weighed on one split."""

from __future__ import annotations

import importlib
import logging
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager
from math import nan
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from joblib import Parallel, delayed, parallel_config

from dlrun.contract.candidate import Candidate, Epoch, FitContext, Fitted, OnEpoch, always_continue
from dlrun.contract.dataset import Dataset, Split
from dlrun.contract.trial import Cost, ProbeScore, RetrainingCondition, TestPerturbation, Trial
from dlrun.errors import ClusterError, DlrunError, ExtraError, TrackingError, TrainingError
from dlrun.metrics.scores import score
from dlrun.system import cost

if TYPE_CHECKING:
    import pandas as pd

    from dlrun.recipe.schema import Execution

REMEMBERED_ROWS: Final = 2000  # training rows that are scored as well

log = logging.getLogger(__name__)


def run_trial(
    candidate: Candidate,
    dataset: Dataset,
    split: Split,
    *,
    metrics: tuple[str, ...],
    folder: Path,
    on_epoch: OnEpoch = always_continue,
    checkpoint: Path | None = None,
    save: bool = True,
    threads: int | None = None,
    probes: Sequence[TestPerturbation] = (),
) -> Trial:
    """Fit a candidate on the training rows of a split and score it on the test rows.

    A candidate that cannot be fitted makes a trial with an `error`, and the study goes on; a
    fault in a library or in dlrun is logged with its traceback.

    Args:
        candidate: what is fitted.
        dataset: all rows.
        split: which of them train, validate and test.
        metrics: what is scored.
        folder: where the model is put, in place of what is there.
        on_epoch: as in `FitContext`.
        checkpoint: the folder in which a network's training keeps what it needs to go on.
        save: whether the model is kept, and its size and latency measured; they are about the
            same on every split, and measuring takes longer than a small fit.
        threads: for the numeric libraries; None: one for each core.
        probes: changes of the test rows, each of which is scored as well.
    """
    train, validation, test = map(dataset.take, (split.train, split.validation, split.test))
    epochs: list[Epoch] = []

    def record_epoch(epoch: Epoch) -> bool:
        epochs.append(epoch)
        return on_epoch(epoch)

    try:
        with cost.limited_threads(threads or cost.n_cores()):
            with cost.measure() as spent:
                context = FitContext(split.seed, record_epoch, checkpoint)
                fitted = candidate.fit(train, validation, context)
            validation_scores = _scores(fitted, validation, metrics)
            predictions = fitted.predict(test.frame)
        return Trial(
            candidate=candidate.name,
            family=candidate.family,
            split=split,
            predictions=predictions,
            scores=score(metrics, predictions, test.y, test.target),
            validation_scores=validation_scores,
            cost=_cost(fitted, spent, epochs, test.frame, folder if save else None),
            epochs=tuple(epochs),
            best_epoch=fitted.best_epoch,
            probe_scores=(
                _score_training_rows(candidate, fitted, split, train, metrics[0]),
                *_measure(candidate, fitted, split, test, probes, metrics[0]),
            ),
        )
    except (ClusterError, TrackingError):  # nothing is wrong with the candidate
        raise
    except Exception as error:
        return Trial(candidate.name, candidate.family, split, error=_reason(candidate, error))


def _reason(candidate: Candidate, error: Exception) -> str:
    """Say why a trial failed; what is nobody's expected failure is logged whole."""
    if isinstance(error, DlrunError):
        return str(error)
    if isinstance(error, MemoryError):
        return f"{candidate.name}: the memory of this machine does not suffice"
    log.error("%s failed", candidate.name, exc_info=error)
    return f"{candidate.name}: {type(error).__name__}: {error}"


def _score_training_rows(
    candidate: Candidate, fitted: Fitted, split: Split, train: Dataset, metric: str
) -> ProbeScore:
    """Score some of the rows that were learned from; beside the test score it tells the gap."""
    n_rows = min(len(train), REMEMBERED_ROWS)
    some = train.take(np.linspace(0, len(train) - 1, n_rows).astype(np.int64))
    value = score((metric,), fitted.predict(some.frame), some.y, some.target)[metric]
    return ProbeScore(
        candidate.name, candidate.family, "train", "", 1.0, split.index, len(train), value
    )


def _measure(
    candidate: Candidate,
    fitted: Fitted,
    split: Split,
    test: Dataset,
    probes: Sequence[TestPerturbation],
    metric: str,
) -> Iterator[ProbeScore]:
    for number, probe in enumerate(probes):
        rng = np.random.default_rng([split.seed, number])
        predictions = fitted.predict(probe.change(test.frame, rng))
        value = score((metric,), predictions, test.y, test.target)[metric]
        yield ProbeScore(
            candidate.name, candidate.family, probe.aspect, probe.name, probe.level, split.index,
            len(split.train), value,
        )  # fmt: skip


def run_variation(
    candidate: Candidate,
    dataset: Dataset,
    variation: RetrainingCondition,
    *,
    metric: str,
    folder: Path,
    on_epoch: OnEpoch = always_continue,
    checkpoint: Path | None = None,
    threads: int | None = None,
) -> tuple[Trial, ProbeScore]:
    """Train a candidate on changed rows; a trial that fails is measured as NaN."""
    split = variation.split
    trial = run_trial(
        candidate,
        variation.change(dataset),
        split,
        metrics=(metric,),
        folder=folder,
        on_epoch=on_epoch,
        checkpoint=checkpoint,
        save=False,
        threads=threads,
    )
    return trial, _measurement(candidate, variation, trial, metric)


def _measurement(
    candidate: Candidate, variation: RetrainingCondition, trial: Trial, metric: str
) -> ProbeScore:
    return ProbeScore(
        candidate.name, candidate.family, variation.aspect, "", variation.level,
        variation.split.index, len(variation.split.train), trial.scores.get(metric, nan),
    )  # fmt: skip


def run_trials(
    candidate: Candidate,
    dataset: Dataset,
    splits: Sequence[Split],
    *,
    metrics: tuple[str, ...],
    folder: Path,
    last: Split,
    execution: Execution,
    probes: Sequence[TestPerturbation] = (),
) -> Iterator[Trial]:
    """Run a candidate on splits, on the recipe's workers; trials come in the splits' order.

    Each worker gets its share of the cores. The model of the split `last` is put into the folder.
    A worker that is killed costs the trials that have not ended, not the study.
    """
    tasks = [
        delayed(run_trial)(
            candidate,
            dataset,
            split,
            metrics=metrics,
            folder=folder,
            save=split is last,
            threads=_threads(execution),
            probes=probes,
        )
        for split in splits
    ]
    yield from _in_parallel(tasks, execution, lambda place: _killed(candidate, splits[place]))


def run_variations(
    candidate: Candidate,
    dataset: Dataset,
    variations: Sequence[RetrainingCondition],
    *,
    metric: str,
    folder: Path,
    execution: Execution,
) -> Iterator[tuple[Trial, ProbeScore]]:
    """Run a candidate on all changed rows, on the recipe's workers, in the order given."""
    tasks = [
        delayed(run_variation)(
            candidate,
            dataset,
            variation,
            metric=metric,
            folder=folder,
            threads=_threads(execution),
        )
        for variation in variations
    ]

    def killed(place: int) -> tuple[Trial, ProbeScore]:
        trial = _killed(candidate, variations[place].split)
        return trial, _measurement(candidate, variations[place], trial, metric)

    yield from _in_parallel(tasks, execution, killed)


def _killed(candidate: Candidate, split: Split) -> Trial:
    reason = (
        f"{candidate.name}: its process was killed, most likely for lack of memory. "
        "Lower execution.workers, or take fewer rows: data.max_rows"
    )
    return Trial(candidate.name, candidate.family, split, error=reason)


def _threads(execution: Execution) -> int:
    return max(1, cost.n_cores() // execution.workers)


def _in_parallel(
    tasks: Sequence[Any], execution: Execution, killed: Callable[[int], Any]
) -> Iterator[Any]:
    """Give the results in the tasks' order; `killed` stands in for those of a dead worker."""
    # Ray's joblib backend can only give all results at once.
    return_as = "list" if execution.engine == "ray" else "generator"
    done = 0
    try:
        with engine(execution):
            for found in Parallel(return_as=return_as)(tasks):
                yield found
                done += 1
    except BrokenProcessPool:
        yield from map(killed, range(done, len(tasks)))


@contextmanager
def engine(execution: Execution) -> Iterator[None]:
    """Make joblib use the recipe's engine within.

    The workers of a cluster must see the same files as this machine.

    Raises:
        ExtraError: the engine's package is not installed.
    """
    if execution.engine == "local":
        threads = _threads(execution)
        with parallel_config("loky", n_jobs=execution.workers, inner_max_num_threads=threads):
            yield
        return
    module, connect = _module_of(execution.engine), CLUSTERS[execution.engine][1]
    # A cluster has as many workers as it has, whatever the recipe says.
    n_jobs = -1 if execution.address else execution.workers
    with connect(module, execution), parallel_config(execution.engine, n_jobs=n_jobs):
        yield


def check_engine(execution: Execution) -> None:
    """Insist on the package of the recipe's engine.

    Raises:
        ExtraError: it is not installed.
    """
    if execution.engine != "local":
        _module_of(execution.engine)


def _module_of(engine: str) -> Any:
    package = CLUSTERS[engine][0]
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise ExtraError(package, engine) from error


@contextmanager
def _connect_ray(ray: Any, execution: Execution) -> Iterator[None]:
    n_cpus = None if execution.address else execution.workers
    ray.init(address=execution.address, num_cpus=n_cpus, include_dashboard=False)
    importlib.import_module("ray.util.joblib").register_ray()
    try:
        yield
    finally:
        ray.shutdown()


@contextmanager
def _connect_dask(distributed: Any, execution: Execution) -> Iterator[None]:
    here = {"n_workers": execution.workers, "threads_per_worker": 1, "dashboard_address": None}
    settings = {"address": execution.address} if execution.address else here
    with distributed.Client(**settings):
        yield


CLUSTERS: Final[Mapping[str, tuple[str, Callable[..., AbstractContextManager[None]]]]] = {
    "ray": ("ray", _connect_ray),
    "dask": ("dask.distributed", _connect_dask),
}


def _scores(fitted: Fitted, part: Dataset, metrics: tuple[str, ...]) -> dict[str, float]:
    return score(metrics, fitted.predict(part.frame), part.y, part.target)


def _cost(
    fitted: Fitted,
    spent: cost.ResourceUsage,
    epochs: Sequence[Epoch],
    frame: pd.DataFrame,
    folder: Path | None,
) -> Cost:
    """Gather what a trial took; of epochs before it was stopped the CPU seconds are not known."""
    one, thousand = cost.latency(fitted.predict, frame) if folder else (None, None)
    before = [epoch.seconds for epoch in epochs if epoch.resumed]
    return Cost(
        fit_seconds=spent.wall_seconds + sum(before),
        cpu_seconds=None if before else spent.cpu_seconds,
        peak_memory_mb=spent.peak_memory_mb,
        latency_ms_batch1=one,
        latency_ms_batch1000=thousand,
        model_mb=_save(fitted, folder) if folder else None,
        parameters=fitted.parameters,
    )


def _save(fitted: Fitted, folder: Path) -> float | None:
    """Put the model into the folder, in place of what is there, and return its size in MB."""
    with TemporaryDirectory(prefix="dlrun-") as scratch:
        written = Path(scratch, "model")
        written.mkdir()
        try:
            fitted.save(written)
        except TrainingError as error:
            log.warning("%s. The model is not kept; its scores are.", error)
            return None
        shutil.rmtree(folder, ignore_errors=True)
        shutil.move(written, folder)
        return cost.folder_mb(folder)
