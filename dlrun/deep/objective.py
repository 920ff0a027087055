"""What a network is trained for: its outputs, the loss on them, and predictions made of them."""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dlrun.contract.candidate import Predictions
from dlrun.contract.dataset import Target
from dlrun.deep.backend import keras
from dlrun.recipe.training import Training

ONE_LOGIT: Final = ("binary_crossentropy", "binary_focal_crossentropy")
ONE_HOT: Final = ("categorical_crossentropy", "categorical_focal_crossentropy")
LOGITS: Final = (*ONE_LOGIT, *ONE_HOT, "sparse_categorical_crossentropy")
POSITIVE: Final = ("mean_squared_logarithmic_error", "poisson", "tweedie")
OWN_UNIT: Final = ("mean_absolute_percentage_error", "mean_squared_logarithmic_error")
TWEEDIE_POWER: Final = 1.5  # between Poisson (1) and gamma (2)

MATRIX: Final = 2  # dimensions

ops = keras.ops


@dataclass(frozen=True)
class Objective:
    """The loss and the last steps of a network.

    A network ends in raw outputs: logits, or numbers in units of `scale` around `shift`. The
    loss works on these, and `finish` turns them into predictions.

    Attributes:
        loss: a Keras loss by name.
        n_outputs: one, or as many as there are classes.
        shift: is added to a predicted number, in the target's unit.
        scale: the target's unit over the network's.
        class_weights: of each class in code order; empty when all count the same.
    """

    loss: str
    n_outputs: int = 1
    shift: float = 0.0
    scale: float = 1.0
    class_weights: tuple[float, ...] = ()

    def encode_y(self, y: NDArray[Any]) -> NDArray[Any]:
        """Return what the loss compares with, (rows,): int32 codes or float32 values."""
        if self.loss in LOGITS:
            return y.astype(np.int32)
        encoded = y if self.loss in OWN_UNIT else (y - self.shift) / self.scale
        return encoded.astype(np.float32)

    def losses(self, y: Any, outputs: Any) -> Any:
        """Return the weighted loss of each row, (rows,) float32.

        The members of an ensemble are trained one by one: their losses are averaged.

        Args:
            y: (rows,) from `encode_y`.
            outputs: (rows, n_outputs) float32 of the network, or (rows, members, n_outputs).
        """
        each = self._of_logits if self.loss in LOGITS else self._of_numbers
        if len(outputs.shape) == MATRIX:
            losses = each(y, outputs)
        else:
            n_members = outputs.shape[1]
            apart = ops.reshape(outputs, (-1, self.n_outputs))
            losses = each(ops.repeat(y, n_members), apart)
            losses = ops.mean(ops.reshape(losses, (-1, n_members)), axis=1)
        if self.class_weights:
            losses = losses * ops.take(np.array(self.class_weights, dtype=np.float32), y)
        return losses

    def _of_logits(self, y: Any, outputs: Any) -> Any:
        if self.loss in ONE_LOGIT:
            y = ops.cast(y[:, None], "float32")
        elif self.loss in ONE_HOT:
            y = ops.one_hot(y, self.n_outputs)
        return getattr(keras.losses, self.loss)(y, outputs, from_logits=True)

    def _of_numbers(self, y: Any, outputs: Any) -> Any:
        if self.loss in POSITIVE:
            outputs = ops.softplus(outputs)
        if self.loss in OWN_UNIT:
            outputs = outputs * self.scale + self.shift
        if self.loss == "tweedie":
            return _tweedie(y, outputs[:, 0])
        return getattr(keras.losses, self.loss)(y[:, None], outputs)

    def finish(self, shape: tuple[int, ...]) -> Any:
        """Build the model from outputs, of this shape for a row, to predictions, (rows, n_outputs).

        Float64 keeps probabilities off 0 and 1, and numbers with many digits exact. Predictions
        of an ensemble's members are averaged.
        """
        outputs = keras.Input(shape, name="outputs")
        if self.loss in LOGITS:
            activation = "sigmoid" if self.n_outputs == 1 else "softmax"
            finished = keras.layers.Activation(activation, dtype="float64")(outputs)
        else:
            activation = "softplus" if self.loss in POSITIVE else "linear"
            number = keras.layers.Activation(activation, dtype="float64")(outputs)
            # Keras' Rescaling would round both to float32.
            finished = number * np.float64(self.scale) + np.float64(self.shift)
        if len(shape) > 1:
            finished = ops.mean(finished, axis=1)
        return keras.Model(outputs, finished, name="dlrun_finish")


def _tweedie(y: Any, predicted: Any) -> Any:
    """Return the Tweedie deviance without the terms of the truth alone (Jørgensen 1987)."""
    predicted = ops.maximum(predicted, keras.config.epsilon())
    first = y * predicted ** (1 - TWEEDIE_POWER) / (1 - TWEEDIE_POWER)
    return predicted ** (2 - TWEEDIE_POWER) / (2 - TWEEDIE_POWER) - first


def choose_objective(training: Training, target: Target, y: NDArray[Any]) -> Objective:
    """Choose loss and outputs by the task, and units and class weights by the training rows."""
    loss = training.loss if training.loss != "auto" else _auto_loss(target)
    if target.task == "classification":
        n_outputs = 1 if loss in ONE_LOGIT else len(target.labels)
        return Objective(loss, n_outputs, class_weights=_class_weights(training, target, y))
    if loss in POSITIVE:
        # An output of 0 then stands for the mean.
        return Objective(loss, scale=float(y.mean()) / log(2) or 1.0)
    return Objective(loss, shift=float(y.mean()), scale=float(y.std()) or 1.0)


def _auto_loss(target: Target) -> str:
    if target.task == "regression":
        return "mean_squared_error"
    return "binary_crossentropy" if target.is_binary else "sparse_categorical_crossentropy"


def _class_weights(training: Training, target: Target, y: NDArray[Any]) -> tuple[float, ...]:
    if training.class_weight is None:
        return ()
    n_classes = len(target.labels)
    if training.class_weight == "balanced":
        counts = np.bincount(y, minlength=n_classes).clip(min=1)
        return tuple((len(y) / (n_classes * counts)).tolist())
    given = {str(label): weight for label, weight in training.class_weight.items()}
    return tuple(given.get(label, 1.0) for label in target.labels)


def to_predictions(finished: NDArray[Any], target: Target) -> Predictions:
    """Turn what a finished network says, (rows, n_outputs), into predictions."""
    values = finished.astype(np.float64)
    if target.task == "regression":
        return Predictions(values[:, 0])
    if values.shape[1] == 1:
        values = np.hstack([1.0 - values, values])
    return Predictions(values / values.sum(axis=1, keepdims=True))
