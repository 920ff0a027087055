"""The section on the columns of the data: their distributions by class or against the target."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dlrun.data.distribution import MOST_LABELS
from dlrun.evidence.formatting import counted, percent
from dlrun.report.charts.composition import draw_composition
from dlrun.report.charts.lanes import draw_lanes
from dlrun.report.charts.quartiles import draw_by_category, draw_by_value
from dlrun.report.html import tag
from dlrun.report.sections.section import ReportSection, figure, panels

if TYPE_CHECKING:
    from markupsafe import Markup

    from dlrun.contract.excerpt import DataExcerpt, Distribution
    from dlrun.report.charts.chart import Chart
    from dlrun.report.context import ReportContext

MOST_CHARTS: Final = 12  # of columns; those after them are folded away


def write_distributions(context: ReportContext) -> ReportSection | None:
    """Draw how each column is distributed, those first that say most of the target."""
    excerpt = context.excerpt
    if excerpt is None or not excerpt.columns:
        return None
    target = context.studies[0].data.target if context.studies[0].data else "the target"
    charts = [_panel(each, target) for each in excerpt.columns]
    if excerpt.target:
        charts.insert(0, _panel(excerpt.target, target))
    body = figure(
        panels(charts[:MOST_CHARTS]),
        caption=_caption(excerpt, target, len(context.studies[0].labels)),
    )
    if rest := charts[MOST_CHARTS:]:
        summary = tag("summary", counted(len(rest), "more column"))
        body += tag("details", summary, panels(rest))
    return ReportSection("columns", "Columns and target", body)


def _panel(each: Distribution, target: str) -> tuple[Markup, Chart]:
    facts = [
        each.measure,
        f"explains {percent(each.strength)}" if each.strength else "",
        f"{each.missing:.1%} missing" if each.missing else "",
    ]
    words = ", ".join(filter(None, facts))
    name = tag("p", tag("b", each.column), f" {words}" if words else "")
    return name, draw_distribution(each, target)


def draw_distribution(each: Distribution, target: str) -> Chart:
    """Draw numbers as lanes or against a number, categories as shares or against a number."""
    what = f"{each.column}, {each.measure}" if each.measure else each.column
    title = f"Distribution of {what}"
    if each.quartiles and each.names:
        return draw_by_category(each.names, each.quartiles, title=title, axis=target)
    if each.quartiles:
        axes = (what, target)
        return draw_by_value(
            each.edges, each.quartiles, title=title, axes=axes, is_date=each.is_date
        )
    if each.names:
        return draw_composition(each.names, each.labels, each.counts, title=title)
    lanes = list(zip(each.labels, each.counts, strict=True))
    return draw_lanes(each.edges, lanes, title=title, axis=what, is_date=each.is_date)


def _caption(excerpt: DataExcerpt, target: str, n_labels: int) -> str:
    by_class = not excerpt.columns[0].quartiles
    shown = len({each.column for each in excerpt.columns})
    sentences = [
        f"From {counted(excerpt.n_rows, 'row')}, training and test alike.",
        f"The {MOST_LABELS} most frequent classes." * (n_labels > MOST_LABELS),
        f"{shown:,} of {excerpt.n_columns:,} columns." * (shown < excerpt.n_columns),
        f'"Explains" is the share of the variance of {target} that the column alone explains by '
        "these bins; the columns that explain most come first.",
        (
            "Numbers: a histogram for each class, each as high as its lane. Categories: the share "
            "of each class."
            if by_class
            else f"Lines and marks are medians of {target}, bands and bars reach from the lower "
            "to the upper quartile."
        ),
    ]
    return " ".join(filter(None, sentences))
