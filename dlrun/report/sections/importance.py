"""The section on permutation importance: of columns, patches of images, segments of series."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import isnan
from typing import TYPE_CHECKING, Final

from markupsafe import Markup

from dlrun.evidence.importance import Importance, agree, importances
from dlrun.report.charts.drops import Lane, draw_drops
from dlrun.report.charts.patches import draw_patches
from dlrun.report.charts.segments import draw_segments
from dlrun.report.sections.probe_tables import (
    drop_estimate,
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
    from dlrun.report.charts.chart import Chart
    from dlrun.report.charts.marks import Estimate
    from dlrun.report.context import CandidateView, ReportContext

MOST: Final = 12
PART: Final = re.compile(r"(?P<column>.+) (?:patch|segment) (?P<place>\d+(?:,\d+)?)")
WIDTH: Final = 440.0

Place = tuple[int, ...]  # row and column of a patch; number of a segment


@dataclass(frozen=True)
class SideImportance:
    """The importances of the best candidate of a family; `drops` by name, the largest first."""

    view: CandidateView
    found: Importance
    drops: Mapping[str, Estimate]


def importance(context: ReportContext) -> ReportSection | None:
    """Draw the permutation importance of columns, patches and segments for the best candidates."""
    champions = [view.name for view in context.champions]
    sides = [
        _side(context, view, found)
        for view, found in measured(context, importances)
        if view.name in champions and found.names
    ]
    ranked = sides[0].drops if sides else ()
    names = [name for name in ranked if all(name in each.drops for each in sides)]
    if not names:
        return None
    parts = _parts(context, names)
    columns = [name for name in names if not any(name in part for part in parts.values())]
    figures = [_columns(context, sides, columns)] if len(columns) > 1 or not parts else []
    figures += [_of_parts(context, sides, column, part) for column, part in parts.items()]
    return ReportSection("importance", "Importance", Markup().join(figures))


def _side(context: ReportContext, view: CandidateView, found: Importance) -> SideImportance:
    places = places_of(context)
    drops = {
        name: drop_estimate(view, drop, sd, places)
        for name, drop, sd in zip(found.names, found.drops, found.sds, strict=True)
    }
    return SideImportance(view, found, drops)


def _parts(context: ReportContext, names: Iterable[str]) -> dict[str, dict[str, Place]]:
    """Return column → name of each of its parts → its place."""
    data = context.studies[0].data
    columns = data.columns if data else {}
    parts: dict[str, dict[str, Place]] = {}
    for name in names:
        match = PART.fullmatch(name)
        if match and name not in columns and match["column"] in columns:
            place = tuple(map(int, match["place"].split(",")))
            parts.setdefault(match["column"], {})[name] = place
    return parts


def _columns(
    context: ReportContext, sides: Sequence[SideImportance], columns: Sequence[str]
) -> Markup:
    lanes = {
        side.view.name: [Lane(name, (side.drops[name],)) for name in side.drops if name in columns]
        for side in sides
    }
    first = {name: own[:MOST] for name, own in lanes.items()}
    charts = [
        (
            candidate_title(side.view),
            on_any_width(
                partial(
                    draw_drops,
                    first[side.view.name],
                    title=f"Importance of the columns for {side.view.name}",
                    axis=worse_axis(context),
                    spanned=[lane for own in first.values() for lane in own],
                ),
                wide=WIDTH,
            ),
        )
        for side in sides
    ]
    some = f"The first {MOST} of {len(columns):,} columns. " if len(columns) > MOST else ""
    caption = (
        f"{some}How much worse {measured_title(context)} becomes where one column of the test "
        f"rows is permuted (Breiman 2001).{_spread_words(sides)}"
    )
    return figure(panels(charts), caption=caption + _agreement(sides, columns, "columns"))


def _of_parts(
    context: ReportContext, sides: Sequence[SideImportance], column: str, part: Mapping[str, Place]
) -> Markup:
    is_image = any(len(place) > 1 for place in part.values())
    noun = "patches" if is_image else "segments"
    draw = _patches if is_image else _segments
    charts = [
        (
            candidate_title(side.view),
            draw(context, side, part, [other.drops[name] for other in sides for name in part]),
        )
        for side in sides
    ]
    caption = (
        f"How much worse {measured_title(context)} becomes where one of the {noun} of {column} is "
        f"permuted between the test rows.{_whole(sides, column)}"
    )
    caption += " The shade is the share of the largest value." if is_image else _spread_words(sides)
    return figure(panels(charts), caption=caption + _agreement(sides, part, noun))


def _whole(sides: Sequence[SideImportance], column: str) -> str:
    """Write the importance of the whole column."""
    costs = [
        f"{side.view.name} {side.drops[column].text}" for side in sides if column in side.drops
    ]
    return f" All of {column}: {', '.join(costs)}." if costs else ""


def _patches(
    context: ReportContext, side: SideImportance, part: Mapping[str, Place], _: Sequence[Estimate]
) -> Chart:
    cells = {(place[0], place[1]): (name, side.drops[name]) for name, place in part.items()}
    title = f"Importance of the patches for {side.view.name}"
    return draw_patches(cells, title=title, places=places_of(context))


def _segments(
    context: ReportContext,
    side: SideImportance,
    part: Mapping[str, Place],
    spanned: Sequence[Estimate],
) -> Markup:
    cells = {place[0]: (name, side.drops[name]) for name, place in part.items()}
    draw = partial(
        draw_segments,
        cells,
        title=f"Importance of the segments for {side.view.name}",
        axis=worse_axis(context),
        spanned=spanned,
    )
    return on_any_width(draw, wide=WIDTH)


def _spread_words(sides: Sequence[SideImportance]) -> str:
    has_sd = any(not isnan(sd) for side in sides for sd in side.found.sds)
    return " Lines are ± one standard deviation over the splits." if has_sd else ""


def _agreement(sides: Sequence[SideImportance], names: Iterable[str], noun: str) -> str:
    """Write how far two families agree on the ranking of these names."""
    kept = set(names)
    if len(sides) < 2 or len(kept) < 2:  # noqa: PLR2004
        return ""
    agreed = agree(*(_only(side.found, kept) for side in sides))
    tau = "" if isnan(agreed.tau) else f" (Kendall's tau {agreed.tau:.2f})"
    return f" The two sides agree on {agreed.n_shared} of their first {agreed.top} {noun}{tau}."


def _only(found: Importance, names: set[str]) -> Importance:
    rows = zip(found.names, found.drops, found.sds, strict=True)
    kept, drops, sds = zip(*(row for row in rows if row[0] in names), strict=True)
    return replace(found, names=kept, drops=drops, sds=sds)
