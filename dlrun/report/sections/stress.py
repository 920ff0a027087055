"""The section on scores under stress: noise, gaps, junk, wrong labels, lost structure."""

from __future__ import annotations

from functools import partial
from math import isfinite, isnan
from typing import TYPE_CHECKING

from markupsafe import Markup

from dlrun.catalog.perturbations import PERTURBATIONS
from dlrun.evidence.stress import Stress, stresses
from dlrun.report.charts.drops import draw_drops
from dlrun.report.html import tag
from dlrun.report.sections.probe_tables import (
    change_text,
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
    table,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlrun.report.context import CandidateView, ReportContext

    Found = Sequence[tuple[CandidateView, Stress]]


def write_stress(context: ReportContext) -> ReportSection | None:
    """Draw the effect of each stress on the best of each side, and list it for every candidate."""
    found = sorted(
        measured(context, stresses),
        key=lambda each: (list(PERTURBATIONS).index(each[1].aspect), each[1].level),
    )
    if not found:
        return None
    titles = list(dict.fromkeys(each.title for _, each in found))
    body = _chart(context, found, titles) + _table(context, found)
    return ReportSection("stress", "Stress", body)


def _chart(context: ReportContext, found: Found, titles: Sequence[str]) -> Markup:
    champions = context.champions
    places = places_of(context)
    drops = {
        (each.title, view.name): drop_estimate(
            view, f"{each.title}, {view.name}", each.drop, each.sd, places
        )
        for view, each in found
        if isfinite(each.drop)
    }
    if not drops:
        return Markup()
    changes = {
        title: [drops[key] for each in champions if (key := (title, each.name)) in drops]
        for title in titles
    }
    title = f"Change of {measured_title(context)} under each stress"
    draw = partial(draw_drops, changes, title=title, axis=worse_axis(context))
    legend = tag("div", *map(candidate_title, champions), class_="legend")
    return figure(legend, on_any_width(draw), caption=_caption(context, found))


def _caption(context: ReportContext, found: Found) -> str:
    lines = (
        " Lines are ± one standard deviation over the splits."
        if any(not isnan(each.sd) for _, each in found)
        else ""
    )
    return (
        f"How much worse {measured_title(context)} becomes under each stress, compared with the "
        f"same splits without it. Where it is on training rows, candidates train again.{lines}"
    )


def _table(context: ReportContext, found: Found) -> Markup:
    """List every candidate, the best of each side first."""
    places = places_of(context)
    cells = {
        (view.name, _short(each)): change_text(each.drop, each.sd, places) for view, each in found
    }
    measured_names = {name for name, _ in cells}
    first = [view.name for view in (*context.champions, *context.candidates)]
    names = [name for name in dict.fromkeys(first) if name in measured_names]
    columns = list(dict.fromkeys(_short(each) for _, each in found))
    rows = [[name, *(cells.get((name, column), "–") for column in columns)] for name in names]
    caption = (
        f"How much worse {measured_title(context)} becomes, mean ± standard deviation over the "
        "splits; the best of each side first."
    )
    return table(caption, ["candidate", *columns], rows, is_tight=True)


def _short(each: Stress) -> str:
    """Return a short name of a stress, with its level unless that is 1."""
    level = "" if each.level == 1 else f" {each.level:g}"
    return each.aspect.replace("_", " ") + level
