"""The health of training: how each layer of a network learns in an epoch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class LayerHealth:
    """How a layer learns, at the end of an epoch, on a few training rows that stay the same.

    What a layer does not have is None.

    Attributes:
        layer: its name in the network.
        gradient_norm: L2 norm of the gradient of these rows' mean loss by its weights, before any
            clipping.
        weight_norm: L2 norm of its weights.
        update_ratio: L2 norm of the change of its weights in the last step of the epoch, divided
            by that of the weights before it; None also where the training was resumed after it.
        dead: share of its units whose relu gives zero on all of these rows, and at every place.
        saturated: share of the values of its sigmoid or tanh where the slope is below 5 % of the
            steepest.
    """

    layer: str
    gradient_norm: float | None = None
    weight_norm: float | None = None
    update_ratio: float | None = None
    dead: float | None = None
    saturated: float | None = None
