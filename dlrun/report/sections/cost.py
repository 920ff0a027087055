"""The section on score against training time and latency."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

from dlrun.evidence.formatting import compact
from dlrun.report.charts.scatter import draw_scatter
from dlrun.report.html import tag
from dlrun.report.sections.section import ReportSection, figure, on_any_width, panels

if TYPE_CHECKING:
    from markupsafe import Markup

    from dlrun.report.context import CandidateView, ReportContext

COSTS: Final = {
    "fit_seconds": ("Score and training time", "training, seconds per split", "s to train"),
    "latency_ms_batch1": (
        "Score and latency",
        "latency of one row, milliseconds",
        "ms per row",
    ),
}


def write_cost(context: ReportContext) -> ReportSection | None:
    """Draw the score against training time and against latency."""
    charts = [
        (tag("p", tag("b", COSTS[name][0])), _chart(context, name, known))
        for name in COSTS
        if (known := [view for view in context.finished if _cost(view, name) > 0])
        and any(view.name in context.in_view for view in known)
    ]
    if not charts:
        return None
    direction = "low" if context.comparison.lower_is_better else "high"
    sentences = [
        f"The best place is at the left and {direction}.",
        "The dashed line joins the candidates that no other beats at a lower cost.",
        "Vertical lines are 95 % intervals." * any(view.interval for view in context.finished),
        "Marks at the edge of the plot lie beyond it."
        * (len(context.finished) > len(context.in_view)),
        "A mark shows its name and numbers as its tooltip.",
        "Latency is measured in the form to deploy, the compiled network or the estimator on one "
        "thread, from inputs that are encoded already.",
    ]
    caption = " ".join(filter(None, sentences))
    return ReportSection("cost", "Cost and quality", figure(panels(charts), caption=caption))


def _chart(context: ReportContext, name: str, known: list[CandidateView]) -> Markup:
    title, axis, unit = COSTS[name]
    costs = [_cost(view, name) for view in known]
    texts = [
        f"{context.score_text(view)}, {compact(value)} {unit}"
        for view, value in zip(known, costs, strict=True)
    ]
    draw = partial(
        draw_scatter,
        costs,
        [view.estimate(text) for view, text in zip(known, texts, strict=True)],
        title=title,
        axes=(axis, context.metric),
        in_view=context.in_view,
        lower_is_better=context.comparison.lower_is_better,
        bounds=context.bounds,
    )
    return on_any_width(draw, wide=440)


def _cost(view: CandidateView, name: str) -> float:
    return float(getattr(view.row.cost, name) or 0.0)
