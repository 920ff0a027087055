"""What all sections of a recipe share: they are frozen and refuse unknown keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import core_schema

from dlrun.contract.candidate import SIDES
from dlrun.recipe.aliases import VALUE_ALIASES
from dlrun.system.text import suggest

Auto = Literal["auto"]
Fraction = Annotated[float, Field(gt=0, lt=1)]
Share = Annotated[float, Field(ge=0, lt=1)]
Label = str | int | float | bool


class Section(BaseModel):
    """A frozen part of a recipe that refuses unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class OpenSection(Section):
    """A section whose extra keys are settings of the thing that it names."""

    model_config = ConfigDict(extra="allow")

    @property
    def settings(self) -> dict[str, Any]:
        """Return the extra keys."""
        return dict(self.__pydantic_extra__ or {})


def one_of(value: str, allowed: tuple[str, ...], what: str) -> str:
    """Return a value that is allowed.

    Raises:
        ValueError: it is not; the message suggests the nearest one.
    """
    if value in allowed:
        return value
    meant = VALUE_ALIASES.get(value.lower())
    nearest = suggest(meant if meant in allowed else value, allowed)
    message = f"{value!r} is not {what}. {nearest}"
    raise ValueError(message)


@dataclass(frozen=True)
class OneOf:
    """Marks a `str` of the recipe as the name of a row of the catalog.

    Attributes:
        allowed: the names.
        what: a noun for messages, such as "a metric".
    """

    allowed: tuple[str, ...]
    what: str

    def __get_pydantic_core_schema__(self, source: Any, handler: Any) -> Any:
        """Check the name after its type."""
        return core_schema.no_info_after_validator_function(
            lambda value: one_of(value, self.allowed, self.what), handler(source)
        )

    def __get_pydantic_json_schema__(self, _schema: Any, _handler: Any) -> dict[str, Any]:
        """List the names for completion in an editor."""
        return {"enum": list(self.allowed), "type": "string"}


def _known_side(value: object) -> object:
    return one_of(value, SIDES, "a side") if isinstance(value, str) else value


Side = Annotated[Literal["deep", "classic"], BeforeValidator(_known_side)]
"""The side that a candidate is on, where the recipe settles it."""
