"""The engine on a Dask cluster: one that runs already, or processes of this machine."""

from __future__ import annotations

import logging
import pickle
import secrets
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final

from dlrun.errors import ClusterError
from dlrun.study.engines.attempts import MOST, Attempts
from dlrun.study.engines.cluster import (
    LOST_SECONDS,
    POLL_SECONDS,
    Message,
    Site,
    Started,
    Watch,
    check_gpus,
    check_worker,
    lose,
    n_jobs,
    open_site,
    receive,
    run_job,
)
from dlrun.study.engines.slot import HIDDEN
from dlrun.system.cost import THREAD_VARIABLES, n_threads
from dlrun.system.forced_exit import closing
from dlrun.system.gpus import VISIBLE, deal, visible_gpus
from dlrun.system.lazy import lazy
from dlrun.system.text import first_line

if TYPE_CHECKING:
    from dlrun.contract.dataset import Dataset
    from dlrun.contract.job import Job, OnJobEpoch
    from dlrun.recipe.schema import Execution

distributed = lazy("distributed")

IGNORE_INTERRUPTS: Final = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)"
LOST: Final = (
    "The scheduler of the Dask cluster is lost. What was trained is kept: start the cluster, then "
    "give the same command again"
)
CONNECT_SECONDS: Final = 10

_one_job: Final = threading.Lock()  # at a time in each process: their random numbers are shared


@dataclass
class DaskTask:
    """A task of the cluster that runs a job; `is_started`: a worker has begun it."""

    attempts: Attempts
    future: Any
    is_started: bool = False


class DaskEngine:
    """Runs jobs as tasks of Dask, whose messages are events of the cluster."""

    def __init__(self, client: Any, execution: Execution, site: Site, threads: int | None) -> None:
        """Run jobs on the rows in the site's folder.

        Args:
            client: of the cluster.
            execution: the recipe's section.
            site: of this process.
            threads: of each job; None: as many as its worker has.
        """
        self._client = client
        self._execution = execution
        self._site = site
        self._threads = threads
        self._topic = f"dlrun-{secrets.token_hex(8)}"
        self._received: SimpleQueue[Any] = SimpleQueue()  # events, and keys of ended tasks
        self._running: dict[str, DaskTask] = {}  # by its key
        self._watch = Watch(lambda: len(_workers(client)))
        client.subscribe_topic(self._topic, self._received.put)

    @property
    def n_slots(self) -> int:
        """Return how many jobs run at once: one in each worker process."""
        return n_jobs(self._execution, len(_workers(self._client)))

    def submit(self, number: int, job: Job[Any]) -> None:
        """Start a job.

        Raises:
            UsageError: no worker has the GPUs that a network is to get.
        """
        key = f"{self._topic}-{secrets.token_hex(8)}"
        n_gpus = self._n_gpus() if job.candidate.framework == "tensorflow" else 0.0
        future = self._client.submit(
            _run,
            pickle.dumps(job),
            Letters(self._topic, key),
            self._site,
            self._threads,
            key=key,
            pure=False,
            resources={"GPU": n_gpus} if n_gpus else None,
        )
        self._running[key] = DaskTask(Attempts(number, job), future)
        future.add_done_callback(lambda ended: self._received.put(ended.key))

    def _n_gpus(self) -> float:
        gpus = [each["resources"].get("GPU", 0.0) for each in _workers(self._client)]
        return check_gpus(self._execution, gpus)

    def wait(self, on_epoch: OnJobEpoch) -> tuple[int, Any]:
        """Return number and result of the next job that ends, and pass epochs on meanwhile.

        Raises:
            ClusterError: the cluster is lost.
        """
        while True:
            try:
                received = self._received.get(timeout=POLL_SECONDS)
            except Empty:
                self._watch.check(is_alive=False)
                continue
            self._watch.check(is_alive=True)
            if isinstance(received, str):
                ended = self._running.pop(received)
                return ended.attempts.number, _result(ended)
            _, event = received
            if task := self._running.get(event["key"]):
                _receive(task, pickle.loads(event["message"]), on_epoch)

    def cancel(self) -> None:
        """Cancel the jobs that have not ended."""
        self._client.cancel([task.future for task in self._running.values()], force=True)


def _receive(task: DaskTask, message: Message, on_epoch: OnJobEpoch) -> None:
    """Pass a message on; a second start says that Dask runs the task of a lost worker again."""
    if isinstance(message, Started):
        if task.is_started:
            lose(task.attempts)
        task.is_started = True
    else:
        receive(task.attempts, message, on_epoch)


def _result(task: DaskTask) -> Any:
    """Return the result of a task that has ended.

    Raises:
        ClusterError: the scheduler is lost.
    """
    try:
        return task.future.result()
    except distributed.KilledWorker:
        task.attempts.lose(-signal.SIGKILL)
        return task.attempts.failed()
    except CancelledError as error:
        raise ClusterError(LOST) from error


def _workers(client: Any) -> list[Any]:
    """Return what the scheduler says of each worker.

    Raises:
        ClusterError: the scheduler is lost.
    """
    try:
        return list(client.scheduler_info(n_workers=-1)["workers"].values())
    except OSError as error:
        raise ClusterError(LOST) from error


# ------------------------------------------------------------------------------ in a worker


@dataclass(frozen=True)
class Letters:
    """Sends messages of a task to the driver, in order and before its result."""

    topic: str
    key: str

    def send(self, message: Message) -> None:
        """Send a message from the thread of the task."""
        event = {"key": self.key, "message": pickle.dumps(message)}
        distributed.get_worker().log_event(self.topic, event)


def _run(pickled: bytes, letters: Letters, site: Site, threads: int | None) -> Any:
    with _one_job:
        letters.send(Started())
        check_worker(site)
        n_threads = threads or distributed.get_worker().state.nthreads
        return run_job(pickled, _read_rows(site), site, n_threads, letters.send)


# Not scattered: what Dask scatters is lost with the workers that have it.
@lru_cache(maxsize=1)
def _read_rows(site: Site) -> Dataset:
    dataset: Dataset = pickle.loads(_rows_file(site).read_bytes())
    return dataset


def _rows_file(site: Site) -> Path:
    return site.folder / "rows.pickle"


# ------------------------------------------------------------------------------ the cluster


@contextmanager
def open_dask(execution: Execution, dataset: Dataset, folder: Path) -> Iterator[DaskEngine]:
    """Open the engine on the cluster at `execution.address`, or on processes of this machine.

    A cluster that was started here is ended after the block; any other is left running, without
    the jobs that have not ended.

    Args:
        execution: the recipe's section.
        dataset: all rows of the study.
        folder: of the study's journal; all workers must see it.

    Raises:
        ClusterError: the cluster cannot be started or reached, or has no worker.
    """
    import_module("distributed")  # which sets the levels of its loggers
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # what matters is raised here
    threads = None if execution.address else n_threads(execution.workers)
    with _connected(execution) as client, open_site(folder) as site, _written_rows(site, dataset):
        engine = DaskEngine(client, execution, site, threads)
        try:
            yield engine
        finally:
            engine.cancel()


@contextmanager
def _written_rows(site: Site, dataset: Dataset) -> Iterator[None]:
    """Write the rows once, for every worker that there is or will be."""
    file = _rows_file(site)
    with file.open("wb") as stream:
        pickle.dump(dataset, stream, protocol=pickle.HIGHEST_PROTOCOL)
    try:
        yield
    finally:
        file.unlink(missing_ok=True)


@contextmanager
def _connected(execution: Execution) -> Iterator[Any]:
    with ExitStack() as stack:
        address = execution.address or stack.enter_context(_local_cluster(execution))
        try:
            client = stack.enter_context(distributed.Client(address, timeout=CONNECT_SECONDS))
            client.wait_for_workers(1, timeout=LOST_SECONDS)
        except Exception as error:  # of many kinds: no name, no port, no worker
            message = (
                f"execution.address: no Dask cluster answers at {address}: {first_line(error)}"
            )
            raise ClusterError(message) from error
        yield client
        if execution.address:
            client.run(_read_rows.cache_clear)


@contextmanager
def _local_cluster(execution: Execution) -> Iterator[Any]:
    """Start a cluster of processes on this machine.

    Raises:
        ClusterError: it does not start.
    """
    local = {"host": "127.0.0.1", "dashboard": False, "dashboard_address": ":0"}
    scheduler = {**local, "port": 0, "allowed_failures": MOST - 1}
    try:
        cluster = distributed.SpecCluster(
            scheduler={"cls": distributed.Scheduler, "options": scheduler},
            workers={
                number: {"cls": distributed.Nanny, "options": {**local, **settings}}
                for number, settings in enumerate(_local_workers(execution))
            },
            silence_logs=logging.CRITICAL,
        )
    except Exception as error:
        message = f"Dask could not be started: {first_line(error)}. Take execution.engine: local"
        raise ClusterError(message) from error
    try:
        yield cluster
    finally:
        with closing():  # a running job is waited for, a while
            cluster.close()


def _local_workers(execution: Execution) -> Iterator[dict[str, Any]]:
    """Yield the settings of each worker; as many get GPUs as there are any for."""
    gpus, share = visible_gpus(), execution.gpus_per_trial
    dealt = deal(gpus, share, execution.workers)
    threads = dict.fromkeys(THREAD_VARIABLES, str(n_threads(execution.workers)))
    for number in range(execution.workers):
        has_gpu = number < len(dealt)
        shown = {VISIBLE: dealt[number] if has_gpu else HIDDEN} if gpus else {}
        yield {
            "nthreads": 1,
            "env": threads | shown,
            "resources": {"GPU": share} if has_gpu else {},
            "silence_logs": logging.CRITICAL,
            "memory_limit": 0,  # workers keep no data of Dask's that could be moved to the disk
            "preload": [IGNORE_INTERRUPTS],
        }
