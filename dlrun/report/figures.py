"""SVG files of a candidate's predictions and search, for the artifacts of its MLflow run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlrun.report.sections.detection import draw_precision, draw_roc
from dlrun.report.sections.predictions import draw_calibration, draw_confusion, draw_predicted
from dlrun.report.sections.residuals import draw_residuals
from dlrun.report.sections.tuning import draw_search

if TYPE_CHECKING:
    from dlrun.report.charts.chart import Chart
    from dlrun.report.context import CandidateView, ReportContext


def draw_figures(context: ReportContext) -> dict[str, dict[str, bytes]]:
    """Return candidate → file name → SVG, the same charts as in the report."""
    charts = {
        "calibration.svg": draw_calibration,
        "confusion.svg": draw_confusion,
        "roc.svg": _roc,
        "precision_recall.svg": _precision,
        "predicted_true.svg": draw_predicted,
        "residuals.svg": draw_residuals,
        "search.svg": draw_search,
    }
    return {
        view.own_name: {
            name: chart.to_file().encode() for name, draw in charts.items() if (chart := draw(view))
        }
        for view in context.finished
    }


def _roc(view: CandidateView) -> Chart | None:
    curves = view.prediction_stats.detection
    return draw_roc([(view, curves)], title=f"ROC curve of {view.name}") if curves else None


def _precision(view: CandidateView) -> Chart | None:
    curves = view.prediction_stats.detection
    title = f"Precision and recall of {view.name}"
    return draw_precision([(view, curves)], title=title) if curves else None
