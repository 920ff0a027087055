"""The section on what noise, gaps, junk, wrong labels and lost structure cost each candidate."""

from __future__ import annotations

from functools import partial
from math import isfinite, isnan
from typing import TYPE_CHECKING

from dlrun.catalog.perturbations import PERTURBATIONS
from dlrun.evidence.stress import Stress, stresses
from dlrun.report.charts.drops import Drop, Lane, draw_drops
from dlrun.report.html import Markup, join, tag
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
    table,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dlrun.report.context import CandidateView, ReportContext

    Found = Sequence[tuple[CandidateView, Stress]]


def stress(findings: ReportContext) -> ReportSection | None:
    """Draw what each stress costs the best of each side, and tell it for every candidate."""
    found = sorted(
        measured(findings, stresses),
        key=lambda each: (list(PERTURBATIONS).index(each[1].aspect), each[1].level),
    )
    if not found:
        return None
    titles = list(dict.fromkeys(each.title for _, each in found))
    parts = [_chart(findings, found, titles), _table(findings, found)]
    return ReportSection("stress", "Stress", join(parts))


def _chart(findings: ReportContext, found: Found, titles: Sequence[str]) -> Markup:
    champions = findings.champions
    places = places_of(findings)
    drops = {
        (each.title, shown.name): Drop(
            shown.look, each.drop, each.spread,
            f"{shown.name}: {change_text(each.drop, each.spread, places)}",
        )
        for shown, each in found
        if isfinite(each.drop)
    }  # fmt: skip
    lanes = [
        Lane(title, tuple(drops[key] for each in champions if (key := (title, each.name)) in drops))
        for title in titles
    ]
    if not any(lane.drops for lane in lanes):
        return Markup()
    title = f"What each stress costs in {measured_title(findings)}"
    draw = partial(draw_drops, lanes, title=title, axis=worse_axis(findings))
    legend = tag("div", *map(candidate_title, champions), class_="legend")
    return figure(legend, on_any_width(draw), caption=_caption(findings, found))


def _caption(findings: ReportContext, found: Found) -> str:
    lines = (
        " Lines are ± one standard deviation over the splits."
        if any(not isnan(each.spread) for _, each in found)
        else ""
    )
    return (
        f"How much worse {measured_title(findings)} becomes under each stress, compared with the "
        f"same splits without it. What is trained under stress is trained anew.{lines}"
    )


def _table(findings: ReportContext, found: Found) -> Markup:
    """Tell every candidate, the best of each side first."""
    places = places_of(findings)
    cells = {
        (shown.name, _short(each)): change_text(each.drop, each.spread, places)
        for shown, each in found
    }
    measured_names = {name for name, _ in cells}
    first = [shown.name for shown in (*findings.champions, *findings.candidates)]
    names = [name for name in dict.fromkeys(first) if name in measured_names]
    columns = list(dict.fromkeys(_short(each) for _, each in found))
    rows = [[name, *(cells.get((name, column), "–") for column in columns)] for name in names]
    caption = (
        f"How much worse {measured_title(findings)} becomes, mean ± standard deviation over the "
        "splits; the best of each side first."
    )
    return table(caption, ["candidate", *columns], rows, is_tight=True)


def _short(each: Stress) -> str:
    """Name a stress in few words; a level of 1 says nothing."""
    level = "" if each.level == 1 else f" {each.level:g}"
    return each.aspect.replace("_", " ") + level
