"""The section on residuals: true minus predicted numbers, by size and by prediction."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Final

import numpy as np

from dlrun.evidence.formatting import counted, decimals, fixed, signed
from dlrun.report.charts.density import draw_density
from dlrun.report.charts.histogram import draw_outlines
from dlrun.report.html import tag
from dlrun.report.sections.section import (
    ReportSection,
    candidate_title,
    figure,
    on_any_width,
    panels,
    table,
)

if TYPE_CHECKING:
    from markupsafe import Markup

    from dlrun.report.charts.chart import Chart
    from dlrun.report.context import CandidateView, ReportContext
    from dlrun.report.prediction_stats import Residuals

    Found = list[tuple[CandidateView, Residuals]]

N_BINS: Final = 40
NEARLY_ALL: Final = 0.99  # of the residuals, which the histogram spans
AXIS: Final = "residual: true minus predicted"


def draw_residuals(view: CandidateView) -> Chart | None:
    """Draw residuals against predictions of a candidate; None where it predicts classes."""
    residuals = view.prediction_stats.residuals
    if residuals is None:
        return None
    target = view.study.data.target if view.study.data else "value"
    return draw_density(
        residuals.by_prediction,
        view.style,
        title=f"Residuals of {view.name}",
        axes=(f"predicted {target}", AXIS),
        perfect="zero",
    )


def write_residuals(context: ReportContext) -> ReportSection | None:
    """Draw the residuals of the best of each side, and list those of all candidates."""
    found = _found(context.champions)
    if not found:
        return None
    legend = tag("div", *(candidate_title(view) for view, _ in found), class_="legend")
    maps = [(candidate_title(view), chart) for view, _ in found if (chart := draw_residuals(view))]
    beyond = sum(each.by_prediction.n_beyond for _, each in found)
    caption = (
        "A good model leaves residuals around 0 without a pattern. A slope or a bend in a map is "
        "what it has not learned; a fan that opens is an error that grows with the prediction. "
        "The histogram has the test predictions of all splits."
    )
    if beyond:
        caption += f" {counted(beyond, 'prediction')} beyond the ends of a map: at its edge."
    body = figure(legend, _histogram(found), panels(maps), caption=caption)
    return ReportSection("residuals", "Residuals", body + _quantiles(_found(context.finished)))


def _found(views: list[CandidateView]) -> Found:
    pairs = ((view, view.prediction_stats.residuals) for view in views)
    return [(view, each) for view, each in pairs if each is not None and len(each.values)]


def _histogram(found: Found) -> Markup:
    reach = max(each.within(NEARLY_ALL) for _, each in found) or 1.0
    edges = np.linspace(-reach, reach, N_BINS + 1)
    outlines = [
        (view.style, (100 * np.histogram(each.values, edges)[0] / len(each.values)).tolist())
        for view, each in found
    ]
    axes = (AXIS, "% of the predictions")
    draw = partial(
        draw_outlines, edges.tolist(), outlines, title="Residuals of each side's best", axes=axes
    )
    return on_any_width(draw)


def _quantiles(found: Found) -> Markup:
    shares = (0.5, 0.9, 0.99)
    places = decimals(min(each.within(0.5) for _, each in found) / 20)
    rows = [
        [
            view.name,
            signed(float(each.values.mean()), places),
            *(fixed(each.within(share), places) for share in shares),
            fixed(each.within(1.0), places),
        ]
        for view, each in found
    ]
    caption = "The mean residual, and how far predictions are off at most, for a share of them."
    head = ["candidate", "mean", *(f"{100 * share:.0f} %" for share in shares), "largest"]
    return table(caption, head, rows)
