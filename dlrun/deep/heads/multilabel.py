"""Sets of labels: one logit for each label, and probabilities made of them apart."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from dlrun.catalog.losses import LOSSES, Loss
from dlrun.contract.candidate import Predictions
from dlrun.contract.dataset import Dataset, Target
from dlrun.recipe.training import Training


@dataclass(frozen=True)
class LabelHead:
    """The end of a multi-label classifier; `n_outputs` is one logit for each label."""

    loss: Loss
    n_outputs: int

    @property
    def in_losses(self) -> Self:
        """Return the head itself."""
        return self

    def encode_y(self, y: NDArray[Any]) -> NDArray[Any]:
        """Return 0 or 1 for each label, (rows, labels) float32."""
        return y.astype(np.float32)

    def losses(self, y: Any, outputs: Any) -> Any:
        """Return the mean of the labels' binary cross-entropies of each row."""
        from dlrun.deep.backend import keras

        return getattr(keras.losses, self.loss.name)(y, outputs, from_logits=True)

    def weights(self, y: Any) -> None:
        """Let all rows count the same."""

    def activate(self, outputs: Any) -> Any:
        """Turn logits into probabilities."""
        from dlrun.deep.backend import keras

        return keras.layers.Activation("sigmoid", dtype="float64")(outputs)


def choose_head(training: Training, target: Target, _y: NDArray[Any]) -> LabelHead:
    """Choose the loss and one output for each label."""
    name = "binary_crossentropy" if training.loss == "auto" else training.loss
    return LabelHead(LOSSES[name], len(target.labels))


def to_predictions(activated: NDArray[Any]) -> Predictions:
    """Return the probability of each label, (rows, labels)."""
    return Predictions(activated)


def check(training: Training, dataset: Dataset) -> Iterator[tuple[str, str]]:
    """Yield class weights: a row has no single class."""
    if training.class_weight is not None:
        yield "class_weight", f"{dataset.target.name!r} holds sets of labels. Remove it"
