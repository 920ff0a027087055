"""A section of a report, and the figures and tables that it consists of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dlrun.report.html import Markup, join, tag

if TYPE_CHECKING:
    from dlrun.report.context import CandidateView

WIDE: Final = 900.0
NARROW: Final = 350.0


@dataclass(frozen=True)
class ReportSection:
    """A titled part of the page.

    Attributes:
        id: of the heading, for links.
        body: what stands below the heading.
    """

    id: str
    title: str
    body: Markup


def figure(*content: str, caption: str) -> Markup:
    """Write a figure with its caption below."""
    return tag("figure", *content, tag("figcaption", caption))


def on_any_width(
    draw: Callable[..., Markup], *, wide: float = WIDE, narrow: float = NARROW
) -> Markup:
    """Draw a chart twice, for a page and for a phone; the style shows the one that fits."""
    return join(
        [
            tag("div", draw(width=wide), class_="wide"),
            tag("div", draw(width=narrow), class_="narrow"),
        ]
    )


def panels(charts: Iterable[tuple[Markup, Markup]]) -> Markup:
    """Set charts of equal size side by side, each below its words."""
    cells = (tag("div", words, chart, class_="panel") for words, chart in charts)
    return tag("div", *cells, class_="panels")


def candidate_title(shown: CandidateView, facts: str = "") -> Markup:
    """Write a candidate's name with its marker, and facts beside it."""
    icon = tag(
        "svg", shown.look.mark(7, 7, 5), viewBox="0 0 14 14", width=14, height=14,
        class_="icon", style=shown.look.style, aria_hidden="true",
    )  # fmt: skip
    return tag("p", icon, tag("b", shown.name), f" {facts}" if facts else "")


def table(
    caption: str,
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    left: int = 1,
    strong: frozenset[tuple[int, int]] = frozenset(),
    is_tight: bool = False,
) -> Markup:
    """Write a table that scrolls sideways where it is too wide.

    Args:
        caption: above it.
        head: titles of the columns.
        rows: of as many cells; the first cell names the row.
        left: how many columns are words; the others are numbers, set flush right.
        strong: (row, column) of the cells to stand out.
        is_tight: let cells and titles break between words before it scrolls.
    """
    kinds = [None if place < left else "number" for place in range(len(head))]
    titles = (
        tag("th", title, scope="col", class_=kind) for title, kind in zip(head, kinds, strict=True)
    )
    lines = [
        tag(
            "tr",
            tag("th", cells[0], scope="row"),
            *(
                tag("td", _cell(cell, is_strong=(row, place) in strong), class_=kinds[place])
                for place, cell in enumerate(cells)
                if place
            ),
        )
        for row, cells in enumerate(rows)
    ]
    whole = tag(
        "table",
        tag("caption", tag("span", caption)),
        tag("thead", tag("tr", *titles)),
        tag("tbody", *lines),
        class_="tight" if is_tight else None,
    )
    return tag("div", whole, class_="scroll", tabindex="0", role="region", aria_label=caption)


def _cell(text: str, *, is_strong: bool) -> str:
    return tag("strong", text) if is_strong else text
