"""The engine of a study: what runs its jobs, in this process or in others."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from dlrun.contract.candidate import Epoch
from dlrun.contract.dataset import Dataset
from dlrun.contract.job import Job, OnJobEpoch
from dlrun.errors import ExtraError
from dlrun.study.engines.dask import open_dask
from dlrun.study.engines.local import open_local
from dlrun.study.engines.ray import open_ray

if TYPE_CHECKING:
    from dlrun.recipe.schema import Execution

Announce = Callable[[Any], None]


class Engine(Protocol):
    """Runs the jobs of a study: several at once, or one after the other."""

    @property
    def n_slots(self) -> int:
        """Return how many jobs run at once."""

    def submit(self, number: int, job: Job[Any]) -> None:
        """Start a job; at most `n_slots` run at once."""

    def wait(self, on_epoch: OnJobEpoch) -> tuple[int, Any]:
        """Return number and result of the next job that ends; its epochs are passed on meanwhile.

        An error that is not part of a job's result, such as a bug, is raised here.
        """


class InProcess:
    """Runs one job at a time in this process, while its result is waited for."""

    n_slots = 1

    def __init__(self, dataset: Dataset, announce: Announce) -> None:
        """Run jobs on these rows; networks are announced to the processes that train them too."""
        self._dataset = dataset
        self._announce = announce
        self._jobs: list[tuple[int, Job[Any]]] = []

    def submit(self, number: int, job: Job[Any]) -> None:
        """Run this job next."""
        self._jobs.append((number, job))

    def wait(self, on_epoch: OnJobEpoch) -> tuple[int, Any]:
        """Run the job."""
        number, job = self._jobs.pop()

        def pass_on(epoch: Epoch) -> bool:
            on_epoch(number, epoch)
            return True

        if job.candidate.framework == "tensorflow":
            self._announce(job)
        return number, job.run(self._dataset, pass_on, threads=None)


def open_engine(
    execution: Execution, dataset: Dataset, folder: Path, announce: Announce
) -> AbstractContextManager[Engine]:
    """Open the recipe's engine, once for all jobs of a study; no process outlives the block.

    Args:
        execution: the recipe's section.
        dataset: all rows of the study, which jobs run on.
        folder: of the study's journal, which the workers of a cluster must see.
        announce: called with a network's job before it runs in this process.
    """
    if execution.is_in_process:
        return nullcontext(InProcess(dataset, announce))
    return OPENERS[execution.engine](execution, dataset, folder)


def check_engine(execution: Execution) -> None:
    """Check that the package of the recipe's engine is installed.

    Raises:
        ExtraError: it is not.
    """
    package = PACKAGES.get(execution.engine)
    if package is None:
        return
    try:
        importlib.import_module(package)
    except ImportError as error:
        raise ExtraError(package, execution.engine) from error


def _open_local(
    execution: Execution, dataset: Dataset, _folder: Path
) -> AbstractContextManager[Engine]:
    return open_local(execution, dataset)


Opener = Callable[["Execution", Dataset, Path], AbstractContextManager[Engine]]
OPENERS: Final[Mapping[str, Opener]] = {
    "local": _open_local, "ray": open_ray, "dask": open_dask,
}  # fmt: skip
PACKAGES: Final[Mapping[str, str]] = {"ray": "ray", "dask": "dask.distributed"}
