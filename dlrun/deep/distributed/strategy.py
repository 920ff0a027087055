"""Devices: what a network is trained on, and in which precision."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any, Final

from dlrun.deep.backend import joint, keras, tf
from dlrun.errors import TrainingError
from dlrun.recipe.training import Training

BFLOAT16_FROM: Final = (8, 0)  # compute capability of Ampere
FLOAT16_FROM: Final = (7, 0)  # of Volta


def choose_strategy(name: str) -> Any:
    """Choose the devices of a training.

    auto takes all workers if this process is one of several, else all GPUs of the machine if
    there are several, else one device. On one device no strategy is used: TensorFlow's own for it
    makes small networks two to four times slower.

    Args:
        name: a key of STRATEGIES.

    Raises:
        TrainingError: there is nothing that the strategy could use.
    """
    return STRATEGIES[name]()


def _auto() -> Any:
    return joint or (_mirrored() if tf.config.list_logical_devices("GPU") else _one_device())


def _one_device() -> Any:
    return tf.distribute.get_strategy()


def _mirrored() -> Any:
    """Take all GPUs, or all logical CPU devices where there is no GPU."""
    gpus = tf.config.list_logical_devices("GPU")
    devices = gpus or tf.config.list_logical_devices("CPU")
    if len(devices) == 1:
        return _one_device()
    # The default collective hangs or fails on CPU devices inside a loop.
    joined = None if gpus else tf.distribute.ReductionToOneDevice()
    return tf.distribute.MirroredStrategy([device.name for device in devices], joined)


def _multi_worker() -> Any:
    if joint is None:
        message = "training.strategy: multi_worker, but this process was started alone"
        raise TrainingError(message)
    return joint


@cache
def _tpu() -> Any:
    """Take all cores of the TPU; experimental, never run on one."""
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver.connect()
    except (ValueError, RuntimeError, tf.errors.OpError) as error:
        reason = str(error).strip().partition("\n")[0]
        message = f"training.strategy: tpu, but TensorFlow finds none: {reason}"
        raise TrainingError(message) from error
    return tf.distribute.TPUStrategy(resolver)


STRATEGIES: Final[Mapping[str, Callable[[], Any]]] = {
    "auto": _auto,
    "one_device": _one_device,
    "mirrored": _mirrored,
    "multi_worker": _multi_worker,
    "tpu": _tpu,
}


def check_shares(training: Training, strategy: Any, n_rows: int) -> None:
    """Check that every replica gets a row of every batch.

    Raises:
        TrainingError: there are too few.
    """
    n_replicas = strategy.num_replicas_in_sync
    size = training.batch_size
    fewest = n_rows if size == "auto" else min(size, n_rows)
    if fewest < n_replicas:
        what = (
            f"{n_rows} training rows" if fewest == n_rows else f"training.batch_size: {size} rows"
        )
        message = (
            f"{what} cannot be shared by {n_replicas} replicas. Choose a larger batch, or "
            "training.strategy: one_device"
        )
        raise TrainingError(message)


def choose_precision(name: str) -> str:
    """Choose a Keras dtype policy; auto is what all GPUs are fast at, float32 on a CPU."""
    if name != "auto":
        return name
    gpus = tf.config.list_physical_devices("GPU")
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    weakest = min((found.get("compute_capability", (0, 0)) for found in details), default=(0, 0))
    if weakest >= BFLOAT16_FROM:
        return "mixed_bfloat16"
    return "mixed_float16" if weakest >= FLOAT16_FROM else "float32"


@contextmanager
def precision(name: str) -> Iterator[None]:
    """Build layers under a dtype policy."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
