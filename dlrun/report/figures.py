"""SVG files of the study and its candidates, for the artifacts of their MLflow runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlrun.report.sections.detection import draw_precision, draw_roc
from dlrun.report.sections.labels import draw_labels
from dlrun.report.sections.predictions import draw_calibration, draw_confusion, draw_predicted
from dlrun.report.sections.residuals import draw_residuals
from dlrun.report.sections.tuning import draw_search

if TYPE_CHECKING:
    from dlrun.report.charts.chart import Chart
    from dlrun.report.context import CandidateView, ReportContext


def draw_figures(context: ReportContext) -> dict[str, dict[str, bytes]]:
    """Return candidate → file name → SVG, the same charts as in the report.

    Those of the study itself stand under an empty name.
    """
    charts = {
        "calibration.svg": draw_calibration,
        "confusion.svg": draw_confusion,
        "roc.svg": _roc,
        "precision_recall.svg": _precision,
        "predicted_true.svg": draw_predicted,
        "residuals.svg": draw_residuals,
        "search.svg": draw_search,
    }
    labels = draw_labels(context)
    own = {"": {"labels.svg": labels.to_file().encode()}} if labels else {}
    return own | {
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
