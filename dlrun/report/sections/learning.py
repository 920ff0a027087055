"""The section on scores by training rows: learning curves and their crossover."""

from __future__ import annotations

from functools import partial
from math import isnan
from typing import TYPE_CHECKING, Final

import numpy as np
from markupsafe import Markup

from dlrun.catalog.metrics import get_metric
from dlrun.evidence.formatting import counted, fixed
from dlrun.evidence.learning_curve import Crossover, LearningCurve, crossover, learning_curves
from dlrun.report.charts.learning import Crossing, Trace, draw_learning
from dlrun.report.charts.marks import Estimate, interval_of
from dlrun.report.html import tag
from dlrun.report.sections.probe_tables import measured, measured_metric, measured_title, places_of
from dlrun.report.sections.section import ReportSection, figure, on_any_width

if TYPE_CHECKING:
    from dlrun.report.context import CandidateView, ReportContext

N_POINTS: Final = 48  # of a fitted line


def write_learning(context: ReportContext) -> ReportSection | None:
    """Draw the score of every candidate by its training rows."""
    found = [(view, curve) for view, curve in measured(context, learning_curves) if curve.sizes]
    if not found:
        return None
    near = [each for each in found if each[0].name in context.in_view] or found
    crossing = _crossover(context)
    until = (crossing.high if crossing else None) or 0.0
    places = places_of(context)
    metric = measured_metric(context)
    traces = [_trace(view, curve, metric, until, places) for view, curve in near]
    draw = partial(
        draw_learning,
        traces,
        _mark(crossing),
        title=f"{measured_title(context)} by training rows",
        axis=measured_title(context),
        bounds=get_metric(metric).bounds,
    )
    caption = _caption([curve for _, curve in near], _mark(crossing))
    far = [view.name for view, _ in found if view.name not in context.in_view]
    if far and len(near) < len(found):
        caption += f" Too far behind to be drawn: {', '.join(far)}."
    sentence = tag("p", crossing.sentence) if crossing else Markup()
    body = sentence + figure(on_any_width(draw), caption=caption)
    return ReportSection("learning", "Learning curves", body)


def _crossover(context: ReportContext) -> Crossover | None:
    """Return the crossover of the best deep and the best classic candidate of one study."""
    champions = {view.row.family: view for view in context.champions}
    deep, classic = champions.get("deep"), champions.get("classic")
    if deep is None or classic is None or deep.study is not classic.study:
        return None
    study = deep.study
    return crossover(deep.own_name, classic.own_name, study, study.read_probe_scores())


def _mark(crossing: Crossover | None) -> Crossing | None:
    if crossing is None or crossing.n_rows is None:
        return None
    low, high = crossing.low or crossing.n_rows, crossing.high or crossing.n_rows
    return Crossing(crossing.n_rows, (low, high), crossing.sentence)


def _trace(
    view: CandidateView, curve: LearningCurve, metric: str, until: float, places: int
) -> Trace:
    points = []
    for size, score, sd in zip(curve.sizes, curve.scores, curve.sds, strict=True):
        name = f"{view.name}, {counted(size, 'training row')}"
        text = fixed(score, places) + ("" if isnan(sd) else f" ± {fixed(sd, places)}")
        ends = _within(interval_of(score, sd), metric)
        points.append((size, Estimate(name, view.style, score, text, ends)))
    return Trace(view.name, view.style, tuple(points), _line(curve, metric, until))


def _within(ends: tuple[float, float] | None, metric: str) -> tuple[float, float] | None:
    """Cut an interval to the scores that are possible."""
    low, high = get_metric(metric).bounds
    return (max(low, ends[0]), min(high, ends[1])) if ends else None


def _line(curve: LearningCurve, metric: str, until: float) -> tuple[tuple[float, float], ...]:
    """Return points of the fitted power law, as scores, up to the crossover."""
    if curve.law is None:
        return ()
    sizes = np.geomspace(curve.sizes[0], max(until, curve.sizes[-1]), N_POINTS)
    errors = curve.law.asymptote + curve.law.scale * sizes**-curve.law.exponent
    scores = errors if get_metric(metric).lower_is_better else 1.0 - errors
    return tuple(zip(sizes.tolist(), scores.tolist(), strict=True))


def _caption(curves: list[LearningCurve], crossing: Crossing | None) -> str:
    has_sd = any(not isnan(sd) for curve in curves for sd in curve.sds)
    has_law = any(curve.law for curve in curves)
    sentences = [
        "Marks are mean scores on the same test rows; those of one size stand side by side."
        + (" Vertical lines are ± one standard deviation over the splits." if has_sd else ""),
        "Lines are power laws with an asymptote, fitted to the error."
        if has_law
        else "Too few sizes for a power law; lines join the marks.",
        "The shaded band is the 95 % interval of the crossover." if crossing else "",
    ]
    return " ".join(filter(None, sentences))
