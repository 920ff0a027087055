"""The section on what each candidate costs for its score."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from dlrun.evidence.formatting import compact
from dlrun.report.charts.scatter import Spot, draw_scatter
from dlrun.report.html import Markup, tag
from dlrun.report.sections.section import ReportSection, figure, on_any_width, panels

if TYPE_CHECKING:
    from dlrun.report.context import CandidateView, ReportContext

COSTS: Final = {
    "fit_seconds": ("Score and training time", "training, seconds per split", "s to train"),
    "latency_ms_batch1": ("Score and latency", "latency of one row, milliseconds", "ms per row"),
}


def cost(findings: ReportContext) -> ReportSection | None:
    """Draw the score against training time and against latency."""
    charts = [
        (tag("p", tag("b", COSTS[name][0])), _chart(findings, name, known))
        for name in COSTS
        if (known := [shown for shown in findings.finished if _cost(shown, name) > 0])
        and any(shown.name in findings.in_view for shown in known)
    ]
    if not charts:
        return None
    direction = "low" if findings.comparison.lower_is_better else "high"
    far = len(findings.finished) - len(findings.in_view)
    sentences = [
        f"The best place is at the left and {direction}.",
        "The dashed line joins the candidates that no other beats at a lower cost.",
        "Vertical lines are 95 % intervals."
        if any(shown.interval for shown in findings.finished)
        else "",
        "Marks at the edge of the plot lie beyond it." if far else "",
        "A mark tells its name and numbers when the mouse rests on it.",
    ]
    caption = " ".join(filter(None, sentences))
    return ReportSection("cost", "Cost and quality", figure(panels(charts), caption=caption))


def _chart(findings: ReportContext, name: str, known: list[CandidateView]) -> Markup:
    title, axis, unit = COSTS[name]
    spots = [
        Spot(
            shown.name,
            shown.look,
            _cost(shown, name),
            shown.row.mean,
            f"{shown.name}: {findings.score_text(shown)}, {compact(_cost(shown, name))} {unit}",
            shown.ends,
        )
        for shown in known
    ]
    draw = partial(
        draw_scatter,
        spots,
        title=title,
        axes=(axis, findings.metric),
        shown=findings.in_view,
        lower_is_better=findings.comparison.lower_is_better,
    )
    return on_any_width(draw, wide=440)


def _cost(shown: CandidateView, name: str) -> float:
    return float(getattr(shown.row.cost, name) or 0.0)
