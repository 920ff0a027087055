"""Keras optimizers by name, with their own arguments."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dlrun.catalog.keras_api import optimizers
from dlrun.deep.backend import keras
from dlrun.deep.distributed.replicas import disable_optimizer_allreduce
from dlrun.errors import TrainingError
from dlrun.recipe.training import Training


class TwoRates:
    """Makes a Keras optimizer train some variables, and decay them, at a share of its rate.

    Attributes:
        share: of the learning rate.
        slow: keys of the variables.
    """

    share: float
    slow: frozenset[Any]
    weight_decay: Any

    def is_slow(self, variable: Any) -> bool:
        """Say whether a variable has the lower rate."""
        return self._var_key(variable) in self.slow  # type: ignore[attr-defined]

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """Update one variable."""
        rate = learning_rate * self.share if self.is_slow(variable) else learning_rate
        super().update_step(gradient, variable, rate)  # type: ignore[misc]

    def _apply_weight_decay(self, variables: Sequence[Any]) -> None:
        """Decay the variables by the product of their rate and the weight decay."""
        decay = self.weight_decay
        if decay is None:
            return
        super()._apply_weight_decay([each for each in variables if not self.is_slow(each)])  # type: ignore[misc]
        self.weight_decay = decay * self.share
        super()._apply_weight_decay([each for each in variables if self.is_slow(each)])  # type: ignore[misc]
        self.weight_decay = decay


def make_optimizer(
    training: Training, *, scales_loss: bool, slow: Sequence[Any] = (), share: float = 1.0
) -> Any:
    """Make the recipe's optimizer, whose learning rate is set at every step.

    Under a strategy of several replicas it expects gradients that are summed over them.

    Args:
        training: the recipe's section.
        scales_loss: whether to scale the loss, against underflow of float16 gradients.
        slow: variables that are trained at a share of the learning rate.
        share: of the learning rate.

    Raises:
        TrainingError: Keras refuses a value.
    """
    setting = training.optimizer
    try:
        optimizer = _class(setting.name, is_split=bool(slow))(
            learning_rate=training.learning_rate.peak,
            global_clipnorm=training.clip_norm,
            **setting.settings,
        )
    except (TypeError, ValueError) as error:
        message = f"training.optimizer: {setting.name} does not take these settings: {error}"
        raise TrainingError(message) from error
    if slow:
        optimizer.share = share
        optimizer.slow = frozenset(map(optimizer._var_key, slow))
    if scales_loss:
        optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    return disable_optimizer_allreduce(optimizer)


def _class(name: str, *, is_split: bool) -> Any:
    found = getattr(keras.optimizers, optimizers()[name])
    return type(found.__name__, (TwoRates, found), {}) if is_split else found
