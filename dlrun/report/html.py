"""HTML and SVG elements as safe text, and the page's templates."""

from __future__ import annotations

from functools import cache
from typing import Final, Protocol

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

VOID: Final = ("rect", "line", "circle", "path", "polygon", "polyline")


class Embeddable(Protocol):
    """A value that writes itself as markup."""

    def __html__(self) -> str:
        """Return the markup."""


Content = str | Embeddable
Attribute = str | float | None


def tag(name: str, /, *content: Content, **attributes: Attribute) -> Markup:
    """Return an element; content that is not markup is escaped.

    Args:
        name: of the element.
        content: the children, in order.
        attributes: None leaves one out; `class_` becomes class, `stroke_width` stroke-width.
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{escape(_value(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in VOID and not content:
        return Markup(f"<{name}{written}/>")
    return Markup(f"<{name}{written}>{Markup().join(content)}</{name}>")


def _value(value: str | float) -> str:
    return value if isinstance(value, str) else number(value)


def number(value: float) -> str:
    """Write a coordinate in pixels with at most one decimal."""
    return f"{round(value, 1) + 0.0:.1f}".removesuffix(".0")


def render(template: str, **values: object) -> Markup:
    """Fill in a template of `report/templates`; values that are not markup are escaped."""
    return Markup(_environment().get_template(f"{template}.html.j2").render(values))


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("dlrun.report"),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
    )
