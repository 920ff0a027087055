"""The section on kinds: pretrained networks, networks from scratch and classic models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from dlrun.report.columns import make_kind_columns
from dlrun.report.sections.section import ReportSection, table

if TYPE_CHECKING:
    from dlrun.report.context import ReportContext

CAPTION: Final = (
    "The best of each kind on the validation rows of each split. Lead: over the best of all other "
    "kinds, chosen likewise, with its 95 % interval and the probabilities."
)


def write_kinds(context: ReportContext) -> ReportSection | None:
    """List the best candidate of each kind, where one is pretrained."""
    if not context.comparison.has_pretrained:
        return None
    columns = make_kind_columns(context.comparison)
    rows = list(zip(*(column.cells for column in columns), strict=True))
    whole = table(CAPTION, [column.title for column in columns], rows, left=2)
    return ReportSection("kinds", "Pretrained, from scratch, classic", whole)
