"""SVG files of a candidate's test predictions, for the artifacts of its MLflow run."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dlrun.report.sections.predictions import draw_calibration, draw_confusion, draw_predicted

if TYPE_CHECKING:
    from dlrun.report.context import ReportContext


def draw_figures(context: ReportContext) -> dict[str, dict[str, bytes]]:
    """Return candidate → file name → SVG, the same charts as in the report."""
    charts = {
        "calibration.svg": draw_calibration,
        "confusion.svg": draw_confusion,
        "predicted_true.svg": draw_predicted,
    }
    return {
        view.own_name: {
            name: chart.to_file().encode() for name, draw in charts.items() if (chart := draw(view))
        }
        for view in context.finished
    }
