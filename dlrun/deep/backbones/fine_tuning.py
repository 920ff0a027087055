"""Which weights of a pretrained network are trained, beside the new layers."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Any

from dlrun.catalog.architecture_settings import Pretrained
from dlrun.deep.backbones.backbone import Backbone
from dlrun.deep.backend import keras
from dlrun.deep.inputs.encoding import Blocks
from dlrun.errors import TrainingError


def choose_trained(backbone: Backbone, trunk: Any, settings: Pretrained) -> None:
    """Set which variables of a new trunk are trained, as `train` says.

    Normalisation over batches keeps the statistics, scale and offset that it was trained with:
    those of small batches would spoil it.

    Raises:
        TrainingError: low-rank adapters are wanted of a backbone without attention.
    """
    for layer in _leaves(trunk):
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False
    trainable = {id(variable) for variable in trunk.trainable_weights}
    last = backbone.blocks(trunk)[-settings.blocks :]
    chosen = {"all": (trunk,), "last_blocks": chain(*last)}.get(settings.train, ())
    for variable in trunk.weights:
        variable.trainable = False
    for variable in chain(*(layer.weights for layer in chosen)):
        variable.trainable = id(variable) in trainable
    if settings.train == "lora":
        _add_adapters(backbone, trunk, settings.rank)


def trained_blocks(backbone: Backbone, trunk: Any) -> Blocks:
    """Return the trained variables of a trunk in blocks, those outside any in the last."""
    trained = {id(variable): variable for variable in trunk.trainable_variables}
    blocks = [
        [trained.pop(id(each)) for layer in block for each in layer.weights if id(each) in trained]
        for block in backbone.blocks(trunk)
    ]
    blocks.append(list(trained.values()))
    return tuple(tuple(block) for block in blocks if block)


def merge_adapters(model: Any) -> None:
    """Add low-rank adapters to the kernels that they adapt, so that none are left to be saved."""
    for layer in _leaves(model):
        if getattr(layer, "lora_enabled", False):
            stored: dict[str, Any] = {}
            layer.save_own_variables(stored)
            layer.lora_enabled, layer.lora_rank = False, None
            layer.kernel.assign(stored["0"])


def _add_adapters(backbone: Backbone, trunk: Any, rank: int) -> None:
    layers = backbone.projections(trunk)
    if not layers:
        message = (
            f"train: lora adds adapters to attention, and backbone {backbone.name} has none. "
            "Choose last_blocks or all"
        )
        raise TrainingError(message)
    for layer in layers:
        layer.enable_lora(rank)


def _leaves(model: Any) -> Iterator[Any]:
    """Yield all layers of a model, those of models within it too."""
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _leaves(layer)
        else:
            yield layer
