"""The section on the usual advice: whether it held on this data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dlrun.evidence.rules import check_rules
from dlrun.report.html import tag
from dlrun.report.sections.section import ReportSection, table

if TYPE_CHECKING:
    from markupsafe import Markup

    from dlrun.evidence.rules import RuleResult
    from dlrun.report.context import ReportContext

TITLE: Final = "The usual advice, on this data"
CAPTION: Final = (
    "Held: this study shows what the advice claims. Where no difference could be shown it did not."
)
HEAD: Final = ("advice", "here", "because")


def write_rules(context: ReportContext) -> ReportSection | None:
    """List what the study says of each advice, with the command that would measure it."""
    comparison = context.comparison
    if len(context.studies) > 1 or not (comparison.best_deep and comparison.best_classic):
        return None
    rules = check_rules(context.studies[0], comparison)
    rows = [(each.advice, each.outcome, _reason(each)) for each in rules]
    return ReportSection("rules", TITLE, table(CAPTION, HEAD, rows, left=3, is_tight=True))


def _reason(rule: RuleResult) -> str | Markup:
    if rule.command is None:
        return rule.reason
    return tag("span", f"{rule.reason}: ", tag("code", rule.command))
