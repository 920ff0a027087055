"""Classes: logits, of the second class alone or of each, and probabilities made of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from dlrun.catalog.losses import LOSSES, Loss, losses_of
from dlrun.contract.candidate import Predictions
from dlrun.contract.dataset import Dataset, Target
from dlrun.recipe.training import Training


@dataclass(frozen=True)
class ClassHead:
    """The end of a classifier.

    Attributes:
        n_outputs: one logit, of the second class, or as many as there are classes.
        class_weights: of each class by its index; empty when all count the same.
    """

    loss: Loss
    n_outputs: int
    class_weights: tuple[float, ...] = ()

    @property
    def in_losses(self) -> Self:
        """Return the head itself: classes are weighted in the losses."""
        return self

    def encode_y(self, y: NDArray[Any]) -> NDArray[Any]:
        """Return class indices, (rows,) int32."""
        return y.astype(np.int32)

    def losses(self, y: Any, outputs: Any) -> Any:
        """Return the cross-entropy of each row."""
        from dlrun.deep.backend import keras

        if self.loss.form == "logit":
            y = keras.ops.cast(y[:, None], "float32")
        elif self.loss.form == "one_hot":
            y = keras.ops.one_hot(y, self.n_outputs)
        return getattr(keras.losses, self.loss.name)(y, outputs, from_logits=True)

    def weights(self, y: Any) -> Any:
        """Return the weight of each row's class."""
        from dlrun.deep.backend import keras

        if not self.class_weights:
            return None
        return keras.ops.take(np.array(self.class_weights, dtype=np.float32), y)

    def activate(self, outputs: Any) -> Any:
        """Turn logits into probabilities."""
        from dlrun.deep.backend import keras

        activation = "sigmoid" if self.n_outputs == 1 else "softmax"
        return keras.layers.Activation(activation, dtype="float64")(outputs)


def choose_head(training: Training, target: Target, y: NDArray[Any]) -> ClassHead:
    """Choose loss and outputs by the number of classes, and weights by how often each occurs."""
    auto = "binary_crossentropy" if target.is_binary else "sparse_categorical_crossentropy"
    loss = LOSSES[auto if training.loss == "auto" else training.loss]
    n_outputs = 1 if loss.form == "logit" else len(target.labels)
    return ClassHead(loss, n_outputs, _class_weights(training, target, y))


def _class_weights(training: Training, target: Target, y: NDArray[Any]) -> tuple[float, ...]:
    if training.class_weight is None:
        return ()
    n_classes = len(target.labels)
    if training.class_weight == "balanced":
        counts = np.bincount(y, minlength=n_classes).clip(min=1)
        return tuple((len(y) / (n_classes * counts)).tolist())
    given = {str(label): weight for label, weight in training.class_weight.items()}
    return tuple(given.get(label, 1.0) for label in target.labels)


def to_predictions(activated: NDArray[Any]) -> Predictions:
    """Return the probability of every class, also of the first of two."""
    if activated.shape[1] == 1:
        activated = np.hstack([1.0 - activated, activated])
    return Predictions(activated / activated.sum(axis=1, keepdims=True))


def check(training: Training, dataset: Dataset) -> Iterator[tuple[str, str]]:
    """Yield a loss for two classes where there are more, and weights of unknown classes."""
    loss, target = LOSSES.get(training.loss), dataset.target
    if loss and loss.form == "logit" and not target.is_binary:
        others = [row.name for row in losses_of(target.task) if row.form != "logit"]
        yield (
            "loss",
            f"{loss.name} is for two classes, but {target.name!r} has {len(target.labels)}. "
            f"Allowed: auto, {', '.join(others)}",
        )
    if isinstance(training.class_weight, dict):
        for label in map(str, training.class_weight):
            if label not in target.labels:
                labels = ", ".join(target.labels)
                fault = f"{label!r} is not a class of {target.name!r}. Classes: {labels}"
                yield f"class_weight.{label}", fault
