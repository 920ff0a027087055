"""Several workers that train one network together, led by the chief.

Only the chief tracks, scores and saves. It broadcasts which training comes next, the scores of an
epoch, and the state in a checkpoint, so that the workers never disagree on when to stop. A
broadcast is an all-reduce, as of gradients: a sum over all workers to which the chief alone
contributes.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dlrun.deep.backend import joint, tf
from dlrun.deep.distributed.worker import Worker, this_worker
from dlrun.deep.training.checkpoint import TrainerState, from_notes, to_notes
from dlrun.errors import ClusterError, DataError, UsageError
from dlrun.system.signals import deferred_signals

LOST: Final = re.compile(r"/job:worker/(?:replica:\d+/)?task:(\d+)")
GONE: Final = (
    tf.errors.UnavailableError,
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
)
AGAIN: Final = (
    "Start all workers again with the same commands: the study goes on at its last checkpoint"
)


class TrainingTask(NamedTuple):
    """A training of the study.

    Attributes:
        candidate: its position among the networks; -1 at the end of the study.
        is_retraining: whether it is under a retraining condition.
        number: of the split, or of the condition.
    """

    candidate: int
    is_retraining: bool
    number: int


END: Final = TrainingTask(-1, False, 0)


@dataclass(frozen=True)
class CollectiveGroup:
    """The workers, seen from one of them.

    Attributes:
        strategy: of tf.distribute, over the devices of all.
    """

    worker: Worker
    strategy: Any

    def all_reduce(self, array: Any) -> NDArray[Any]:
        """Sum the arrays of all workers; each must call this, with the same shape.

        Raises:
            ClusterError: a worker is lost.
        """
        own = np.asarray(array)
        with deferred_signals(), cluster_errors():
            summed = self._add(tf.constant(own.ravel(), tf.float64)).numpy()
        return np.asarray(summed).astype(own.dtype).reshape(own.shape)

    def broadcast(self, array: Any) -> NDArray[Any]:
        """Return the chief's array, of the same shape and dtype as the one given here.

        Exact for floats and for whole numbers up to 2^53.
        """
        own = np.asarray(array)
        return self.all_reduce(own if self.worker.is_chief else np.zeros_like(own))

    def check_same_config(self, config: str) -> None:
        """Check that all workers were started alike.

        Args:
            config: names the recipe, the data and the versions.

        Raises:
            UsageError: not all give the same text.
        """
        own = np.frombuffer(hashlib.sha256(config.encode()).digest(), dtype=np.uint8)
        differs = bool((own != self.broadcast(own)).any())
        n_others = int(self.all_reduce(np.int64(differs)))
        if n_others:
            message = (
                f"{n_others} of {self.worker.n_workers} workers differ from the chief in the "
                "recipe, the data, the splits or the versions of the libraries. Start all with "
                "the same command, on the same files"
            )
            raise UsageError(message)

    def broadcast_task(self, task: TrainingTask) -> None:
        """Send the next training to the others; called by the chief."""
        self.broadcast(np.array(task, np.int64))

    def receive_tasks(self) -> Iterator[TrainingTask]:
        """Yield the trainings that the chief broadcasts, to the end of the study."""
        while True:
            candidate, is_retraining, number = map(int, self.broadcast(np.array(END, np.int64)))
            if candidate < 0:
                return
            yield TrainingTask(candidate, bool(is_retraining), number)

    def evaluate(self, evaluate: Callable[[], dict[str, float]]) -> dict[str, float]:
        """Return the scores that the chief computes."""
        own = evaluate() if self.worker.is_chief else {}
        scores: dict[str, float] = json.loads(self._broadcast_text(json.dumps(own)))
        return scores

    def resume(self, own: TrainerState, variables: Sequence[Any]) -> TrainerState:
        """Restore the chief's checkpoint on every worker, if there is one."""
        notes = json.loads(self._broadcast_text(json.dumps(to_notes(own))))
        state = from_notes(notes, self._broadcast_arrays(own.best_weights))
        if state.is_begun:
            for variable in variables:
                variable.assign(self.broadcast(variable.value))
        return state

    def _broadcast_arrays(self, arrays: Sequence[Any]) -> list[Any]:
        specs = [(each.shape, str(each.dtype)) for each in arrays]
        own = [np.zeros(*spec) for spec in json.loads(self._broadcast_text(json.dumps(specs)))]
        own = list(arrays) if self.worker.is_chief else own
        return [self.broadcast(each) for each in own]

    def _broadcast_text(self, text: str) -> str:
        own = text.encode()
        length = int(self.broadcast(np.int64(len(own))))
        padded = own if self.worker.is_chief else bytes(length)
        return self.broadcast(np.frombuffer(padded, dtype=np.uint8)).tobytes().decode()

    @cached_property
    def _add(self) -> Any:
        n_devices = len(self.strategy.extended.worker_devices)

        def share(value: Any) -> Any:
            context = tf.distribute.get_replica_context()
            is_first = context.replica_id_in_sync_group % n_devices == 0
            own = tf.where(is_first, value, tf.zeros_like(value))
            return context.all_reduce(tf.distribute.ReduceOp.SUM, own)

        def add(value: Any) -> Any:
            summed = self.strategy.run(share, args=(value,))
            return self.strategy.experimental_local_results(summed)[0]

        signature = [tf.TensorSpec([None], tf.float64)]
        return tf.function(add, input_signature=signature, autograph=False)


@cache
def worker_group() -> CollectiveGroup:
    """Return the workers that this process has joined."""
    worker = this_worker()
    if worker is None:
        message = "this process has joined no others"
        raise RuntimeError(message)
    return CollectiveGroup(worker, joint)


@contextmanager
def cluster_errors() -> Iterator[None]:
    """Turn the loss of a worker, or a failure of this one, into a ClusterError.

    A failed device is no failed trial here, nor are rows that this worker alone cannot read: the
    others wait for it within a step.
    """
    try:
        yield
    except DataError as error:
        message = f"this worker cannot go on: {error}. {AGAIN}"
        raise ClusterError(message) from error
    except MemoryError as error:
        message = f"the memory of this machine does not suffice. {AGAIN}"
        raise ClusterError(message) from error
    except GONE as error:
        message = f"{_lost_worker(error)} is lost, and nothing goes on without it. {AGAIN}"
        raise ClusterError(message) from error
    except tf.errors.OpError as error:
        message = f"this worker cannot go on: {_last_line(error)}. {AGAIN}"
        raise ClusterError(message) from error


def _lost_worker(error: Any) -> str:
    """Name the lost worker, if TensorFlow knows it."""
    numbers = set(LOST.findall(str(error.message)))
    return f"worker {numbers.pop()}" if len(numbers) == 1 else "a worker"


def _last_line(error: Any) -> str:
    lines = [line.strip() for line in str(error.message).splitlines()]
    reasons = [line for line in lines if line and not line.startswith("[[")]
    return reasons[-1] if reasons else type(error).__name__
