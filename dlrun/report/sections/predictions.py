"""Sections on what was predicted: calibration, confusion, predicted against true."""

from __future__ import annotations

from itertools import product
from typing import TYPE_CHECKING, Final

from dlrun.catalog.metrics import get_metric
from dlrun.evidence.formatting import counted
from dlrun.report.charts.density import draw_density
from dlrun.report.charts.matrix import draw_matrix
from dlrun.report.charts.reliability import draw_reliability
from dlrun.report.html import Markup, join
from dlrun.report.sections.section import ReportSection, candidate_title, figure, panels, table

if TYPE_CHECKING:
    from dlrun.report.context import CandidateView, ReportContext

MOST_CLASSES: Final = 12  # of a matrix that can be read
MOST_CONFUSIONS: Final = 15


def calibration(findings: ReportContext) -> ReportSection | None:
    """Draw what was said to be probable against how often it came true."""
    known = [(shown, shown.classes) for shown in findings.finished if shown.classes]
    if not known:
        return None
    labels = findings.studies[0].labels
    is_binary = len(labels) == 2  # noqa: PLR2004
    subject = f"P({labels[1]})" if is_binary else "probability of the predicted class"
    axes = (f"said: {subject}", "came true, share of rows")
    charts = [
        (
            _with_score(shown, "ece"),
            draw_reliability(
                classes.bins, shown.look, title=f"Calibration of {shown.name}", axes=axes
            ),
        )
        for shown, classes in known
    ]
    caption = (
        "On the diagonal, what is said to be 80 % probable comes true in 80 % of the cases. Below "
        "it, a candidate promises too much. Larger marks stand for more predictions; lines are "
        "95 % intervals."
    )
    return ReportSection("calibration", "Calibration", figure(panels(charts), caption=caption))


def _with_score(shown: CandidateView, metric: str) -> Markup:
    score = shown.row.scores.get(metric)
    is_known = score is not None and score == score  # noqa: PLR0124 - NaN
    return candidate_title(shown, f"{get_metric(metric).title} {score:.3g}" if is_known else "")


def confusion(findings: ReportContext) -> ReportSection | None:
    """Show which classes each side's best takes for which."""
    if not any(shown.classes for shown in findings.champions):
        return None
    labels = findings.studies[0].labels
    parts = [_matrices(findings)] if len(labels) <= MOST_CLASSES else []
    if len(labels) > 2:  # noqa: PLR2004 - two classes have one confusion each way
        parts += [_top(shown, labels) for shown in findings.champions]
    return ReportSection("confusion", "Confusion", join(parts))


def _matrices(findings: ReportContext) -> Markup:
    labels = findings.studies[0].labels
    charts = [
        (
            candidate_title(shown),
            draw_matrix(shown.classes.confusion, labels, title=f"Confusion of {shown.name}"),
        )
        for shown in findings.champions
        if shown.classes
    ]
    caption = (
        "Test predictions of each side's best, counted over all splits: rows are the true class, "
        "columns the predicted one. The shade is the share of the row."
    )
    return figure(panels(charts), caption=caption)


def _top(shown: CandidateView, labels: tuple[str, ...]) -> Markup:
    if shown.classes is None:
        return Markup()
    counts = shown.classes.confusion
    pairs = [
        (-int(counts[y, said]), y, said)
        for y, said in product(range(len(labels)), repeat=2)
        if y != said and counts[y, said]
    ]
    rows = [
        [labels[y], labels[said], f"{-count:,}", f"{-100 * count / counts[y].sum():.1f} %"]
        for count, y, said in sorted(pairs)[:MOST_CONFUSIONS]
    ]
    wrong = counted(int(counts.sum() - counts.trace()), "wrong test prediction")
    caption = f"{shown.name}: the most frequent of {wrong}"
    if not rows:
        return Markup()
    return table(caption, ["true class", "predicted", "count", "of the class"], rows, left=2)


def predicted(findings: ReportContext) -> ReportSection | None:
    """Draw predicted numbers against true ones."""
    known = [(shown, shown.numbers) for shown in findings.finished if shown.numbers]
    if not known:
        return None
    data = findings.studies[0].data
    target = data.target if data else "value"
    charts = [
        (
            _with_score(shown, "r2"),
            draw_density(
                joint,
                shown.look,
                title=f"Predicted and true values of {shown.name}",
                axes=(f"true {target}", f"predicted {target}"),
            ),
        )
        for shown, joint in known
    ]
    beyond = sum(joint.n_beyond for _, joint in known)
    caption = (
        "Stronger cells hold more test predictions; on the diagonal, predictions equal the truth."
        + (
            f" {counted(beyond, 'prediction')} beyond the range of the truth: at the edge."
            * bool(beyond)
        )
    )
    return ReportSection("predicted", "Predicted and true", figure(panels(charts), caption=caption))
