"""Keras optimizers by name, with their own arguments."""

from __future__ import annotations

from typing import Any

from dlrun.catalog.keras_api import optimizers
from dlrun.deep.backend import keras
from dlrun.deep.distributed.replicas import disable_optimizer_allreduce
from dlrun.errors import TrainingError
from dlrun.recipe.training import Training


def make_optimizer(training: Training, *, scales_loss: bool) -> Any:
    """Make the recipe's optimizer, whose learning rate is set at every step.

    Under a strategy of several replicas it expects gradients that are summed over them.

    Args:
        training: the recipe's section.
        scales_loss: whether to scale the loss, against underflow of float16 gradients.

    Raises:
        TrainingError: Keras refuses a value.
    """
    setting = training.optimizer
    try:
        optimizer = getattr(keras.optimizers, optimizers()[setting.name])(
            learning_rate=training.learning_rate.peak,
            global_clipnorm=training.clip_norm,
            **setting.settings,
        )
    except (TypeError, ValueError) as error:
        message = f"training.optimizer: {setting.name} does not take these settings: {error}"
        raise TrainingError(message) from error
    if scales_loss:
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    return disable_optimizer_allreduce(optimizer)
