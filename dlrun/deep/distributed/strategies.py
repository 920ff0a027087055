"""The strategies of tf.distribute, one function for each row of `dlrun.catalog.strategies`.

Raises:
    TrainingError: of each: the strategy has no devices here.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from dlrun.deep.backend import joint, tf
from dlrun.errors import TrainingError


def auto() -> Any:
    """Take all workers if this process is one of several, else all GPUs, else one device."""
    return joint or (mirrored() if tf.config.list_logical_devices("GPU") else one_device())


def one_device() -> Any:
    """Take no strategy: TensorFlow's own for one makes small networks two to four times slower."""
    return tf.distribute.get_strategy()


def mirrored() -> Any:
    """Take all GPUs, or all logical CPU devices where there is no GPU."""
    gpus = tf.config.list_logical_devices("GPU")
    devices = gpus or tf.config.list_logical_devices("CPU")
    if len(devices) == 1:
        return one_device()
    # The default collective hangs or fails on CPU devices inside a loop.
    joined = None if gpus else tf.distribute.ReductionToOneDevice()
    return tf.distribute.MirroredStrategy([device.name for device in devices], joined)


def multi_worker() -> Any:
    """Take all workers that this process has joined."""
    if joint is None:
        message = "training.strategy: multi_worker, but this process was started alone"
        raise TrainingError(message)
    return joint


@cache
def tpu() -> Any:
    """Take all cores of the TPU; experimental, never run on one."""
    try:
        resolver = tf.distribute.cluster_resolver.TPUClusterResolver.connect()
    except (ValueError, RuntimeError, tf.errors.OpError) as error:
        reason = str(error).strip().partition("\n")[0]
        message = f"training.strategy: tpu, but TensorFlow finds none: {reason}"
        raise TrainingError(message) from error
    return tf.distribute.TPUStrategy(resolver)
