"""Devices: what a network is trained on."""

from __future__ import annotations

from typing import Any

from dlrun.deep.distributed import strategies
from dlrun.errors import TrainingError
from dlrun.recipe.training import Training


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
