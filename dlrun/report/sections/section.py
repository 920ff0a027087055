"""A section of a report, its figures and its tables."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from markupsafe import Markup

from dlrun.report.html import Content, render, tag

if TYPE_CHECKING:
    from dlrun.report.charts.chart import Chart
    from dlrun.report.context import CandidateView
    from dlrun.report.styles import Style

WIDE: Final = 900.0
NARROW: Final = 350.0


@dataclass(frozen=True)
class ReportSection:
    """A titled part of the page; `id` is that of its heading."""

    id: str
    title: str
    body: Markup


def figure(*content: Content, caption: str) -> Markup:
    """Return a figure with its caption below."""
    return tag("figure", *content, tag("figcaption", caption))


def on_any_width(
    draw: Callable[..., Chart], *, wide: float = WIDE, narrow: float = NARROW
) -> Markup:
    """Draw a chart for a desktop and for a phone; the style sheet shows the one that fits."""
    versions = (("wide", wide), ("narrow", narrow))
    return Markup().join(tag("div", draw(width=width), class_=name) for name, width in versions)


def panels(charts: Iterable[tuple[Markup, Content]]) -> Markup:
    """Return charts of equal size side by side, each below its title."""
    cells = (tag("div", words, chart, class_="panel") for words, chart in charts)
    return tag("div", *cells, class_="panels")


def icon(style: Style) -> Markup:
    """Return a marker as a part of a text."""
    return tag(
        "svg", style.draw(7, 7, 5), viewBox="0 0 14 14", width=14, height=14,
        class_="icon", style=style.css, aria_hidden="true",
    )  # fmt: skip


def candidate_title(view: CandidateView, facts: str = "") -> Markup:
    """Return a candidate's name with its marker, and facts beside it."""
    return tag("p", icon(view.style), tag("b", view.name), f" {facts}" if facts else "")


def table(
    caption: str,
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    left: int = 1,
    strong: frozenset[tuple[int, int]] = frozenset(),
    is_tight: bool = False,
) -> Markup:
    """Return a table that scrolls sideways where it is too wide.

    Args:
        caption: above it.
        head: titles of the columns.
        rows: of as many cells; the first cell names the row.
        left: columns of words; the others are numbers, aligned right.
        strong: (row, column) of bold cells.
        is_tight: let cells and titles break between words.
    """
    values = {"caption": caption, "head": head, "rows": rows, "left": left}
    return render("table", **values, strong=strong, is_tight=is_tight)
