"""The section on fitted functions: the predictions of a number from a single other one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from dlrun.catalog.metrics import get_metric
from dlrun.report.charts.fit import draw_fit
from dlrun.report.charts.scale import padded
from dlrun.report.sections.section import ReportSection, candidate_title, figure, panels
from dlrun.report.sections.settings import best_classic, effects_of

if TYPE_CHECKING:
    import pandas as pd
    from markupsafe import Markup

    from dlrun.report.charts.chart import Chart
    from dlrun.report.context import CandidateView, ReportContext

MOST_DOTS: Final = 300  # of one panel
MOST_CLASSIC: Final = 2
CAPTION: Final = (
    "Dots are the true values of test rows of the last split, to look at, not to tune by; the line "
    "joins the predictions of the same rows."
)


def write_fits(context: ReportContext) -> ReportSection | None:
    """Draw what a few candidates have learned, where the only column and the target are numbers."""
    inputs = context.excerpt.inputs if context.excerpt else {}
    data = context.studies[0].data
    if not inputs or not data:
        return None
    (column,) = data.columns
    frames = {view.name: _last_split(view, inputs) for view in _chosen(context)}
    views = [view for view in _chosen(context) if len(frames[view.name]) > 1]
    if not views:
        return None
    charts = [_panel(context, view, frames[view.name], (column, data.target)) for view in views]
    return ReportSection("fits", "Fitted functions", figure(panels(charts), caption=CAPTION))


def _chosen(context: ReportContext) -> list[CandidateView]:
    """Return networks of the smallest, a middle and the largest setting, and two classic ones.

    Without such networks the best is chosen.
    """
    sign = get_metric(context.comparison.metric).sign
    ranked = sorted(context.finished, key=lambda view: -sign * view.row.mean)
    deep = [view for view in ranked if view.row.family == "deep"][:1]
    if effects := effects_of(context):
        points = max((line.points for line in effects[0].lines), key=len)
        names = [points[place][1] for place in (0, len(points) // 2, -1)]
        deep = [view for name in names for view in ranked if view.own_name == name]
    return [*deep, *best_classic(context, MOST_CLASSIC)]


def _last_split(view: CandidateView, inputs: Mapping[int, float]) -> pd.DataFrame:
    """Return the predictions of the last split whose rows have a known number, by that number."""
    frame = view.results.read_predictions()
    last = frame[["repeat", "fold"]].drop_duplicates().max(axis=0)
    frame = frame[(frame["repeat"] == last["repeat"]) & (frame["fold"] == last["fold"])]
    frame = frame.assign(x=frame["row_id"].map(inputs)).dropna(subset=["x", "prediction"])
    ordered: pd.DataFrame = frame.sort_values("x")
    return ordered


def _panel(
    context: ReportContext, view: CandidateView, frame: pd.DataFrame, axes: tuple[str, str]
) -> tuple[Markup, Chart]:
    x, truth, predicted = (frame[name].tolist() for name in ("x", "truth", "prediction"))
    every = -(-len(x) // MOST_DOTS)
    chart = draw_fit(
        list(zip(x, truth, strict=True))[::every],
        list(zip(x, predicted, strict=True)),
        view.style,
        title=f"Fitted function of {view.name}",
        axes=axes,
        ends=padded(truth, 0.15),
    )
    return candidate_title(view, f"{context.metric} {context.score_text(view)}"), chart
