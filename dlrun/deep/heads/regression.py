"""Numbers: one output in units of a scale around a shift, which the training rows fix."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import log
from typing import Any, Final, Self

import numpy as np
from numpy.typing import NDArray

from dlrun.catalog.losses import LOSSES, Loss
from dlrun.contract.candidate import Predictions
from dlrun.contract.dataset import Dataset, Target
from dlrun.recipe.training import Training

TWEEDIE_POWER: Final = 1.5  # between Poisson (1) and gamma (2)


@dataclass(frozen=True)
class NumberHead:
    """The end of a regressor.

    Attributes:
        shift: is added to a predicted number, in the target's unit.
        scale: the target's unit over the network's.
    """

    loss: Loss
    shift: float
    scale: float
    n_outputs: int = 1

    @property
    def in_losses(self) -> Self:
        """Return the head without shift and scale where the losses do not use them."""
        return self if self.loss.is_in_own_unit else replace(self, shift=0.0, scale=1.0)

    def encode_y(self, y: NDArray[Any]) -> NDArray[Any]:
        """Return y in the unit of the loss, (rows,) float32."""
        encoded = y if self.loss.is_in_own_unit else (y - self.shift) / self.scale
        return encoded.astype(np.float32)

    def losses(self, y: Any, outputs: Any) -> Any:
        """Return the error of each row, in the unit of the loss."""
        from dlrun.deep.backend import keras

        if self.loss.is_positive:
            outputs = keras.ops.softplus(outputs)
        if self.loss.is_in_own_unit:
            outputs = outputs * self.scale + self.shift
        error = OWN_LOSSES.get(self.loss.name) or getattr(keras.losses, self.loss.name)
        return error(y[:, None], outputs)

    def weights(self, y: Any) -> None:
        """Let all rows count the same."""

    def activate(self, outputs: Any) -> Any:
        """Turn outputs into numbers in the target's unit."""
        from dlrun.deep.backend import keras

        activation = "softplus" if self.loss.is_positive else "linear"
        number = keras.layers.Activation(activation, dtype="float64")(outputs)
        # Keras' Rescaling would round both to float32.
        return number * np.float64(self.scale) + np.float64(self.shift)


def _tweedie(y: Any, predicted: Any) -> Any:
    """Return the Tweedie deviance without the terms of y alone (Jørgensen 1987)."""
    from dlrun.deep.backend import keras

    y, predicted = y[:, 0], keras.ops.maximum(predicted[:, 0], keras.config.epsilon())
    first = y * predicted ** (1 - TWEEDIE_POWER) / (1 - TWEEDIE_POWER)
    return predicted ** (2 - TWEEDIE_POWER) / (2 - TWEEDIE_POWER) - first


OWN_LOSSES: Final = {"tweedie": _tweedie}  # which Keras lacks


def choose_head(training: Training, target: Target, y: NDArray[Any]) -> NumberHead:
    """Choose the loss, and shift and scale so that an output of 0 stands for the mean of y."""
    loss = LOSSES["mean_squared_error" if training.loss == "auto" else training.loss]
    if loss.is_positive:
        return NumberHead(loss, shift=0.0, scale=float(y.mean()) / log(2) or 1.0)
    return NumberHead(loss, shift=float(y.mean()), scale=float(y.std()) or 1.0)


def to_predictions(activated: NDArray[Any]) -> Predictions:
    """Return the numbers, (rows,)."""
    return Predictions(activated[:, 0])


def check(training: Training, dataset: Dataset) -> Iterator[tuple[str, str]]:
    """Yield a loss that y lies out of the range of, and class weights."""
    loss, name, y = LOSSES.get(training.loss), dataset.target.name, dataset.y
    if loss and loss.is_positive and (y < 0).any():
        yield (
            "loss",
            f"{loss.name} is for numbers from 0 upwards, but {name!r} goes down to "
            f"{float(y.min()):g}. Take mean_squared_error or huber",
        )
    if loss and loss.divides_by_y and (y == 0).any():
        yield (
            "loss",
            f"{loss.name} divides by the target, but {name!r} is 0 in {int((y == 0).sum())} rows. "
            "Take mean_absolute_error or huber",
        )
    if training.class_weight is not None:
        yield "class_weight", f"{name!r} is a number, which has no classes. Remove it"
