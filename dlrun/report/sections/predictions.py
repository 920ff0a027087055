"""Sections on the test predictions: calibration, confusion, predicted against true values."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Final

from markupsafe import Markup

from dlrun.catalog.metrics import get_metric
from dlrun.evidence.formatting import counted
from dlrun.report.charts.density import draw_density
from dlrun.report.charts.matrix import draw_matrix
from dlrun.report.charts.reliability import draw_reliability
from dlrun.report.sections.section import ReportSection, candidate_title, figure, panels, table

if TYPE_CHECKING:
    from dlrun.report.charts.chart import Chart
    from dlrun.report.context import CandidateView, ReportContext

MOST_CLASSES: Final = 12  # of a readable matrix
MOST_CONFUSIONS: Final = 15


def draw_calibration(context: ReportContext, view: CandidateView) -> Chart | None:
    """Draw the reliability diagram of a candidate that predicts classes."""
    if view.class_counts is None:
        return None
    labels = view.study.labels
    is_binary = len(labels) == 2  # noqa: PLR2004
    event = f"mean predicted probability of {labels[1]}"
    axes = (event if is_binary else "mean probability of the top class", "observed frequency")
    bins, title = view.class_counts.bins, f"Calibration of {view.name}"
    return draw_reliability(bins, view.style, title=title, axes=axes)


def draw_confusion(context: ReportContext, view: CandidateView) -> Chart | None:
    """Draw the confusion matrix of a candidate that predicts classes."""
    if view.class_counts is None:
        return None
    labels, title = view.study.labels, f"Confusion of {view.name}"
    width = 320.0 if len(labels) <= MOST_CLASSES else 640.0
    return draw_matrix(view.class_counts.confusion, labels, title=title, width=width)


def draw_predicted(context: ReportContext, view: CandidateView) -> Chart | None:
    """Draw predicted against true values of a candidate that predicts numbers."""
    if view.joint_counts is None:
        return None
    target = view.study.data.target if view.study.data else "value"
    title = f"Predicted and true values of {view.name}"
    axes = (f"true {target}", f"predicted {target}")
    return draw_density(view.joint_counts, view.style, title=title, axes=axes)


def calibration(context: ReportContext) -> ReportSection | None:
    """Draw the observed frequency against the predicted probability, for every candidate."""
    charts = [
        (_with_score(view, "ece"), chart)
        for view in context.finished
        if (chart := draw_calibration(context, view))
    ]
    if not charts:
        return None
    caption = (
        "On the diagonal, an event that is predicted with 80 % probability occurs in 80 % of the "
        "cases. Below it, a candidate is overconfident. Larger marks are more predictions; lines "
        "are 95 % intervals."
    )
    return ReportSection("calibration", "Calibration", figure(panels(charts), caption=caption))


def _with_score(view: CandidateView, metric: str) -> Markup:
    score = view.row.scores.get(metric, float("nan"))
    is_known = score == score  # noqa: PLR0124 - NaN
    return candidate_title(view, f"{get_metric(metric).title} {score:.3g}" if is_known else "")


def confusion(context: ReportContext) -> ReportSection | None:
    """Count the true classes against the predicted ones, for the best of each family."""
    views = [view for view in context.champions if view.class_counts]
    if not views:
        return None
    labels = context.studies[0].labels
    parts = []
    if len(labels) <= MOST_CLASSES:
        caption = (
            "Test predictions of each side's best, counted over all splits: rows are the true "
            "class, columns the predicted one. The shade is the share of the row."
        )
        charts = [
            (candidate_title(view), chart)
            for view in views
            if (chart := draw_confusion(context, view))
        ]
        parts.append(figure(panels(charts), caption=caption))
    if len(labels) > 2:  # noqa: PLR2004 - two classes have one confusion each way
        parts += [_most_frequent(view, labels) for view in views]
    return ReportSection("confusion", "Confusion", Markup().join(parts))


def _most_frequent(view: CandidateView, labels: tuple[str, ...]) -> Markup:
    """List the most frequent wrong predictions."""
    if view.class_counts is None:
        return Markup()
    counts = view.class_counts.confusion
    pairs = sorted(
        (-int(counts[y, predicted]), y, predicted)
        for y, predicted in product(range(len(labels)), repeat=2)
        if y != predicted and counts[y, predicted]
    )
    rows = [
        [labels[y], labels[predicted], f"{-count:,}", f"{-100 * count / counts[y].sum():.1f} %"]
        for count, y, predicted in pairs[:MOST_CONFUSIONS]
    ]
    if not rows:
        return Markup()
    wrong = counted(int(counts.sum() - counts.trace()), "wrong test prediction")
    head = ["true class", "predicted", "count", "of the class"]
    return table(f"{view.name}: the most frequent of {wrong}", head, rows, left=2)


def predicted(context: ReportContext) -> ReportSection | None:
    """Draw predicted against true values, for every candidate."""
    charts = [
        (_with_score(view, "r2"), chart)
        for view in context.finished
        if (chart := draw_predicted(context, view))
    ]
    if not charts:
        return None
    beyond = sum(view.joint_counts.n_beyond for view in context.finished if view.joint_counts)
    caption = "Darker cells are more test predictions; on the diagonal, they equal the true value."
    if beyond:
        caption += f" {counted(beyond, 'prediction')} beyond the range of true values: at the edge."
    return ReportSection("predicted", "Predicted and true", figure(panels(charts), caption=caption))
