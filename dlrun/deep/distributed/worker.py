"""One process among several that train together: which of them it is, and how they connect.

TensorFlow is not imported before `start`: the first worker, the chief, fits the classic candidates
first, and the others wait for it in Python, where Ctrl-C works.
"""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Final

from dlrun.catalog.strategies import STRATEGIES
from dlrun.errors import ClusterError, RecipeError, UsageError
from dlrun.recipe.schema import Recipe

VARIABLE: Final = "TF_CONFIG"
JOBS: Final = ("chief", "worker")
POLL_SECONDS: Final = 0.2
CONNECT_SECONDS: Final = 2.0


@dataclass(frozen=True)
class Worker:
    """A worker among all.

    Attributes:
        index: of this process; 0 is the chief.
        workers: host:port of each; empty under Slurm until TensorFlow has read them.
    """

    index: int
    n_workers: int
    workers: tuple[str, ...] = ()

    @property
    def is_chief(self) -> bool:
        """Say whether this process leads the study."""
        return self.index == 0

    def start(self, tf: Any) -> Any:
        """Connect to the others and make the strategy over all, before TensorFlow has run.

        Raises:
            ClusterError: the workers cannot be joined.
        """
        workers = self.workers or _read_slurm(tf)
        try:
            self._connect(workers)
            spec = {"worker": list(workers)}
            task = {"type": "worker", "index": self.index}
            os.environ[VARIABLE] = json.dumps({"cluster": spec, "task": task})
            return tf.distribute.MultiWorkerMirroredStrategy()
        except (OSError, RuntimeError, ValueError, tf.errors.OpError) as error:
            message = f"worker {self.index}, {workers[self.index]}: cannot join the others: {error}"
            raise ClusterError(message) from error

    def _connect(self, workers: tuple[str, ...]) -> None:
        """Wait: the chief until all others listen, these until the TensorFlow of the chief does."""
        if self.is_chief:
            for worker in workers[1:]:
                _wait_for(worker)
            return
        with ExitStack() as stack:
            port = int(workers[self.index].rpartition(":")[2])
            stack.enter_context(socket.create_server(("", port), backlog=128))
            _wait_for(workers[0])


_joined: list[Worker] = []  # TensorFlow allows one cluster in the life of a process


def join_worker(worker: Worker) -> None:
    """Make this process a worker; before TensorFlow is imported."""
    _joined[:] = [worker]


def this_worker() -> Worker | None:
    """Return this process as a worker; None where it works alone."""
    return _joined[0] if _joined else None


def find_worker(
    recipe: Recipe, workers: str | None, index: int | None, environment: Mapping[str, str]
) -> Worker | None:
    """Return which of several workers of a recipe this process is; None where it works alone.

    Args:
        recipe: whose strategies may require workers, or be unable to use them.
        workers: host:port of each, with commas; None: as the environment says.
        index: of this process among `workers`.
        environment: TF_CONFIG, or what srun sets.

    Raises:
        UsageError: the workers or the index are invalid.
        RecipeError: a strategy does not fit the workers.
    """
    strategies: set[str] = {training.strategy for training in recipe.trainings}
    worker = (
        _from_options(workers, index)
        or from_tf_config(environment)
        or ("multi_worker" in strategies and _from_slurm(environment))
        or None
    )
    if worker is None or worker.n_workers == 1:
        if "multi_worker" in strategies:
            raise RecipeError(_alone(recipe))
        return None
    _check(recipe, worker, strategies)
    return worker


def _from_options(workers: str | None, index: int | None) -> Worker | None:
    if workers is None and index is None:
        return None
    if workers is None or index is None:
        message = "--workers and --index belong together: --workers host1:port,host2:port --index 0"
        raise UsageError(message)
    return _make_worker("--workers", tuple(workers.split(",")), index, "--index")


def from_tf_config(environment: Mapping[str, str]) -> Worker | None:
    """Read the workers and this one from TF_CONFIG; None where it names no cluster.

    Raises:
        UsageError: it cannot be read.
    """
    text = environment.get(VARIABLE)
    if not text:
        return None
    try:
        config = json.loads(text)
        cluster = config.get("cluster", {})
        if not cluster:
            return None
        job, number = config["task"]["type"], int(config["task"]["index"])
        workers = tuple(worker for name in JOBS for worker in cluster.get(name, ()))
        before = len(cluster.get("chief", ())) if job == "worker" else 0
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        message = (
            f"{VARIABLE} is {text!r}, which cannot be read. It looks like "
            '{"cluster": {"worker": ["host1:port", "host2:port"]}, '
            '"task": {"type": "worker", "index": 0}}'
        )
        raise UsageError(message) from error
    others = [name for name in cluster if name not in JOBS]
    if others or job not in JOBS:
        message = (
            f"{VARIABLE} names the job {(others or [job])[0]!r}. Allowed: chief and worker; "
            "every worker trains"
        )
        raise UsageError(message)
    return _make_worker(VARIABLE, workers, before + number, "its task's index")


def _from_slurm(environment: Mapping[str, str]) -> Worker | None:
    try:
        return Worker(int(environment["SLURM_PROCID"]), int(environment["SLURM_STEP_NUM_TASKS"]))
    except (KeyError, ValueError):
        return None


def _make_worker(where: str, workers: tuple[str, ...], index: int, what: str) -> Worker:
    for worker in workers:
        host, _, port = worker.rpartition(":")
        if not host or not port.isdigit():
            message = f"{where}: {worker!r} is not a worker. It looks like host:port"
            raise UsageError(message)
    if len(set(workers)) < len(workers):
        message = f"{where}: {','.join(workers)} names a worker twice. Give each a port of its own"
        raise UsageError(message)
    if not 0 <= index < len(workers):
        message = (
            f"{where} names {len(workers)} workers, and {what} is {index}. "
            f"Allowed: 0 (the chief) to {len(workers) - 1}"
        )
        raise UsageError(message)
    return Worker(index, len(workers), workers)


def _check(recipe: Recipe, worker: Worker, strategies: set[str]) -> None:
    if not any(STRATEGIES[name].joins_workers for name in strategies):
        asked = " and ".join(sorted(strategies)) or "no network"
        message = (
            f"{recipe.at('training.strategy')}: there are {worker.n_workers} workers, and the "
            f"recipe has {asked}, for which one process is enough. Choose auto or multi_worker, "
            f"or start a single process without --workers and {VARIABLE}"
        )
        raise RecipeError(message)
    for training in recipe.trainings:
        size = training.batch_size
        joins = STRATEGIES[training.strategy].joins_workers
        if joins and size != "auto" and size < worker.n_workers:
            message = (
                f"{recipe.at('training.batch_size')}: {size} rows cannot be shared by "
                f"{worker.n_workers} workers. Make it {worker.n_workers} or more, or take auto"
            )
            raise RecipeError(message)


def _alone(recipe: Recipe) -> str:
    return (
        f"{recipe.at('training.strategy')}: multi_worker, but this is one process alone: there are "
        f"no --workers, no {VARIABLE} that names several, and no Slurm step of several tasks. "
        f"To try it out here: dlrun launch -n 2 {recipe.file.name}"
    )


def _read_slurm(tf: Any) -> tuple[str, ...]:
    """Let TensorFlow read the hosts of the step, and assign GPUs to each task if there are any."""
    resolver = tf.distribute.cluster_resolver.SlurmClusterResolver
    try:
        try:
            spec = resolver().cluster_spec()
        except (OSError, RuntimeError, ValueError):  # no GPUs, or Slurm has assigned them itself
            plenty = {"gpus_per_node": 1024, "gpus_per_task": 1, "auto_set_gpu": False}
            spec = resolver(**plenty).cluster_spec()
    except (RuntimeError, ValueError) as error:
        message = f"Slurm's environment cannot be read: {error}. Start the workers with srun"
        raise ClusterError(message) from error
    return tuple(spec.as_dict()["worker"])


def _wait_for(worker: str) -> None:
    """Wait until something listens at host:port, however long that takes."""
    host, _, port = worker.rpartition(":")
    while True:
        try:
            socket.create_connection((host, int(port)), CONNECT_SECONDS).close()
        except OSError:
            time.sleep(POLL_SECONDS)
        else:
            return
