"""The section that compares the two families aspect by aspect."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

from dlrun.evidence.questions import AspectResult, answer
from dlrun.report.html import render
from dlrun.report.sections.section import ReportSection

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dlrun.report.context import ReportContext

TITLE: Final = "The question, measured"
CAPTION: Final = (
    "Each side is represented by its best candidate on the validation rows. What was not measured "
    "shows the command that would."
)
HEAD: Final = ("measured as", "deep learning", "classic ML")


def write_question(context: ReportContext) -> ReportSection | None:
    """List every aspect with its numbers, or with the command that would measure it."""
    comparison = context.comparison
    if len(context.studies) > 1 or not (comparison.best_deep and comparison.best_classic):
        return None
    aspects = _by_aspect(answer(context.studies[0], comparison))
    body = render("question", caption=CAPTION, head=HEAD, aspects=aspects)
    return ReportSection("question", TITLE, body)


def _by_aspect(answers: Iterable[AspectResult]) -> list[tuple[str, list[AspectResult]]]:
    """Group the lines by their aspect, which only the first line of each names."""
    named: list[tuple[str, AspectResult]] = []
    for line in answers:
        named.append((line.aspect or named[-1][0], line))
    return [
        (aspect, [line for _, line in lines])
        for aspect, lines in groupby(named, key=lambda each: each[0])
    ]
