"""The section on which columns, patches and segments the best of each side needs."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import isnan
from typing import TYPE_CHECKING, Final

from dlrun.evidence.importance import Importance, agree, importances
from dlrun.report.charts.drops import Drop, Lane, draw_drops
from dlrun.report.charts.patches import draw_patches
from dlrun.report.charts.segments import draw_segments
from dlrun.report.html import Markup, join
from dlrun.report.sections.probe_tables import (
    change_text,
    measured,
    measured_title,
    places_of,
    worse_axis,
)
from dlrun.report.sections.section import (
    ReportSection,
    candidate_title,
    figure,
    on_any_width,
    panels,
)

if TYPE_CHECKING:
    from dlrun.report.context import CandidateView, ReportContext

MOST: Final = 12
PART: Final = re.compile(r"(?P<column>.+) (?:patch|segment) (?P<place>\d+(?:,\d+)?)")
WIDTH: Final = 440.0

Place = tuple[int, ...]  # row and column of a patch; number of a segment


@dataclass(frozen=True)
class Side:
    """What the best of a side needs; `drops` are by name, the most important first."""

    shown: CandidateView
    found: Importance
    drops: Mapping[str, Drop]


def importance(findings: ReportContext) -> ReportSection | None:
    """Draw what permuting each column, patch or segment costs the best of each side."""
    champions = [shown.name for shown in findings.champions]
    sides = [
        _side(findings, shown, found)
        for shown, found in measured(findings, importances)
        if shown.name in champions and found.names
    ]
    ranked = sides[0].drops if sides else ()
    names = [name for name in ranked if all(name in each.drops for each in sides)]
    if not names:
        return None
    parts = _parts(findings, names)
    columns = [name for name in names if not any(name in part for part in parts.values())]
    figures = [_columns(findings, sides, columns)] if len(columns) > 1 or not parts else []
    figures += [_of_parts(findings, sides, column, part) for column, part in parts.items()]
    return ReportSection("importance", "Importance", join(figures))


def _side(findings: ReportContext, shown: CandidateView, found: Importance) -> Side:
    places = places_of(findings)
    drops = {
        name: Drop(shown.look, drop, spread, change_text(drop, spread, places))
        for name, drop, spread in zip(found.names, found.drops, found.spreads, strict=True)
    }
    return Side(shown, found, drops)


def _parts(findings: ReportContext, names: Iterable[str]) -> dict[str, dict[str, Place]]:
    """Return column → name of each of its parts → its place."""
    data = findings.studies[0].data
    columns = data.columns if data else {}
    parts: dict[str, dict[str, Place]] = {}
    for name in names:
        match = PART.fullmatch(name)
        if match and name not in columns and match["column"] in columns:
            place = tuple(map(int, match["place"].split(",")))
            parts.setdefault(match["column"], {})[name] = place
    return parts


def _columns(findings: ReportContext, sides: Sequence[Side], columns: Sequence[str]) -> Markup:
    lanes = {
        side.shown.name: [Lane(name, (side.drops[name],)) for name in side.drops if name in columns]
        for side in sides
    }
    first = {name: own[:MOST] for name, own in lanes.items()}
    charts = [
        (
            candidate_title(side.shown),
            on_any_width(
                partial(
                    draw_drops,
                    first[side.shown.name],
                    title=f"Importance of the columns for {side.shown.name}",
                    axis=worse_axis(findings),
                    spanned=[lane for own in first.values() for lane in own],
                ),
                wide=WIDTH,
            ),
        )
        for side in sides
    ]
    some = f"The first {MOST} of {len(columns):,} columns. " if len(columns) > MOST else ""
    caption = (
        f"{some}How much worse {measured_title(findings)} becomes where one column of the test "
        f"rows is permuted (Breiman 2001).{_spread_words(sides)}"
    )
    return figure(panels(charts), caption=caption + _agreement(sides, columns, "columns"))


def _of_parts(
    findings: ReportContext, sides: Sequence[Side], column: str, part: Mapping[str, Place]
) -> Markup:
    is_image = any(len(place) > 1 for place in part.values())
    noun = "patches" if is_image else "segments"
    draw = _patches if is_image else _segments
    charts = [
        (
            candidate_title(side.shown),
            draw(findings, side, part, [other.drops[name] for other in sides for name in part]),
        )
        for side in sides
    ]
    caption = (
        f"How much worse {measured_title(findings)} becomes where one of the {noun} of {column} is "
        f"permuted between the test rows.{_whole(sides, column)}"
    )
    caption += " The shade is the share of the largest value." if is_image else _spread_words(sides)
    return figure(panels(charts), caption=caption + _agreement(sides, part, noun))


def _whole(sides: Sequence[Side], column: str) -> str:
    """Tell what permuting the whole column costs."""
    costs = [
        f"{side.shown.name} {side.drops[column].text}" for side in sides if column in side.drops
    ]
    return f" All of {column}: {', '.join(costs)}." if costs else ""


def _patches(
    findings: ReportContext, side: Side, part: Mapping[str, Place], _: Sequence[Drop]
) -> Markup:
    cells = {(place[0], place[1]): (name, side.drops[name]) for name, place in part.items()}
    title = f"Importance of the patches for {side.shown.name}"
    return draw_patches(cells, title=title, places=places_of(findings))


def _segments(
    findings: ReportContext, side: Side, part: Mapping[str, Place], spanned: Sequence[Drop]
) -> Markup:
    cells = {place[0]: (name, side.drops[name]) for name, place in part.items()}
    draw = partial(
        draw_segments,
        cells,
        title=f"Importance of the segments for {side.shown.name}",
        axis=worse_axis(findings),
        spanned=spanned,
    )
    return on_any_width(draw, wide=WIDTH)


def _spread_words(sides: Sequence[Side]) -> str:
    has_spread = any(not isnan(spread) for side in sides for spread in side.found.spreads)
    return " Lines are ± one standard deviation over the splits." if has_spread else ""


def _agreement(sides: Sequence[Side], names: Iterable[str], noun: str) -> str:
    """Say how alike two sides rank these names."""
    kept = set(names)
    if len(sides) < 2 or len(kept) < 2:  # noqa: PLR2004
        return ""
    agreed = agree(*(_only(side.found, kept) for side in sides))
    tau = "" if isnan(agreed.tau) else f" (Kendall's tau {agreed.tau:.2f})"
    return f" The two sides agree on {agreed.n_shared} of their first {agreed.top} {noun}{tau}."


def _only(found: Importance, names: set[str]) -> Importance:
    rows = zip(found.names, found.drops, found.spreads, strict=True)
    kept, drops, spreads = zip(*(row for row in rows if row[0] in names), strict=True)
    return replace(found, names=kept, drops=drops, spreads=spreads)
