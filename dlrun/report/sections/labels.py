"""The section on labels: the kinds of candidates by labels, and which leads where."""

from __future__ import annotations

from functools import partial
from math import isfinite, isnan
from typing import TYPE_CHECKING

from dlrun.catalog.metrics import get_metric
from dlrun.evidence.formatting import fixed
from dlrun.evidence.label_curve import KIND_TITLES, LabelCurve, LabelCurves, label_curves
from dlrun.report.charts.learning import Crossing, Trace, draw_learning
from dlrun.report.charts.marks import Estimate, interval_of
from dlrun.report.html import tag
from dlrun.report.label_curve import cells, places_of
from dlrun.report.sections.section import WIDE, ReportSection, figure, on_any_width, table

if TYPE_CHECKING:
    from dlrun.evidence.labels_needed import LabelsNeeded
    from dlrun.report.charts.chart import Chart
    from dlrun.report.context import ReportContext
    from dlrun.report.styles import Style

CAPTION = (
    "Marks are mean test scores of the candidate that is best on the validation rows, split by "
    "split; vertical lines are ± one standard deviation over the splits. Labels are training and "
    "validation rows together."
)
BAND = " The shaded band is where the lead changes hands, from the first end to the last."


def write_labels(context: ReportContext) -> ReportSection | None:
    """Draw the score of every kind of candidates by its labels; of a single study."""
    found = label_curves(context.studies[0]) if len(context.studies) == 1 else None
    if found is None:
        return None
    draw = partial(_draw, found, context)
    caption = CAPTION + (BAND if _crossing(found) else "")
    body = tag("p", " ".join(found.sentences)) + figure(on_any_width(draw), caption=caption)
    head = ["labels", *(KIND_TITLES[curve.kind] for curve in found.curves)]
    numbers = table("Mean test score, and the candidate that was chosen", head, cells(found))
    return ReportSection("labels", "Labels needed", body + numbers)


def draw_labels(context: ReportContext) -> Chart | None:
    """Return the chart of the section, for a file; None where there is none."""
    found = label_curves(context.studies[0])
    return _draw(found, context, width=WIDE) if found else None


def _draw(found: LabelCurves, context: ReportContext, *, width: float) -> Chart:
    row = get_metric(found.metric)
    return draw_learning(
        [_trace(curve, context, found) for curve in found.curves],
        _crossing(found),
        title=f"{row.title} by labels",
        axis=row.title,
        width=width,
        bounds=row.bounds,
        of="labels",
    )


def _trace(curve: LabelCurve, context: ReportContext, found: LabelCurves) -> Trace:
    style, (low, high) = _style(curve, context), get_metric(found.metric).bounds
    places, points = places_of(found), []
    for point in curve.points:
        name = f"{KIND_TITLES[curve.kind]}, {point.labels:,} labels: {', '.join(point.chosen)}"
        spread = "" if isnan(point.sd) else f" ± {fixed(point.sd, places)}"
        ends = interval_of(point.mean, point.sd)
        ends = (max(low, ends[0]), min(high, ends[1])) if ends else None
        text = fixed(point.mean, places) + spread
        points.append((point.labels, Estimate(name, style, point.mean, text, ends)))
    return Trace(KIND_TITLES[curve.kind], style, tuple(points))


def _style(curve: LabelCurve, context: ReportContext) -> Style:
    """Return the style of the candidate that was chosen with the most labels."""
    name = next(iter(curve.points[-1].chosen))
    return next(view.style for view in context.candidates if view.own_name == name)


def _crossing(found: LabelCurves) -> Crossing | None:
    """Return the first crossover with both ends among the measured labels."""
    return next(filter(None, map(_mark, found.leads)), None)


def _mark(lead: LabelsNeeded) -> Crossing | None:
    if lead.until is None or lead.since is None:
        return None
    low, high = lead.until.low, lead.since.high
    middle = (lead.until.labels * lead.since.labels) ** 0.5
    return Crossing(middle, (low, high), lead.sentence) if isfinite(high) else None
