"""What a network is trained for, whatever the task: losses and predictions, of ensembles too."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from dlrun.contract.candidate import Predictions
from dlrun.contract.dataset import Target
from dlrun.deep.backend import keras
from dlrun.deep.heads.head import Head, heads_of
from dlrun.recipe.training import Training

MATRIX: Final = 2  # dimensions

ops = keras.ops


@dataclass(frozen=True)
class Objective:
    """The loss and the last steps of a network, or of an ensemble whose members are averaged."""

    head: Head

    def losses(self, y: Any, outputs: Any) -> Any:
        """Return the weighted loss of each row, (rows,) float32.

        The members of an ensemble are trained one by one: their losses are averaged.

        Args:
            y: (rows, …) from the head's `encode_y`.
            outputs: (rows, n_outputs) float32 of the network, or (rows, members, n_outputs).
        """
        if len(outputs.shape) == MATRIX:
            losses = self.head.losses(y, outputs)
        else:
            n_members = outputs.shape[1]
            flat = ops.reshape(outputs, (-1, self.head.n_outputs))
            losses = self.head.losses(ops.repeat(y, n_members, axis=0), flat)
            losses = ops.mean(ops.reshape(losses, (-1, n_members)), axis=1)
        weights = self.head.weights(y)
        return losses if weights is None else losses * weights

    @property
    def in_steps(self) -> Objective:
        """Return the objective as far as the losses go: equal where these are the same."""
        return Objective(self.head.in_losses)

    def finish(self, shape: tuple[int, ...]) -> Any:
        """Build the model from outputs, of this shape for a row, to predictions, (rows, n_outputs).

        Predictions of an ensemble's members are averaged.
        """
        outputs = keras.Input(shape, name="outputs")
        finished = self.head.activate(outputs)
        if len(shape) > 1:
            finished = ops.mean(finished, axis=1)
        return keras.Model(outputs, finished, name="dlrun_finish")


def choose_objective(training: Training, target: Target, y: NDArray[Any]) -> Objective:
    """Choose loss and outputs by the target and the y of the training rows."""
    return Objective(heads_of(target.task).choose_head(training, target, y))


def to_predictions(finished: NDArray[Any], target: Target) -> Predictions:
    """Turn the output of a finished network, (rows, n_outputs), into predictions."""
    return heads_of(target.task).to_predictions(finished.astype(np.float64))
