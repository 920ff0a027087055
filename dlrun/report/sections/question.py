"""The section that answers, aspect by aspect, in what the two sides differ."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Final

from dlrun.evidence.questions import AspectResult, answer
from dlrun.report.html import Markup, join, tag
from dlrun.report.sections.section import ReportSection

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dlrun.report.context import ReportContext

TITLE: Final = "The question, measured"
CAPTION: Final = (
    "Each side is represented by its best candidate on the validation rows. What was not measured "
    "shows the command that would."
)


def question(findings: ReportContext) -> ReportSection | None:
    """Lay out every aspect with its numbers, or with the command that would measure it."""
    comparison = findings.comparison
    if len(findings.studies) > 1 or not (comparison.best_deep and comparison.best_classic):
        return None
    titles = ("measured as", "deep learning", "classic ML")
    whole = tag(
        "table",
        tag("caption", tag("span", CAPTION)),
        tag("thead", tag("tr", *(tag("th", title, scope="col") for title in titles))),
        *map(_group, _by_aspect(answer(findings.studies[0], comparison))),
        class_="question",
    )
    return ReportSection("question", TITLE, tag("div", whole, class_="scroll"))


def _by_aspect(answers: Iterable[AspectResult]) -> list[tuple[str, list[AspectResult]]]:
    """Join the lines of an aspect; only its first line names it."""
    named: list[tuple[str, AspectResult]] = []
    for line in answers:
        named.append((line.aspect or named[-1][0], line))
    return [
        (aspect, [line for _, line in lines])
        for aspect, lines in groupby(named, key=lambda each: each[0])
    ]


def _group(aspect: tuple[str, list[AspectResult]]) -> Markup:
    title, lines = aspect
    head = tag("tr", tag("th", title, colspan=3, scope="rowgroup"))
    return tag("tbody", head, *map(_line, lines))


def _line(line: AspectResult) -> Markup:
    if line.command:
        command = tag("td", tag("code", line.command), colspan=2)
        return tag("tr", tag("td", line.measure), command)
    if not (line.deep or line.classic):
        return tag("tr", tag("td", line.measure, colspan=3))
    return tag("tr", join(tag("td", text) for text in (line.measure, line.deep, line.classic)))
