"""A trial: one candidate fitted, scored and weighed on one split."""

from __future__ import annotations

import importlib
import logging
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

from dlrun import cost
from dlrun.contract import Candidate, Cost, Dataset, Epoch, Fitted, OnEpoch, Split, Trial
from dlrun.errors import ExtraError, TrainingError
from dlrun.metrics import score

if TYPE_CHECKING:
    import pandas as pd

    from dlrun.recipe.model import Execution

log = logging.getLogger(__name__)


def run_trial(
    candidate: Candidate,
    dataset: Dataset,
    split: Split,
    *,
    metrics: tuple[str, ...],
    folder: Path,
    on_epoch: OnEpoch,
    save: bool = True,
    threads: int | None = None,
) -> Trial:
    """Fit a candidate on the training rows of a split and score it on the test rows.

    A candidate that cannot be fitted, or needs more memory than there is, makes a trial with an
    `error`, and the study goes on.

    Args:
        candidate: what is fitted.
        dataset: all rows.
        split: which of them train, validate and test.
        metrics: what is scored.
        folder: where the model is put, in place of what is there.
        on_epoch: hears of every epoch of a network.
        save: whether the model is kept, and its size and latency measured; they are about the
            same on every split, and measuring takes longer than a small fit.
        threads: for the numeric libraries; None: one for each core.
    """
    train, validation, test = map(dataset.take, (split.train, split.validation, split.test))
    epochs: list[Epoch] = []

    def remember(epoch: Epoch) -> None:
        epochs.append(epoch)
        on_epoch(epoch)

    try:
        with cost.limited_threads(threads or cost.n_cores()):
            with cost.measure() as spent:
                fitted = candidate.fit(train, validation, seed=split.seed, on_epoch=remember)
            validation_scores = _scores(fitted, validation, metrics)
            predictions = fitted.predict(test.frame)
        return Trial(
            candidate=candidate.name,
            family=candidate.family,
            split=split,
            predictions=predictions,
            scores=score(metrics, predictions, test.truth, test.target),
            validation_scores=validation_scores,
            cost=_cost(fitted, spent, test.frame, folder if save else None),
            epochs=tuple(epochs),
            best_epoch=fitted.best_epoch,
        )
    except TrainingError as error:
        return Trial(candidate.name, candidate.family, split, error=str(error))
    except MemoryError:
        reason = f"{candidate.name}: the memory of this machine does not suffice"
        return Trial(candidate.name, candidate.family, split, error=reason)


def run_trials(
    candidate: Candidate,
    dataset: Dataset,
    splits: Sequence[Split],
    *,
    metrics: tuple[str, ...],
    folder: Path,
    execution: Execution,
) -> Iterator[Trial]:
    """Run a candidate on every split, on the recipe's workers; trials come in the splits' order.

    Each worker gets its share of the cores. The model of the last split is put into the folder.
    """
    import joblib

    threads = max(1, cost.n_cores() // execution.workers)
    # Ray's joblib backend can only give all results at once.
    return_as = "list" if execution.engine == "ray" else "generator"
    with engine(execution):
        yield from joblib.Parallel(return_as=return_as)(
            joblib.delayed(run_trial)(
                candidate,
                dataset,
                split,
                metrics=metrics,
                folder=folder,
                on_epoch=_nobody_hears,
                save=split is splits[-1],
                threads=threads,
            )
            for split in splits
        )


@contextmanager
def engine(execution: Execution) -> Iterator[None]:
    """Make joblib use the recipe's engine within.

    The workers of a cluster must see the same files as this machine.

    Raises:
        ExtraError: the engine's package is not installed.
    """
    import joblib

    if execution.engine == "local":
        threads = max(1, cost.n_cores() // execution.workers)
        with joblib.parallel_config(
            "loky", n_jobs=execution.workers, inner_max_num_threads=threads
        ):
            yield
        return
    package, connect = CLUSTERS[execution.engine]
    try:
        module = importlib.import_module(package)
    except ImportError as error:
        raise ExtraError(package, execution.engine) from error
    # A cluster has as many workers as it has, whatever the recipe says.
    n_jobs = -1 if execution.address else execution.workers
    with connect(module, execution), joblib.parallel_config(execution.engine, n_jobs=n_jobs):
        yield


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


def _nobody_hears(epoch: Epoch) -> None:
    """Take an epoch and do nothing: a classic candidate has none."""


def _scores(fitted: Fitted, part: Dataset, metrics: tuple[str, ...]) -> dict[str, float]:
    return score(metrics, fitted.predict(part.frame), part.truth, part.target)


def _cost(fitted: Fitted, spent: cost.Spent, frame: pd.DataFrame, folder: Path | None) -> Cost:
    one, thousand = cost.latency(fitted, frame) if folder else (None, None)
    return Cost(
        fit_seconds=spent.wall_seconds,
        cpu_seconds=spent.cpu_seconds,
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
