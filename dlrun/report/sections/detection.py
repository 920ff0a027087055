"""The section on thresholds: ROC and precision-recall curves with the operating point."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from math import isnan
from typing import TYPE_CHECKING, Final

from markupsafe import Markup

from dlrun.report.charts.curves import ShareCurve, draw_curves
from dlrun.report.html import tag
from dlrun.report.prediction_stats import MOST_DETECTIONS
from dlrun.report.sections.section import (
    ReportSection,
    candidate_title,
    figure,
    on_any_width,
    panels,
    table,
)

if TYPE_CHECKING:
    from dlrun.evidence.detection import DetectionCurves
    from dlrun.report.charts.chart import Chart
    from dlrun.report.context import CandidateView, ReportContext

    Found = Sequence[tuple[CandidateView, DetectionCurves]]

WIDTH: Final = 440.0
SMALL: Final = 220.0  # pixels of the chart of one class
MOST_EVENTS: Final = 12  # with charts of their own
MOST_LISTED: Final = 30


def draw_roc(found: Found, *, title: str, width: float = WIDTH) -> Chart:
    """Draw the recall against the false positive rate."""
    curves = [
        ShareCurve(
            view.style,
            each.roc.tolist(),
            (each.at.false_positive_rate, each.at.recall),
            _text(view, each),
        )
        for view, each in found
    ]
    axes = ("false positive rate", "recall (true positive rate)")
    return draw_curves(curves, title=title, axes=axes, chance=((0, 0), (1, 1)), width=width)


def draw_precision(found: Found, *, title: str, width: float = WIDTH) -> Chart:
    """Draw the precision against the recall."""
    curves = [
        ShareCurve(
            view.style,
            each.precision_recall.tolist(),
            None if isnan(each.at.precision) else (each.at.recall, each.at.precision),
            _text(view, each),
        )
        for view, each in found
    ]
    share = found[0][1].prevalence
    chance = ((0, share), (1, share))
    axes = ("recall", "precision")
    return draw_curves(curves, title=title, axes=axes, chance=chance, width=width)


def write_detection(context: ReportContext) -> ReportSection | None:
    """Draw both curves for the best of each side, and list the operating points of all."""
    found = _found(context.champions)
    if not found:
        return None
    n_events = max(len(view.prediction_stats.detections) for view, _ in found)
    of = _event(found[0][1], n_events, len(context.studies[0].labels))
    names = [candidate_title(view) for view, _ in found]
    legend = tag("div", *names, tag("p", f"Event: {of}"), class_="legend")
    charts = [
        (
            tag("p", tag("b", title)),
            on_any_width(partial(draw, found, title=f"{title} of {of}"), wide=WIDTH),
        )
        for title, draw in (("ROC curve", draw_roc), ("Precision and recall", draw_precision))
    ]
    body = figure(legend, panels(charts), caption=_caption(context, n_events))
    body += _operating_points(context, of)
    if n_events > 1:
        body += _each_event(found)
    return ReportSection("curves", "Curves and operating point", body)


def _found(views: Sequence[CandidateView]) -> Found:
    return [(view, each) for view in views if (each := view.prediction_stats.detection)]


def _event(curves: DetectionCurves, n_events: int, n_labels: int) -> str:
    if n_labels > MOST_DETECTIONS:
        return f"each of the {n_events} most frequent of {n_labels:,}, averaged"
    return f"each of {n_events}, averaged" if n_events > 1 else curves.event


def _text(view: CandidateView, curves: DetectionCurves) -> str:
    at = curves.at
    return (
        f"{view.name} as it predicts: recall {_share(at.recall)}, precision "
        f"{_share(at.precision)}, false positive rate {_share(at.false_positive_rate)}"
    )


def _share(value: float) -> str:
    return "–" if isnan(value) else f"{value:.3f}"


def _caption(context: ReportContext, n_events: int) -> str:
    """Say what the marks are, and how splits and classes are joined."""
    is_set = context.candidates[0].prediction_stats.confusion is None
    threshold = "a probability of 0.5" if is_set or n_events == 1 else "the most probable class"
    sentences = [
        f"The mark is the operating point: what predictions reach, which go by {threshold}.",
        "Every other point of a line is another threshold; the dashed line is guessing.",
        "Each class or label against the rest, averaged without weights; the mean of the points "
        "need not lie on the mean of the curves." * (n_events > 1),
        "The test predictions of all splits are pooled, so that areas can differ a little from "
        "the mean score of the splits.",
    ]
    return " ".join(filter(None, sentences))


HEAD: Final = (
    "recall", "precision", "false positive rate", "ROC AUC", "average precision",
)  # fmt: skip


def _numbers(curves: DetectionCurves) -> list[str]:
    at = curves.at
    values = (
        at.recall, at.precision, at.false_positive_rate, curves.roc_auc, curves.average_precision,
    )  # fmt: skip
    return [_share(value) for value in values]


def _operating_points(context: ReportContext, of: str) -> Markup:
    rows = [[view.name, *_numbers(each)] for view, each in _found(context.finished)]
    caption = f"The operating point of every candidate, and the areas under its curves: {of}."
    return table(caption, ["candidate", *HEAD], rows)


def _each_event(found: Found) -> Markup:
    """Draw and list every class or label, folded away."""
    parts = [_panels(found, draw) for draw in (draw_roc, draw_precision)]
    parts += [_events_table(view) for view, _ in found]
    return tag("details", tag("summary", "Each class or label against the rest"), *parts)


def _panels(found: Found, draw: Callable[..., Chart]) -> Markup:
    events = [each.event for each in found[0][0].prediction_stats.detections]
    charts = []
    for event in events[:MOST_EVENTS]:
        curves = [
            (view, each)
            for view, _ in found
            for each in view.prediction_stats.detections
            if each.event == event
        ]
        kind = "ROC curve" if draw is draw_roc else "Precision and recall"
        drawn = draw(curves, title=f"{kind} of {event}", width=SMALL)
        charts.append((tag("p", tag("b", event)), drawn))
    return panels(charts)


def _events_table(view: CandidateView) -> Markup:
    ranked = sorted(view.prediction_stats.detections, key=lambda each: each.average_precision)
    rows = [[each.event, f"{each.n_events:,}", *_numbers(each)] for each in ranked[:MOST_LISTED]]
    more = f", the first {MOST_LISTED} of {len(ranked):,}" if len(ranked) > MOST_LISTED else ""
    caption = f"{view.name}: each class or label against the rest, the hardest first{more}."
    return table(caption, ["class", "rows", *HEAD], rows)
