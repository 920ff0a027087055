"""New layers on the vectors of a pretrained network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from dlrun.deep.backend import keras
from dlrun.deep.inputs.groups import Group


def build(group: Group, *, hidden: Sequence[int], dropout: float, **_: Any) -> Any:
    """Make a vector of a row; settings as in `dlrun.catalog.architecture_settings.Pretrained`.

    The group's encoding has the backbone: its settings are none of the new layers'.
    """
    vector = group.expand()
    for units in hidden:
        vector = keras.layers.Dense(units, activation="relu")(_drop(vector, dropout))
    return _drop(vector, dropout)


def _drop(vector: Any, dropout: float) -> Any:
    return keras.layers.Dropout(dropout)(vector) if dropout else vector
