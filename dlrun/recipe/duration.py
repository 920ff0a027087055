"""Durations, as a recipe writes them: 90 s, 30 min, 1 h 30 min."""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import BeforeValidator, Field

UNITS: Final = {"s": 1, "min": 60, "h": 3600, "d": 86400}
PART: Final = re.compile(r"(\d+(?:\.\d+)?)\s*(s|min|h|d)\b")


def to_seconds(value: object) -> object:
    """Return the seconds of a text such as "1 h 30 min"; any other value as it is.

    Raises:
        ValueError: the text is no duration.
    """
    if not isinstance(value, str):
        return value
    parts = PART.findall(value)
    if not parts or PART.sub("", value).strip():
        message = f"{value!r} is not a duration. Write one such as 90 s, 30 min or 1 h 30 min"
        raise ValueError(message)
    return sum(float(number) * UNITS[unit] for number, unit in parts)


Seconds = Annotated[
    float, BeforeValidator(to_seconds, json_schema_input_type=float | str), Field(gt=0)
]
