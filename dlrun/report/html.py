"""HTML and SVG elements written as text, with everything that is not markup escaped."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Final

LEAVES: Final = ("rect", "line", "circle", "path", "polygon", "polyline", "meta", "br")

Attribute = str | float | None


class Markup(str):
    """Text that is markup already; any other text is escaped when it becomes content."""

    __slots__ = ()


def tag(name: str, /, *content: str, **attributes: Attribute) -> Markup:
    """Write an element.

    Args:
        name: of the element.
        content: what stands inside, one after the other.
        attributes: those that are None are left out; `class_` is class, `stroke_width` is
            stroke-width.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_value(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in LEAVES and not content:
        return Markup(f"<{name}{written}/>")
    return Markup(f"<{name}{written}>{join(content)}</{name}>")


def join(parts: Iterable[str], between: str = "") -> Markup:
    """Put content one after the other."""
    return Markup(
        between.join(part if isinstance(part, Markup) else escape(part) for part in parts)
    )


def _value(value: str | float) -> str:
    return value if isinstance(value, str) else number(value)


def number(value: float) -> str:
    """Write a coordinate, to a tenth of a pixel."""
    return f"{round(value, 1) + 0.0:.1f}".removesuffix(".0")
