"""Several workers that train one network together, led by the chief.

Only the chief tracks, scores and saves. Before each training it says which comes next; in a
training it says what an epoch was worth and where a checkpoint left off, so that the workers can
never disagree on when to stop. Whatever it says goes the way of the gradients: a sum over all
workers to which it alone contributes.

The training loop is dlrun's own, so that nothing here rests on Keras' private API.
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
from dlrun.errors import ClusterError, UsageError
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
    """Which training comes next.

    Attributes:
        candidate: its position among the networks; -1 when the study is over.
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

    member: Worker
    strategy: Any

    def total(self, array: Any) -> NDArray[Any]:
        """Add up the arrays of all workers; each must call this, with the same shape.

        Raises:
            ClusterError: a worker is lost.
        """
        own = np.asarray(array)
        with deferred_signals(), lost_workers():
            summed = self._add(tf.constant(own.ravel(), tf.float64)).numpy()
        return np.asarray(summed).astype(own.dtype).reshape(own.shape)

    def from_chief(self, array: Any) -> NDArray[Any]:
        """Return the chief's array, of the same shape and dtype as the one given here.

        Whole numbers up to 2^53 and floats come out as they went in.
        """
        own = np.asarray(array)
        return self.total(own if self.member.is_chief else np.zeros_like(own))

    def agree(self, what: str) -> None:
        """Make sure that all workers were started alike.

        Args:
            what: names the recipe, the data and the versions.

        Raises:
            UsageError: not all give the same text.
        """
        own = np.frombuffer(hashlib.sha256(what.encode()).digest(), dtype=np.uint8)
        differs = bool((own != self.from_chief(own)).any())
        n_others = int(self.total(np.int64(differs)))
        if n_others:
            message = (
                f"{n_others} of {self.member.n_workers} workers differ from the chief in the "
                "recipe, the data, the splits or the versions of the libraries. Start all with "
                "the same command, on the same files"
            )
            raise UsageError(message)

    def announce(self, place: TrainingTask) -> None:
        """Tell the others what comes next; called by the chief."""
        self.from_chief(np.array(place, np.int64))

    def places(self) -> Iterator[TrainingTask]:
        """Hear from the chief what comes next, until the study is over."""
        while True:
            candidate, is_retraining, number = map(int, self.from_chief(np.array(END, np.int64)))
            if candidate < 0:
                return
            yield TrainingTask(candidate, bool(is_retraining), number)

    def measure(self, measure: Callable[[], dict[str, float]]) -> dict[str, float]:
        """Let the chief measure, and tell all what it found."""
        found = measure() if self.member.is_chief else {}
        told: dict[str, float] = json.loads(self._text(json.dumps(found)))
        return told

    def resume(self, progress: TrainerState, variables: Sequence[Any]) -> TrainerState:
        """Put every worker where the chief's checkpoint left off, if there is one."""
        notes = json.loads(self._text(json.dumps(to_notes(progress))))
        told = from_notes(notes, self._arrays(progress.best_weights))
        if told.is_begun:
            for variable in variables:
                variable.assign(self.from_chief(variable.value))
        return told

    def _arrays(self, arrays: Sequence[Any]) -> list[Any]:
        kinds = [(each.shape, str(each.dtype)) for each in arrays]
        own = [np.zeros(*kind) for kind in json.loads(self._text(json.dumps(kinds)))]
        own = list(arrays) if self.member.is_chief else own
        return [self.from_chief(each) for each in own]

    def _text(self, text: str) -> str:
        own = text.encode()
        length = int(self.from_chief(np.int64(len(own))))
        padded = own if self.member.is_chief else bytes(length)
        return self.from_chief(np.frombuffer(padded, dtype=np.uint8)).tobytes().decode()

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
def team() -> CollectiveGroup:
    """Return the workers that this process has joined."""
    member = this_worker()
    if member is None:
        message = "this process has joined no others"
        raise RuntimeError(message)
    return CollectiveGroup(member, joint)


@contextmanager
def lost_workers() -> Iterator[None]:
    """Turn what ends the work of all into a ClusterError: one is gone, or this one cannot go on.

    A failure of one device is not a failed trial here: the others wait for this worker in the
    middle of a step.
    """
    try:
        yield
    except MemoryError as error:
        message = f"the memory of this machine does not suffice. {AGAIN}"
        raise ClusterError(message) from error
    except GONE as error:
        message = f"{_who(error)} is lost, and nothing goes on without it. {AGAIN}"
        raise ClusterError(message) from error
    except tf.errors.OpError as error:
        message = f"this worker cannot go on: {_last_line(error)}. {AGAIN}"
        raise ClusterError(message) from error


def _who(error: Any) -> str:
    """Say which worker is gone, as far as TensorFlow knows."""
    numbers = set(LOST.findall(str(error.message)))
    return f"worker {numbers.pop()}" if len(numbers) == 1 else "a worker"


def _last_line(error: Any) -> str:
    lines = [line.strip() for line in str(error.message).splitlines()]
    told = [line for line in lines if line and not line.startswith("[[")]
    return told[-1] if told else type(error).__name__
