"""Architectures: from encoded columns to the tensor that the head stands on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from dlrun.deep.architectures import function, layers, mlp
from dlrun.deep.architectures.join import shape_of
from dlrun.deep.backend import keras
from dlrun.errors import TrainingError
from dlrun.recipe.architectures import is_function
from dlrun.recipe.model import Model

BUILDERS: Final[Mapping[str, Callable[..., Any]]] = {"mlp": mlp.build, "layers": layers.build}

MATRIX: Final = 2  # dimensions


def build_architecture(model: Model, folder: Path, inputs: Mapping[str, Any]) -> Any:
    """Build the recipe's architecture.

    Args:
        model: the recipe's section.
        folder: where the recipe stands, and perhaps the user's own module.
        inputs: one tensor for each column group that occurs, (rows, width) float.

    Returns:
        A Keras tensor, (rows, width).

    Raises:
        TrainingError: it cannot be built.
    """
    settings = model.complete_settings
    if is_function(model.architecture):
        tensor = function.build(model.architecture, folder, inputs, settings)
    else:
        tensor = BUILDERS[model.architecture](inputs, **settings)
    if not keras.backend.is_keras_tensor(tensor):
        message = f"{model.architecture} returned {type(tensor).__name__}, not a Keras tensor"
        raise TrainingError(message)
    if len(tensor.shape) != MATRIX:
        message = (
            f"{model.architecture} ends in a tensor of shape {shape_of(tensor)}. The head needs "
            "(rows, width): end with Flatten or GlobalAveragePooling"
        )
        raise TrainingError(message)
    return tensor
