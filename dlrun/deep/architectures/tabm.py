"""Members of an ensemble that share their layers, each with adapters of its own: TabM."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from dlrun.deep.backend import keras
from dlrun.deep.blocks.flatten import concatenate
from dlrun.deep.blocks.trainable_tensor import trainable_tensor
from dlrun.deep.inputs.groups import Group


def build(
    groups: Mapping[str, Group],
    *,
    members: int,
    hidden: Sequence[int],
    activation: str,
    dropout: float,
    encode: str | None,
) -> Any:
    """Stack dense layers whose inputs and outputs every member scales by weights of its own.

    Gorishniy, Kotelnikov and Babenko, "TabM: advancing tabular deep learning with
    parameter-efficient ensembling" (2024): the adapters of BatchEnsemble (Wen, Tran and Ba
    2020), of which only the first is initialised at random, so that the members differ.

    The group of numbers embeds them already as `encode` says. Settings as in
    `dlrun.catalog.architecture_settings.Tabm`.

    Returns:
        A Keras tensor, (rows, members, width).
    """
    columns = concatenate(group.flatten() for group in groups.values())
    tensor = columns[:, None]
    start: Any = keras.initializers.RandomNormal(stddev=1.0)
    for units in hidden:
        tensor = tensor * trainable_tensor(columns, (members, tensor.shape[2]), start)
        tensor = keras.layers.Dense(units, use_bias=False)(tensor)
        tensor = tensor * trainable_tensor(columns, (members, units), "ones")
        tensor = tensor + trainable_tensor(columns, (members, units), "zeros")
        tensor = keras.layers.Activation(activation)(tensor)
        if dropout:
            tensor = keras.layers.Dropout(dropout)(tensor)
        start = "ones"
    return tensor
