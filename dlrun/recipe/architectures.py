"""The settings that each architecture knows, with their defaults, and what it is made for."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, field_validator

from dlrun.recipe import names


class Settings(BaseModel):
    """The settings of one architecture.

    Attributes:
        claims: the column types that it is made for; columns of other types are joined to what
            it makes of these.
    """

    # Most of these are never asked for: to build them all would take longer than reading a recipe.
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    claims: ClassVar[tuple[str, ...]] = names.COLUMN_TYPES


class Mlp(Settings):
    """Fully connected layers over the joined columns."""

    hidden: list[PositiveInt] = [128, 128]
    """Units of each layer, from the input side."""
    activation: str = "relu"
    """Any Keras activation."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Share of units switched off after each layer while training."""
    normalization: Literal["batch", "layer", "none"] = "none"
    """Normalise before each activation; batch uses momentum 0.9."""

    @field_validator("activation")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in names.ACTIVATIONS:
            message = (
                f"{value!r} is not a Keras activation. Allowed: {', '.join(names.ACTIVATIONS)}"
            )
            raise ValueError(message)
        return value


class Layers(Settings):
    """Any keras.layers, listed in the recipe."""

    layers: Annotated[list[Any], Field(min_length=1)]
    """Layer names, each alone or with its arguments."""


ARCHITECTURES: Final[dict[str, type[Settings]]] = {"mlp": Mlp, "layers": Layers}


def is_function(architecture: str) -> bool:
    """Say whether the name has the form package.module:function."""
    module, colon, function = architecture.partition(":")
    parts = [*module.split("."), function]
    return bool(colon) and all(part.isidentifier() for part in parts)
