"""A comparison as one self-contained HTML page: the verdict first, then its grounds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Final

from dlrun.evidence.formatting import percent
from dlrun.report.charts.chart import read_css
from dlrun.report.charts.shares import Share, draw_shares
from dlrun.report.content_policy import content_policy
from dlrun.report.context import ReportContext, build_context
from dlrun.report.html import render
from dlrun.report.sections import (
    cost,
    detection,
    distribution,
    fits,
    glass_boxes,
    health,
    importance,
    inside,
    kinds,
    labels,
    learning,
    predictions,
    question,
    reasons,
    residuals,
    rules,
    scores,
    settings,
    stress,
    study,
    training,
    tuning,
    units,
    worst_rows,
)
from dlrun.report.sections.section import ReportSection, on_any_width
from dlrun.system.secrets import mask
from dlrun.system.version import __version__

if TYPE_CHECKING:
    from markupsafe import Markup

    from dlrun.contract.study import Study
    from dlrun.evidence.comparison import Comparison, Verdict

SECTIONS: Final[tuple[Callable[[ReportContext], ReportSection | None], ...]] = (
    scores.write_difference,
    scores.write_scores,
    question.write_question,
    rules.write_rules,
    glass_boxes.write_glass_boxes,
    scores.write_numbers,
    kinds.write_kinds,
    tuning.write_tuning,
    cost.write_cost,
    labels.write_labels,
    learning.write_learning,
    settings.write_settings,
    fits.write_fits,
    training.write_training,
    health.write_health,
    inside.write_probes,
    inside.write_embeddings,
    units.write_units,
    detection.write_detection,
    predictions.write_calibration,
    predictions.write_confusion,
    predictions.write_predicted,
    residuals.write_residuals,
    worst_rows.write_worst_rows,
    reasons.write_reasons,
    importance.write_importance,
    stress.write_stress,
    distribution.write_distributions,
    scores.write_splits,
    study.write_data,
    study.write_studies,
    study.write_recipe,
    study.write_environment,
)


def to_html(studies: Sequence[Study], comparison: Comparison) -> str:
    """Return the report of compared studies, which needs no other file and no network."""
    return render_page(build_context(studies, comparison))


def render_page(context: ReportContext) -> str:
    """Return the page of a report."""
    verdict = context.comparison.verdict
    names = [each.name for each in context.studies]
    started = f"{context.studies[0].started:%-d %B %Y}"
    answer, colon, grounds = verdict.sentence.partition(":")
    css = read_css("charts") + read_css("page")
    html = render(
        "page",
        title=", ".join(names),
        css=css,
        policy=content_policy([css]),
        facts=[*dict.fromkeys(names), context.comparison.task, started],
        verdict=verdict,
        answer=answer + colon,
        grounds=grounds,
        shares=_shares(verdict),
        shares_title=_shares_title(verdict),
        clarity=context.comparison.clarity,
        kept=context.comparison.kept,
        notes=context.comparison.notes,
        sections=[section for make in SECTIONS if (section := make(context))],
        studies=names,
        version=__version__,
    )
    return mask(str(html))  # any text, no longer markup; studies of 0.1 had secrets in them


def _shares_title(verdict: Verdict) -> str:
    by_folds = verdict.difference is not None and verdict.difference.basis == "folds"
    return "Probability of each answer" if by_folds else "Share of resampled test sets"


def _shares(verdict: Verdict) -> Markup | None:
    """Draw the probability of each answer; None where it is unknown."""
    chances = verdict.probabilities
    if chances is None:
        return None
    parts = [
        Share(kind, name, value, percent(value))
        for kind, name, value in (
            ("classic", "classic ML better", chances.classic),
            ("equivalent", "equivalent", chances.equivalent),
            ("deep", "deep learning better", chances.deep),
        )
    ]
    return on_any_width(partial(draw_shares, parts, title=_shares_title(verdict)), wide=680)
