"""Devices: what a network is trained on, and in which precision."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from dlrun.deep.backend import keras, tf
from dlrun.deep.distributed import strategies
from dlrun.errors import TrainingError
from dlrun.recipe.training import Training

BFLOAT16_FROM: Final = (8, 0)  # compute capability of Ampere
FLOAT16_FROM: Final = (7, 0)  # of Volta


def choose_strategy(name: str) -> Any:
    """Make the strategy of tf.distribute that has a row's name.

    Raises:
        TrainingError: the strategy has no devices here.
    """
    return getattr(strategies, name)()


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
    """Return a Keras dtype policy; auto is mixed if all GPUs are fast at it, else float32."""
    if name != "auto":
        return name
    gpus = tf.config.list_physical_devices("GPU")
    details = [tf.config.experimental.get_device_details(gpu) for gpu in gpus]
    weakest = min((each.get("compute_capability", (0, 0)) for each in details), default=(0, 0))
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
