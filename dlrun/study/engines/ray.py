"""The engine on a Ray cluster: one that runs already, or one that is started on this machine."""

from __future__ import annotations

import logging
import os
import pickle
import signal
import socket
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from queue import SimpleQueue
from typing import TYPE_CHECKING, Any, Final

from dlrun.errors import ClusterError, DlrunError, UsageError
from dlrun.study.engines.attempts import Attempts
from dlrun.study.engines.cluster import (
    POLL_SECONDS,
    START_SECONDS,
    Message,
    Site,
    Watch,
    check_gpus,
    lose,
    n_jobs,
    open_site,
    receive,
    run_job,
)
from dlrun.study.engines.messages import JobResult
from dlrun.system.cost import n_threads
from dlrun.system.forced_exit import closing
from dlrun.system.lazy import lazy
from dlrun.system.text import first_line

if TYPE_CHECKING:
    from dlrun.contract.dataset import Dataset
    from dlrun.contract.job import Job, OnJobEpoch
    from dlrun.recipe.schema import Execution

ray = lazy("ray")

CONNECT_SECONDS: Final = 10.0
START_POLL_SECONDS: Final = 0.2
SERVICES: Final = "ray._private.services"
QUIET: Final[Mapping[str, Any]] = {"log_to_driver": False, "configure_logging": False}


@dataclass(frozen=True)
class JobShare:
    """What a job gets of a cluster.

    Attributes:
        n_slots: how many jobs run at once.
        n_cpus: of each, by Ray's count.
        threads: of each, for the numeric libraries.
        n_gpus: of each network.
    """

    n_slots: int
    n_cpus: int
    threads: int
    n_gpus: float


class RayEngine:
    """Runs jobs as tasks of Ray, each of which is a stream of messages, then the result."""

    def __init__(self, dataset: Dataset, site: Site, share: JobShare) -> None:
        """Run jobs on these rows, which every node fetches once."""
        self._rows = ray.put(dataset)
        self._site = site
        self._share = share
        self._running: dict[Any, Attempts] = {}  # by the stream of the task
        self._watch = Watch(_count_nodes)

    @property
    def n_slots(self) -> int:
        """Return how many jobs run at once."""
        return self._share.n_slots

    def submit(self, number: int, job: Job[Any]) -> None:
        """Start a job."""
        self._start(Attempts(number, job))

    def wait(self, on_epoch: OnJobEpoch) -> tuple[int, Any]:
        """Return number and result of the next job that ends, and pass epochs on meanwhile.

        Raises:
            ClusterError: the cluster is lost.
        """
        while True:
            ready, _ = ray.wait(list(self._running), timeout=POLL_SECONDS)
            self._watch.check(is_alive=bool(ready))
            for stream in ready:
                attempts = self._running[stream]
                if result := self._receive(stream, on_epoch):
                    self._running.pop(stream, None)
                    return attempts.number, result.value

    def _start(self, attempts: Attempts) -> None:
        # Ray's own retries go on at the item of the stream that was reached, whatever the second
        # run yields before it; so a job is started again as a new task.
        share, is_network = self._share, attempts.job.candidate.framework == "tensorflow"
        task = ray.remote(
            num_cpus=share.n_cpus,
            num_gpus=share.n_gpus if is_network else 0,
            max_retries=0,
            num_returns="streaming",
        )(_stream)
        stream = task.remote(pickle.dumps(attempts.job), self._rows, self._site, share.threads)
        self._running[stream] = attempts

    def _receive(self, stream: Any, on_epoch: OnJobEpoch) -> JobResult | None:
        """Take the next item of a stream; None where the job goes on."""
        attempts = self._running[stream]
        try:
            item = ray.get(next(stream))
        except ray.exceptions.RayTaskError as error:
            raise error.cause if isinstance(error.cause, DlrunError) else error from None
        except ray.exceptions.RayError:  # the process or its node was lost
            lose(attempts)
            if attempts.is_over:
                return JobResult(attempts.failed())
            del self._running[stream]
            self._start(attempts)
            return None
        if isinstance(item, JobResult):
            return item
        receive(attempts, item, on_epoch)
        return None


def _stream(pickled: bytes, dataset: Dataset, site: Site, threads: int) -> Iterator[Any]:
    """Yield what a job sends, then its result; the job runs in a thread of the worker."""
    sent: SimpleQueue[Message | None] = SimpleQueue()
    with ThreadPoolExecutor(1) as pool:
        job = pool.submit(run_job, pickled, dataset, site, threads, sent.put)
        job.add_done_callback(lambda _: sent.put(None))
        while (message := sent.get()) is not None:
            yield message
        yield JobResult(job.result())


# ------------------------------------------------------------------------------ the cluster


@contextmanager
def open_ray(execution: Execution, dataset: Dataset, folder: Path) -> Iterator[RayEngine]:
    """Open the engine on the cluster at `execution.address`, or on one of this machine.

    A cluster that was started here is ended after the block, any other is left running. Where the
    program is connected to one already, that one is used.

    Args:
        execution: the recipe's section.
        dataset: all rows of the study.
        folder: of the study's journal; all nodes must see it.

    Raises:
        ClusterError: the cluster cannot be started or reached.
        UsageError: no node has the GPUs that a network is to get.
    """
    connected = nullcontext() if ray.is_initialized() else _connected(execution)
    with connected, open_site(folder) as site:
        yield RayEngine(dataset, site, job_share(execution, _nodes()))


@contextmanager
def _connected(execution: Execution) -> Iterator[None]:
    _silence()
    try:
        with _kept_signals():
            _join(execution.address) if execution.address else _start(execution.workers)
        yield
    finally:
        with closing():
            ray.shutdown()


def _join(address: str) -> None:
    """Connect to a running cluster; Ray itself needs minutes to see that none is there.

    Raises:
        ClusterError: there is none.
        UsageError: the address is one of Ray's client.
    """
    if "://" in address:
        message = (
            f"execution.address: {address}: Ray's client cannot stream the epochs of a network. "
            "Run dlrun on a machine of the cluster itself, with address: auto"
        )
        raise UsageError(message)
    try:
        _open_socket(import_module(SERVICES).canonicalize_bootstrap_address(address))
        ray.init(address=address, **QUIET)
    except Exception as error:  # of many kinds: no name, no port, another version
        message = (
            f"execution.address: no Ray cluster answers at {address}: {first_line(error)}. For one "
            "that asks for a token, set RAY_AUTH_MODE=token"
        )
        raise ClusterError(message) from error


def _start(n_workers: int) -> None:
    """Start a cluster on this machine.

    Raises:
        ClusterError: it does not start.
    """
    try:
        with _patient_start():
            ray.init(address="local", num_cpus=n_workers, include_dashboard=False, **QUIET)
    except Exception as error:
        message = (
            f"Ray could not be started: {first_line(error)}. Start it yourself (ray start "
            "--head) and set execution.address: auto, or take execution.engine: local"
        )
        raise ClusterError(message) from error


def _open_socket(place: str) -> None:
    host, _, port = place.rpartition(":")
    socket.create_connection((host, int(port)), timeout=CONNECT_SECONDS).close()


def _silence() -> None:
    """Keep what Ray says of its processes from stderr, and from stdout, which programs read."""
    driver: Any = import_module("ray._private.worker")
    driver._worker_logs_enabled = False
    logging.getLogger("ray").setLevel(logging.CRITICAL)


@contextmanager
def _patient_start() -> Iterator[None]:
    """Wait longer for Ray's start: on a loaded machine it takes more than Ray's own 30 seconds."""
    services: Any = import_module(SERVICES)
    os.environ.setdefault("RAY_gcs_server_port_wait_time_s", str(START_SECONDS))
    deadline, get_node = time.monotonic() + START_SECONDS, services.get_node

    def get_node_in_time(*where: Any) -> Any:
        while True:
            try:
                return get_node(*where)
            except RuntimeError:  # it has not registered yet
                if time.monotonic() > deadline:
                    raise
                time.sleep(START_POLL_SECONDS)

    services.get_node = get_node_in_time
    try:
        yield
    finally:
        services.get_node = get_node


@contextmanager
def _kept_signals() -> Iterator[None]:
    """Keep the handler of SIGTERM, which Ray's start replaces."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)


def _nodes() -> list[dict[str, float]]:
    """Return the resources of every node that is alive."""
    return [node["Resources"] for node in ray.nodes() if node["Alive"]]


def _count_nodes() -> int:
    """Count the nodes with a CPU; an OSError says that the cluster does not answer."""
    _open_socket(ray.get_runtime_context().gcs_address)  # Ray itself would wait for a minute
    return sum(node.get("CPU", 0) >= 1 for node in _nodes())


def job_share(execution: Execution, nodes: Sequence[Mapping[str, float]]) -> JobShare:
    """Return what each job gets of the nodes; where they run already, one CPU, or an equal part.

    Raises:
        UsageError: no node has the GPUs that a network is to get.
    """
    n_gpus = check_gpus(execution, [node.get("GPU", 0.0) for node in nodes])
    if execution.address is None:
        return JobShare(execution.workers, 1, n_threads(execution.workers), n_gpus)
    cpus = [int(node.get("CPU", 0)) for node in nodes]
    n_slots = n_jobs(execution, sum(cpus))
    n_cpus = max(1, min(sum(cpus) // n_slots, max(cpus, default=1)))
    return JobShare(n_slots, n_cpus, n_cpus, n_gpus)
