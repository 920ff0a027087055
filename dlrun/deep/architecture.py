"""The architecture that a recipe names, built on column groups."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from dlrun.catalog.architecture_settings import Mlp
from dlrun.catalog.architectures import ARCHITECTURES, Architecture, is_function
from dlrun.catalog.parts import load_part
from dlrun.deep.architectures import function, mlp
from dlrun.deep.backend import keras
from dlrun.deep.blocks.flatten import concatenate, shape_of
from dlrun.deep.inputs.groups import Group
from dlrun.errors import TrainingError
from dlrun.recipe.schema import Model

Groups = Mapping[str, Group]
Build = Callable[..., Any]
"""All groups, or one group of an encoder, and the settings → Keras tensor."""


def build_architecture(
    model: Model, folder: Path, groups: Groups, *, trusted: Collection[str] = ()
) -> Any:
    """Build the recipe's architecture.

    Args:
        model: the recipe's section.
        folder: of the recipe, where the user's own module is.
        groups: the column groups of the data.
        trusted: modules elsewhere that the architecture may come from.

    Returns:
        A Keras tensor, (rows, width), or (rows, members, width) of an ensemble.

    Raises:
        TrainingError: it cannot be built.
    """
    name, settings = model.architecture, model.complete_settings
    row = ARCHITECTURES.get(name)
    build = partial(function.build, name, folder, trusted) if is_function(name) else _load(name)
    if row and row.is_encoder:
        tensor = _join_encoded(row, build, groups, settings)
    else:
        tensor = build(groups, **settings)
    if not keras.backend.is_keras_tensor(tensor):
        message = f"{name} returned {type(tensor).__name__}, not a Keras tensor"
        raise TrainingError(message)
    n_dimensions = 3 if row and row.is_ensemble else 2
    if len(tensor.shape) != n_dimensions:
        message = (
            f"{name} ends in a tensor of shape {shape_of(tensor)}. The head needs "
            "(rows, width): end with Flatten or GlobalAveragePooling"
        )
        raise TrainingError(message)
    return tensor


def _load(name: str) -> Build:
    build: Build = load_part("dlrun.deep.architectures", name).build
    return build


def _join_encoded(
    row: Architecture, encode: Build, groups: Groups, settings: Mapping[str, Any]
) -> Any:
    """Encode each group of a claimed kind; all others go through dense layers together.

    A backbone may read one of several kinds that pretrained networks are made for.
    """
    fitting = {name: group for name, group in groups.items() if group.kind in row.claims}
    claimed = {name: group for name, group in fitting.items() if group.is_pretrained} or fitting
    others = [group for name, group in groups.items() if name not in claimed]
    vectors = [encode(group, **settings) for group in claimed.values()]
    if others:
        # The group of numbers already embeds them.
        dense = Mlp().model_dump(exclude={"encode"})
        vectors.append(mlp.stack(concatenate(group.flatten() for group in others), **dense))
    return concatenate(vectors)
