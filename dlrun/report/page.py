"""A comparison as one self-contained HTML page: the verdict first, then what it rests on."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from importlib.resources import files
from typing import TYPE_CHECKING, Final

from dlrun.report.charts.shares import draw_shares
from dlrun.report.columns import percent
from dlrun.report.context import ReportContext, build_context
from dlrun.report.html import Markup, tag
from dlrun.report.sections.cost import cost
from dlrun.report.sections.importance import importance
from dlrun.report.sections.learning import learning
from dlrun.report.sections.predictions import calibration, confusion, predicted
from dlrun.report.sections.question import question
from dlrun.report.sections.scores import difference, numbers, scores, splits
from dlrun.report.sections.section import ReportSection, on_any_width
from dlrun.report.sections.stress import stress
from dlrun.report.sections.study import data, environment, recipe, studies
from dlrun.report.sections.training import training
from dlrun.system.version import __version__

if TYPE_CHECKING:
    from dlrun.contract.study import Study
    from dlrun.evidence.comparison import Comparison

SECTIONS: Final[tuple[Callable[[ReportContext], ReportSection | None], ...]] = (
    difference,
    scores,
    question,
    numbers,
    cost,
    learning,
    training,
    calibration,
    confusion,
    predicted,
    importance,
    stress,
    splits,
    data,
    studies,
    recipe,
    environment,
)


def to_html(studies: Sequence[Study], comparison: Comparison) -> str:
    """Write the report of compared studies; it needs no other file and no network."""
    return page(build_context(studies, comparison))


def page(findings: ReportContext) -> str:
    """Write the page of what was gathered."""
    found = [section for make in SECTIONS if (section := make(findings))]
    title = ", ".join(study.name for study in findings.studies)
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", f"{title} · dlrun"),
        tag("style", Markup(files("dlrun.report").joinpath("page.css").read_text("utf-8"))),
    )
    body = tag(
        "body", tag("main", _top(findings), _contents(found), *map(_write, found)), _foot(title)
    )
    return "<!doctype html>\n" + tag("html", head, body, lang="en") + "\n"


def _top(findings: ReportContext) -> Markup:
    comparison = findings.comparison
    names = dict.fromkeys(study.name for study in findings.studies)
    facts = (*names, comparison.task, f"{findings.studies[0].started:%-d %B %Y}")
    answer, colon, grounds = comparison.verdict.sentence.partition(":")
    parts = [
        tag("p", " · ".join(facts), class_="kicker"),
        tag("h1", tag("strong", answer + colon), grounds, class_=comparison.verdict.kind),
    ]
    if comparison.verdict.probabilities is not None:
        parts.append(_chances(comparison))
    if comparison.notes:
        parts.append(tag("ul", *(tag("li", note) for note in comparison.notes), class_="notes"))
    return tag("header", *parts)


def _chances(comparison: Comparison) -> Markup:
    chances, lead = comparison.verdict.probabilities, comparison.verdict.difference
    if chances is None:
        return Markup()
    values = (chances.classic, chances.equivalent, chances.deep)
    by_folds = lead is not None and lead.basis == "folds"
    title = "How probable each answer is" if by_folds else "Share of resampled test sets"
    names = ("classic ML better", "equivalent", "deep learning better")
    parts = list(zip(("classic", "equivalent", "deep"), names, values, strict=True))
    words = [percent(value) for value in values]
    draw = partial(draw_shares, parts, title=title, percent=words)
    return tag("figure", on_any_width(draw, wide=680), tag("figcaption", f"{title}."))


def _contents(sections: Sequence[ReportSection]) -> Markup:
    links = (
        tag("li", tag("a", section.title.partition(":")[0], href=f"#{section.id}"))
        for section in sections
    )
    return tag("nav", tag("ul", *links), aria_label="Contents")


def _write(section: ReportSection) -> Markup:
    return tag("section", tag("h2", section.title, id=section.id), section.body)


def _foot(title: str) -> Markup:
    again = tag("code", f"dlrun compare {title.replace(',', '')} --html report.html")
    return tag("footer", tag("p", f"Written by dlrun {__version__}. Again: ", again))
