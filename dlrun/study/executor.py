"""Trials on several workers: processes of this machine, or a Ray or Dask cluster."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any, Final

from joblib import Parallel, delayed, parallel_config

from dlrun.contract.dataset import Dataset
from dlrun.contract.trial import Trial
from dlrun.errors import ExtraError
from dlrun.study.trial import TrialTask, run_trial
from dlrun.system import cost

if TYPE_CHECKING:
    from dlrun.recipe.schema import Execution

KILLED: Final = (
    "{name}: its process was killed, most likely for lack of memory. "
    "Lower execution.workers, or take fewer rows: data.max_rows"
)


def run_trials(
    tasks: Sequence[TrialTask], dataset: Dataset, execution: Execution
) -> Iterator[Trial]:
    """Run trials on the recipe's workers and yield them in the tasks' order.

    Each worker gets its share of the cores. When one is killed, the trials that have not ended
    fail; the study goes on.
    """
    threads = cost.n_threads(execution.workers)
    calls = [delayed(run_trial)(task, dataset, threads=threads) for task in tasks]
    # Ray's joblib backend can only return all results at once.
    return_as = "list" if execution.engine == "ray" else "generator"
    n_done = 0
    try:
        with engine(execution):
            for trial in Parallel(return_as=return_as)(calls):
                yield trial
                n_done += 1
    except BrokenProcessPool:
        for task in tasks[n_done:]:
            yield task.failed(KILLED.format(name=task.candidate.name))


@contextmanager
def engine(execution: Execution) -> Iterator[None]:
    """Make joblib use the recipe's engine within.

    The workers of a cluster must see the same files as this machine.

    Raises:
        ExtraError: the engine's package is not installed.
    """
    if execution.engine == "local":
        threads = cost.n_threads(execution.workers)
        with parallel_config("loky", n_jobs=execution.workers, inner_max_num_threads=threads):
            yield
        return
    module, connect = _import_engine(execution.engine), CLUSTERS[execution.engine][1]
    # A cluster that is running already decides how many workers there are.
    n_jobs = -1 if execution.address else execution.workers
    with connect(module, execution), parallel_config(execution.engine, n_jobs=n_jobs):
        yield


def check_engine(execution: Execution) -> None:
    """Check that the package of the recipe's engine is installed.

    Raises:
        ExtraError: it is not.
    """
    if execution.engine != "local":
        _import_engine(execution.engine)


def _import_engine(engine: str) -> Any:
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
    local = {"n_workers": execution.workers, "threads_per_worker": 1, "dashboard_address": None}
    settings = {"address": execution.address} if execution.address else local
    with distributed.Client(**settings):
        yield


CLUSTERS: Final[Mapping[str, tuple[str, Callable[..., AbstractContextManager[None]]]]] = {
    "ray": ("ray", _connect_ray),
    "dask": ("dask.distributed", _connect_dask),
}
