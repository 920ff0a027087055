"""Devices: what a network is trained on, and in which precision."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from dlrun.deep.backend import keras, tf

BFLOAT16_FROM: Final = (8, 0)  # compute capability of Ampere
FLOAT16_FROM: Final = (7, 0)  # of Volta


def choose_strategy(name: str) -> Any:
    """Choose the devices of a training.

    auto takes all GPUs of the machine if there are several, else one device; mirrored takes all
    GPUs, or all logical CPU devices where there is no GPU. On one device no strategy is used:
    TensorFlow's own for it makes small networks two to four times slower.

    Args:
        name: auto, one_device or mirrored.
    """
    gpus = tf.config.list_logical_devices("GPU")
    devices = gpus or (tf.config.list_logical_devices("CPU") if name == "mirrored" else [])
    if name == "one_device" or len(devices) < 2:  # noqa: PLR2004
        return tf.distribute.get_strategy()
    # The default collective hangs or fails on CPU devices inside a loop.
    joined = None if gpus else tf.distribute.ReductionToOneDevice()
    return tf.distribute.MirroredStrategy([device.name for device in devices], joined)


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
