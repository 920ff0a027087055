"""Architectures: from column groups to the tensor that the head stands on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from dlrun.deep.architectures import (
    cnn,
    fcn,
    ft_transformer,
    function,
    inception_time,
    layers,
    mlp,
    resnet,
    rnn,
    tabm,
    text_cnn,
    transformer,
)
from dlrun.deep.backend import keras
from dlrun.deep.blocks.flatten import concatenate, flatten, shape_of
from dlrun.deep.inputs.groups import Group
from dlrun.errors import TrainingError
from dlrun.recipe.architectures import ARCHITECTURES, Mlp, is_function
from dlrun.recipe.schema import Model

Groups = Mapping[str, Group]

WHOLES: Final[Mapping[str, Callable[..., Any]]] = {
    "mlp": mlp.build,
    "tabm": tabm.build,
    "ft_transformer": ft_transformer.build,
    "layers": layers.build,
}
"""Architectures that take all groups at once: build(groups, **settings)."""
ENCODERS: Final[Mapping[str, Callable[..., Any]]] = {
    "cnn": cnn.encode,
    "resnet": resnet.encode,
    "text_cnn": text_cnn.encode,
    "rnn": rnn.encode,
    "transformer": transformer.encode,
    "fcn": fcn.encode,
    "inception_time": inception_time.encode,
}
"""Architectures for one group of the types they claim: encode(group, **settings) → vector."""
ENSEMBLES: Final = ("tabm",)  # end in (rows, members, width)


def build_architecture(model: Model, folder: Path, groups: Groups) -> Any:
    """Build the recipe's architecture.

    Args:
        model: the recipe's section.
        folder: where the recipe stands, and perhaps the user's own module.
        groups: the column groups that occur.

    Returns:
        A Keras tensor, (rows, width), or (rows, members, width) of an ensemble.

    Raises:
        TrainingError: it cannot be built.
    """
    settings = model.complete_settings
    if is_function(model.architecture):
        inputs = {name: group.expand() for name, group in groups.items()}
        tensor = function.build(model.architecture, folder, inputs, settings)
    elif model.architecture in ENCODERS:
        tensor = _join_encoded(model.architecture, groups, settings)
    else:
        tensor = WHOLES[model.architecture](groups, **settings)
    if not keras.backend.is_keras_tensor(tensor):
        message = f"{model.architecture} returned {type(tensor).__name__}, not a Keras tensor"
        raise TrainingError(message)
    n_dimensions = 3 if model.architecture in ENSEMBLES else 2
    if len(tensor.shape) != n_dimensions:
        message = (
            f"{model.architecture} ends in a tensor of shape {shape_of(tensor)}. The head needs "
            "(rows, width): end with Flatten or GlobalAveragePooling"
        )
        raise TrainingError(message)
    return tensor


def _join_encoded(architecture: str, groups: Groups, settings: Mapping[str, Any]) -> Any:
    """Encode each group that the architecture claims; all others go through dense layers."""
    claims = ARCHITECTURES[architecture].claims
    claimed = [group for group in groups.values() if group.kind in claims]
    others = [group for group in groups.values() if group.kind not in claims]
    vectors = [ENCODERS[architecture](group, **settings) for group in claimed]
    if others:
        dense = Mlp().model_dump(exclude={"encode"})  # the number group knows how to embed
        vectors.append(mlp.stack(concatenate(map(flatten, others)), **dense))
    return concatenate(vectors)
