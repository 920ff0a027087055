"""The worker's side of a cluster: the driver's surroundings, and what a job sends meanwhile."""

from __future__ import annotations

import logging
import os
import pickle
import platform
import secrets
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from logging.handlers import QueueHandler
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final

from dlrun.contract.candidate import Epoch
from dlrun.errors import ClusterError, UsageError
from dlrun.study.engines.attempts import Attempts
from dlrun.system import environment
from dlrun.system.cost import OWN_CHOICE, THREAD_VARIABLES, user_threads

if TYPE_CHECKING:
    from dlrun.contract.dataset import Dataset
    from dlrun.contract.job import Job, OnJobEpoch
    from dlrun.recipe.schema import Execution

log = logging.getLogger(__name__)

JOB_VERSIONS: Final = (
    "python", "dlrun", "numpy", "pandas", "scipy", "scikit-learn", "tensorflow", "keras",
)  # fmt: skip
"""The result of a job depends on these."""
START_SECONDS: Final = 180  # Ray takes up to 40 s on a loaded machine
LOST_SECONDS: Final = 30.0  # without any worker; a nanny starts one in less
POLL_SECONDS: Final = 1.0


@dataclass(frozen=True)
class Started:
    """A worker begins a job; once more where another was lost."""


Message = Started | Epoch | logging.LogRecord
Send = Callable[[Message], None]


class Abandoned(BaseException):
    """The driver is gone: nobody waits for the job. No candidate catches it as an error."""


@dataclass(frozen=True)
class Site:
    """Where the driver works, which every worker must see as well. Picklable.

    Attributes:
        folder: of the study's journal.
        token: the text of a file in it, as long as the driver works.
        working_folder: the recipe's paths may be relative to it.
        import_path: where the user's modules are found.
        versions: of `JOB_VERSIONS`, in pairs.
        threads: that the user has set, by OMP_NUM_THREADS.
    """

    folder: Path
    token: str
    working_folder: Path
    import_path: tuple[str, ...]
    versions: tuple[tuple[str, str], ...]
    threads: int | None

    @property
    def token_file(self) -> Path:
        """Return the file of the token."""
        return self.folder / "driver.token"

    def has_driver(self) -> bool:
        """Return whether the driver still works."""
        try:
            return self.token_file.read_text(encoding="ascii") == self.token
        except OSError:
            return False


@contextmanager
def open_site(folder: Path) -> Iterator[Site]:
    """Yield the site of this process; after the block, its workers see that it is gone.

    Args:
        folder: of the study's journal, in which the token is written.
    """
    folder = folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    path = tuple(str(Path(each).resolve()) for each in sys.path)
    site = Site(
        folder, secrets.token_hex(), Path.cwd(), path, tuple(_versions().items()), user_threads()
    )
    site.token_file.write_text(site.token, encoding="ascii")
    try:
        yield site
    finally:
        site.token_file.unlink(missing_ok=True)


def _versions() -> dict[str, str]:
    known = {"python": platform.python_version(), **environment.versions()}
    return {name: number for name, number in known.items() if name in JOB_VERSIONS}


# ------------------------------------------------------------------------------ in a worker


def run_job(pickled: bytes, dataset: Dataset, site: Site, threads: int, send: Send) -> Any:
    """Run a job in this process, as the driver would, and return its result.

    Args:
        pickled: the job; it may need modules that only the site's import path has.
        dataset: all rows of the study.
        site: of the driver.
        threads: for the numeric libraries.
        send: called with what the driver is to know meanwhile.

    Raises:
        UsageError: the worker does not see the driver's files, or has other versions.
        Abandoned: the driver is gone.
    """
    check_worker(site)
    set_threads(site.threads or threads, is_users=site.threads is not None)
    sys.path += [each for each in site.import_path if each not in sys.path]

    def on_epoch(epoch: Epoch) -> bool:
        if not site.has_driver():
            raise Abandoned
        send(epoch)
        return True

    with chdir(site.working_folder), _sent_log(send):
        job: Job[Any] = pickle.loads(pickled)
        return job.run(dataset, on_epoch, threads=site.threads or threads)


@lru_cache(maxsize=1)
def check_worker(site: Site) -> None:
    """Check that this process sees the driver's files and has the same versions, once.

    Raises:
        UsageError: it does not.
    """
    here = f"the worker on {socket.gethostname()}"
    if not site.has_driver() or not site.working_folder.is_dir():
        missing = site.working_folder if site.has_driver() else site.folder
        message = (
            f"{here} does not see {missing} as this machine does. All need the same files: put the "
            "recipe's folder and DLRUN_CACHE_DIR on a file system that they share"
        )
        raise UsageError(message)
    own = _versions()
    differing = [
        f"{name} {own.get(name, 'is missing')} instead of {number}"
        for name, number in site.versions
        if own.get(name) != number
    ]
    if differing:
        message = f"{here} has {', '.join(differing)}. All need the same versions"
        raise UsageError(message)


def set_threads(threads: int, *, is_users: bool) -> None:
    """Set the threads of the numeric libraries that are not imported yet, as `pin_threads`."""
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(threads)))
    os.environ.setdefault("GOMP_SPINCOUNT", "20000")
    os.environ.pop(OWN_CHOICE, None)
    if not is_users:
        os.environ[OWN_CHOICE] = "1"


class _RecordSender(QueueHandler):
    """Sends what is logged to the driver, whose user reads it."""

    def __init__(self, send: Send) -> None:
        super().__init__(SimpleQueue())
        self._send = send

    def enqueue(self, record: logging.LogRecord) -> None:
        """Send a record that `prepare` has made picklable."""
        self._send(record)


@contextmanager
def _sent_log(send: Send) -> Iterator[None]:
    handler, root = _RecordSender(send), logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)


# ------------------------------------------------------------------------------ in the driver


def receive(attempts: Attempts, message: Message, on_epoch: OnJobEpoch) -> None:
    """Pass on what a worker sends: an epoch, or what it has logged."""
    if isinstance(message, Epoch):
        attempts.pass_on(message, on_epoch)
    elif isinstance(message, logging.LogRecord):
        logging.getLogger(message.name).handle(message)


def lose(attempts: Attempts) -> None:
    """Record that the worker of a job was lost, most likely killed."""
    attempts.lose(-signal.SIGKILL)
    if not attempts.is_over:
        log.warning("%s: its worker was lost, and it is run again", attempts.job.candidate.name)


class Watch:
    """Notices that no worker is left."""

    def __init__(self, count_workers: Callable[[], int]) -> None:
        """Count workers by a function whose OSError says that the cluster does not answer."""
        self._count_workers = count_workers
        self._last_seen = time.monotonic()

    def check(self, *, is_alive: bool) -> None:
        """Check that there was a worker lately.

        Args:
            is_alive: whether a worker has just sent something.

        Raises:
            ClusterError: there was none for `LOST_SECONDS`.
        """
        now = time.monotonic()
        if is_alive or self._find_workers():
            self._last_seen = now
        elif now - self._last_seen > LOST_SECONDS:
            message = (
                f"The cluster has had no worker for {LOST_SECONDS:.0f} seconds. What was trained "
                "is kept: start workers, then give the same command again"
            )
            raise ClusterError(message)

    def _find_workers(self) -> bool:
        try:
            return self._count_workers() > 0
        except OSError:
            return False


def n_jobs(execution: Execution, most: int) -> int:
    """Return how many jobs run at once on a cluster that runs already.

    Args:
        execution: the recipe's section; where it has `workers`, there are no more jobs.
        most: as many as the cluster can run.
    """
    is_set = "workers" in execution.model_fields_set
    return max(1, min(most, execution.workers) if is_set else most)


def check_gpus(execution: Execution, gpus: Sequence[float]) -> float:
    """Return the GPUs that a network gets: none on a cluster without any.

    Args:
        execution: the recipe's section.
        gpus: of every node or worker.

    Raises:
        UsageError: none has as many as a network is to get, which would wait for ever.
    """
    most, wanted = max(gpus, default=0.0), execution.gpus_per_trial
    if 0 < most < wanted:
        message = (
            f"execution.gpus_per_trial: a network is to get {wanted:g} GPUs, and the largest "
            f"worker of the cluster has {most:g}. Lower it"
        )
        raise UsageError(message)
    return wanted if most else 0.0
