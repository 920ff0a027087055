"""The section on permutation importance: of columns, patches of images, segments of series."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from math import isnan
from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup

from dlrun.evidence.importance import Importance, agree, importances
from dlrun.report.charts.drops import draw_drops
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
    from dlrun.report.html import Content

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


Sides = Sequence[SideImportance]


def write_importance(context: ReportContext) -> ReportSection | None:
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
        name: drop_estimate(view, name, drop, sd, places)
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


def _columns(context: ReportContext, sides: Sides, columns: Sequence[str]) -> Markup:
    first = [
        {name: [drop] for name, drop in side.drops.items() if name in columns} for side in sides
    ]
    first = [dict(list(drops.items())[:MOST]) for drops in first]
    spanned = [drop for drops in first for (drop,) in drops.values()]
    charts = []
    for side, drops in zip(sides, first, strict=True):
        title = f"Importance of the columns for {side.view.name}"
        charts.append(_draw(context, draw_drops, drops, spanned, title))
    some = f"The first {MOST} of {len(columns):,} columns. " if len(columns) > MOST else ""
    caption = (
        f"{some}How much worse {measured_title(context)} becomes where one column of the test "
        f"rows is permuted (Breiman 2001).{_deviation_words(sides)}"
    )
    return _panels(sides, charts, caption + _agreement(sides, columns, "columns"))


def _of_parts(
    context: ReportContext, sides: Sides, column: str, part: Mapping[str, Place]
) -> Markup:
    """Draw the patches of an image, or the segments of an audio or series."""
    is_image = any(len(place) > 1 for place in part.values())
    noun = "patches" if is_image else "segments"
    known = [side for side in sides if column in side.drops]
    wholes = [f"{side.view.name} {side.drops[column].text}" for side in known]
    whole = f" All of {column}: {', '.join(wholes)}." if wholes else ""
    caption = (
        f"How much worse {measured_title(context)} becomes where one of the {noun} of {column} is "
        f"permuted between the test rows.{whole}"
    )
    found = [{place: side.drops[name] for name, place in part.items()} for side in sides]
    spanned = [drop for drops in found for drop in drops.values()]
    charts: list[Content] = []
    for side, drops in zip(sides, found, strict=True):
        title = f"Importance of the {noun} for {side.view.name}"
        if is_image:
            charts.append(draw_patches(drops, title=title, places=places_of(context)))
        else:
            numbered = {number: drop for (number,), drop in drops.items()}
            charts.append(_draw(context, draw_segments, numbered, spanned, title))
    lines = " The shade is the share of the largest value." if is_image else _deviation_words(sides)
    return _panels(sides, charts, caption + lines + _agreement(sides, part, noun))


def _draw(
    context: ReportContext,
    draw: Callable[..., Chart],
    drops: Mapping[Any, Any],
    spanned: Sequence[Estimate],
    title: str,
) -> Markup:
    axis = worse_axis(context)
    return on_any_width(partial(draw, drops, title=title, axis=axis, spanned=spanned), wide=WIDTH)


def _panels(sides: Sides, charts: Sequence[Content], caption: str) -> Markup:
    titles = [candidate_title(side.view) for side in sides]
    return figure(panels(zip(titles, charts, strict=True)), caption=caption)


def _deviation_words(sides: Sides) -> str:
    is_known = any(not isnan(sd) for side in sides for sd in side.found.sds)
    return " Lines are ± one standard deviation over the splits." if is_known else ""


def _agreement(sides: Sides, names: Iterable[str], noun: str) -> str:
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
