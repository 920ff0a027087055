"""Mean ranks of candidates over data sets, with bars over those that do not differ."""

from __future__ import annotations

from collections.abc import Mapping
from math import ceil
from typing import TYPE_CHECKING, Final

from dlrun.evidence.formatting import fixed
from dlrun.report.charts import marks
from dlrun.report.charts.chart import Chart, chart, label, text_width
from dlrun.report.charts.scale import Scale

if TYPE_CHECKING:
    from markupsafe import Markup

    from dlrun.evidence.ranking import Ranking
    from dlrun.report.styles import Style

AXIS: Final = 44.0  # pixels from the top
BAR: Final = 9.0  # between two bars
LINE: Final = 20.0  # between two names
WIDEST_NAME: Final = 0.36  # of the width


def draw_ranks(ranking: Ranking, styles: Mapping[str, Style], *, title: str, width: float) -> Chart:
    """Draw a critical-difference diagram (Demšar 2006): the best rank is at the left.

    Args:
        ranking: of the candidates.
        styles: of each candidate.
        title: of the chart.
        width: in pixels.
    """
    names = list(ranking.ranks)
    room = min(WIDEST_NAME * width, max(text_width(name) for name in names) + 75)
    x = Scale(1, len(names), room, width - room, pixels_per_tick=30, finest=1)
    groups = ranking.groups
    top = AXIS + 12 + BAR * len(groups)
    half = ceil(len(names) / 2)
    parts = [*_axis(x), *_difference(ranking, x), *_bars(ranking, x)]
    for place, name in enumerate(names):
        is_left = place < half
        y = top + LINE * (1 + (place if is_left else len(names) - 1 - place))
        parts += _name(ranking, name, styles[name], x, y, is_left=is_left, width=width)
    description = "; ".join(f"{name}: {fixed(rank, 2)}" for name, rank in ranking.ranks.items())
    return chart(title, description, parts, width=width, height=top + LINE * (half + 1))


def _axis(x: Scale) -> list[Markup]:
    parts = [marks.line((x.start, AXIS), (x.end, AXIS), "leader")]
    for value, text in x.ticks():
        at = x(value)
        parts.append(marks.line((at, AXIS - 5), (at, AXIS), "leader"))
        parts.append(label(text, at, AXIS - 14, class_="tick", text_anchor="middle"))
    return parts


def _difference(ranking: Ranking, x: Scale) -> list[Markup]:
    """Draw the critical difference as a bar above the axis, where it fits."""
    end = 1 + ranking.critical_difference
    if len(ranking.groups) == 1 and len(ranking.groups[0]) == len(ranking.ranks):
        return []
    bar = marks.line((x.start, 10), (x(end), 10), "interval thin")
    text = f"critical difference {fixed(ranking.critical_difference, 2)}"
    return [bar, label(text, x(end) + 8, 10, class_="tick")]


def _bars(ranking: Ranking, x: Scale) -> list[Markup]:
    parts = []
    for place, group in enumerate(ranking.groups):
        y = AXIS + 12 + BAR * place
        ends = ranking.ranks[group[0]], ranking.ranks[group[-1]]
        words = f"not told apart: {', '.join(group)}"
        bar = marks.line((x(ends[0]) - 4, y), (x(ends[1]) + 4, y), "interval")
        parts.append(marks.group(bar, title=words))
    return parts


def _name(
    ranking: Ranking, name: str, style: Style, x: Scale, y: float, *, is_left: bool, width: float
) -> list[Markup]:
    rank = ranking.ranks[name]
    text, at = fixed(rank, 2), x(rank)
    edge, anchor, way = (x.start - 8, "end", -1) if is_left else (x.end + 8, "start", 1)
    room = (x.start if is_left else width - x.end) - 24
    leader = marks.curve([(at, AXIS), (at, y), (edge - 8 * way, y)], "curve faint", style.css)
    icon = style.draw(edge, y, 4.5)
    words = label(
        f"{name}  {text}" if is_left else f"{text}  {name}", edge + 9 * way, y, room=room,
        class_="value", text_anchor=anchor,
    )  # fmt: skip
    return [marks.group(leader, icon, title=f"{name}: mean rank {text}", style=style), words]
