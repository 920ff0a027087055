"""The section on how glass boxes decide: the rules of a tree, the terms of a sum."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from markupsafe import Markup

from dlrun.evidence.formatting import percent
from dlrun.report.sections.section import ReportSection, candidate_title, table

if TYPE_CHECKING:
    from dlrun.contract.glass_box import GlassBox
    from dlrun.report.context import ReportContext

MOST_TERMS: Final = 12
RULES: Final = (
    "Every row meets the conditions of one line, which training rows of one split taught."
)
TERMS: Final = (
    "What it adds up: one curve for each column. The strength is the mean absolute amount that a "
    "curve adds to the output over the training rows of one split."
)


def write_glass_boxes(context: ReportContext) -> ReportSection | None:
    """Show how the glass boxes decide that were looked into."""
    found = [
        candidate_title(view) + _body(view.inside.glass_box)
        for view in context.finished
        if view.inside and view.inside.glass_box
    ]
    if not found:
        return None
    return ReportSection("glass-boxes", "How glass boxes decide", Markup().join(found))


def _body(glass_box: GlassBox) -> Markup:
    if glass_box.rules:
        rules = [
            (" and ".join(rule.conditions) or "every row", rule.prediction, percent(rule.share))
            for rule in glass_box.rules
        ]
        return table(RULES, ("if", "then", "share of rows"), rules, left=2, is_tight=True)
    terms = [(term.name, f"{term.strength:.3g}") for term in glass_box.terms[:MOST_TERMS]]
    return table(TERMS, ("column", "strength"), terms)
