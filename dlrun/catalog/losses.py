"""Losses of Keras by name: what each is a loss of, and how outputs and y meet in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal


@dataclass(frozen=True)
class Loss:
    """A loss that a recipe can name.

    Attributes:
        name: in `keras.losses`, where it is Keras' own.
        tasks: that it trains for.
        form: of y and outputs. "logit": y 0 or 1 against one logit; "one_hot": a vector against a
            logit for each class; "sparse": a class index against these; "number": one number each.
        is_positive: neither y nor what is predicted is ever below zero.
        is_in_own_unit: computed in the target's own unit rather than on standardised numbers.
        divides_by_y: so that no y may be zero.
    """

    name: str
    tasks: tuple[str, ...]
    form: Literal["logit", "one_hot", "sparse", "number"] = "number"
    is_positive: bool = False
    is_in_own_unit: bool = False
    divides_by_y: bool = False


CLASSES: Final = ("classification",)
NUMBERS: Final = ("regression",)

LOSSES: Final = {
    row.name: row
    for row in (
        Loss("binary_crossentropy", (*CLASSES, "multilabel"), "logit"),
        Loss("binary_focal_crossentropy", (*CLASSES, "multilabel"), "logit"),
        Loss("categorical_crossentropy", CLASSES, "one_hot"),
        Loss("categorical_focal_crossentropy", CLASSES, "one_hot"),
        Loss("sparse_categorical_crossentropy", CLASSES, "sparse"),
        Loss("huber", NUMBERS),
        Loss("log_cosh", NUMBERS),
        Loss("mean_absolute_error", NUMBERS),
        Loss("mean_absolute_percentage_error", NUMBERS, is_in_own_unit=True, divides_by_y=True),
        Loss("mean_squared_error", NUMBERS),
        Loss("mean_squared_logarithmic_error", NUMBERS, is_positive=True, is_in_own_unit=True),
        Loss("poisson", NUMBERS, is_positive=True),
        Loss("tweedie", NUMBERS, is_positive=True),
    )
}


def losses_of(task: str) -> tuple[Loss, ...]:
    """Return the losses that train for a task."""
    return tuple(loss for loss in LOSSES.values() if task in loss.tasks)
