"""What a task gives to a network, in the module of `deep.heads` that has the task's name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol, Self, cast

from numpy.typing import NDArray

from dlrun.catalog.parts import load_part
from dlrun.contract.candidate import Predictions
from dlrun.contract.dataset import Dataset, Target
from dlrun.recipe.training import Training


class Head(Protocol):
    """The loss and the last steps of a network; a frozen value.

    A network ends in raw outputs, (rows, n_outputs) float32. The loss works on these, and
    `activate` turns them into predictions.
    """

    @property
    def n_outputs(self) -> int:
        """Count the outputs of a row."""

    @property
    def in_losses(self) -> Self:
        """Return the head with the same values in place of all that `losses` does not use."""

    def encode_y(self, y: NDArray[Any]) -> NDArray[Any]:
        """Return what the loss compares with, (rows, …) int32 or float32."""

    def losses(self, y: Any, outputs: Any) -> Any:
        """Return the loss of each row, (rows,) float32, of y from `encode_y`."""

    def weights(self, y: Any) -> Any:
        """Return the weight of each row, (rows,) float32; None where all count the same."""

    def activate(self, outputs: Any) -> Any:
        """Turn a Keras tensor of outputs into predictions, float64 of the same shape.

        Float64 keeps probabilities off 0 and 1, and numbers with many digits exact.
        """


class TaskHeads(Protocol):
    """A module of `deep.heads`; it imports without TensorFlow."""

    def check(self, training: Training, dataset: Dataset) -> Iterator[tuple[str, str]]:
        """Yield each training setting that does not fit the target, and why."""

    def choose_head(self, training: Training, target: Target, y: NDArray[Any]) -> Head:
        """Choose loss and outputs, by the y of the training rows."""

    def to_predictions(self, activated: NDArray[Any]) -> Predictions:
        """Turn what `activate` gives, (rows, n_outputs) float64, into predictions."""


def heads_of(task: str) -> TaskHeads:
    """Return the heads of a task."""
    return cast(TaskHeads, load_part("dlrun.deep.heads", task))
