"""What all parts of a recipe share: they are frozen, and know no keys but their own."""

from __future__ import annotations

from difflib import get_close_matches
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from dlrun.recipe import vocabulary as names

Auto = Literal["auto"]
Fraction = Annotated[float, Field(gt=0, lt=1)]
Share = Annotated[float, Field(ge=0, lt=1)]
Label = str | int | float | bool


class Section(BaseModel):
    """A frozen part of a recipe that knows no keys but its own."""

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
        ValueError: it is not; says which one was probably meant.
    """
    if value in allowed:
        return value
    near = names.VALUE_HABITS.get(value.lower())
    if near not in allowed:
        near = next(iter(get_close_matches(value, allowed, n=1)), None)
    hint = f"Did you mean {near}?" if near else f"Allowed: {', '.join(allowed)}"
    message = f"{value!r} is not {what}. {hint}"
    raise ValueError(message)
