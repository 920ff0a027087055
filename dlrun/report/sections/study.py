"""Sections on what the study stood on: data and splits, the recipe, the environment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from dlrun.evidence.formatting import counted
from dlrun.report.html import Markup, join, tag
from dlrun.report.sections.section import ReportSection, table

if TYPE_CHECKING:
    from dlrun.contract.study import DataSummary
    from dlrun.report.context import ReportContext

MOST_COLUMNS: Final = 200
MOST_LABELS: Final = 30


def data(findings: ReportContext) -> ReportSection | None:
    """Tell the rows, columns, target, classes and splits."""
    study = findings.studies[0]
    facts = dict(_data_facts(findings))
    parts = [_list_of(facts)]
    if study.data:
        parts += _columns(study.data)
        if study.data.notes:
            parts.append(tag("ul", *(tag("li", note) for note in study.data.notes)))
    return ReportSection("data", "Data and splits", join(parts))


def _data_facts(findings: ReportContext) -> Iterator[tuple[str, str]]:
    study, comparison = findings.studies[0], findings.comparison
    if study.data:
        yield "source", study.data.source
        yield "target", f"{study.data.target}, {study.task}"
    yield "rows", f"{study.n_rows:,}"
    if study.labels:
        yield "classes", _classes(findings)
    if study.data:
        types = Counter(study.data.columns.values())
        yield (
            "columns",
            f"{len(study.data.columns):,}: "
            + ", ".join(f"{n:,} {kind}" for kind, n in types.items()),
        )
        for title, sizes in zip(
            ("train", "validation", "test"), zip(*study.data.sizes, strict=True), strict=True
        ):
            yield f"{title} rows per split", _range(min(sizes), max(sizes))
    yield "splits", f"{comparison.n_splits:,}, the same rows for every candidate"
    yield "tested rows", f"{comparison.n_test_rows:,}"
    yield "split fingerprint", study.split_digest
    yield "data fingerprint", study.data_digest


def _range(low: int, high: int) -> str:
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _classes(findings: ReportContext) -> str:
    """Count the tested rows of each class, in whatever candidate's predictions there are."""
    labels = findings.studies[0].labels
    counted_rows = next((shown.classes for shown in findings.finished if shown.classes), None)
    if counted_rows is None or len(labels) > MOST_LABELS:
        return f"{len(labels):,}"
    totals = counted_rows.confusion.sum(axis=1)
    shares = (
        f"{label} {100 * total / totals.sum():.1f} %"
        for label, total in zip(labels, totals, strict=True)
    )
    return f"{len(labels):,}, of the tested rows: " + ", ".join(shares)


def _columns(summary: DataSummary) -> Iterator[Markup]:
    shown = list(summary.columns.items())[:MOST_COLUMNS]
    left_out = len(summary.columns) - len(shown)
    more = f" and {left_out:,} more" if left_out else ""
    names = ", ".join(f"{name} ({kind})" for name, kind in shown)
    title = tag("summary", f"All columns and their types ({len(summary.columns):,})")
    yield tag("details", title, tag("p", names + more))


def studies(findings: ReportContext) -> ReportSection | None:
    """Tell which studies these are."""
    rows = [
        [each.name, each.experiment, f"{each.started:%Y-%m-%d %H:%M} UTC", each.id]
        for each in findings.studies
    ]
    caption = f"{counted(len(rows), 'study').replace('studys', 'studies')} in the tracking store."
    return ReportSection(
        "studies",
        "Study",
        table(caption, ["study", "experiment", "started", "run id"], rows, left=4),
    )


def recipe(findings: ReportContext) -> ReportSection | None:
    """Show the resolved recipe, which runs again unchanged."""
    return _texts(
        findings, "recipe", "Recipe", "recipe.yaml", lambda text: tag("pre", tag("code", text))
    )


def environment(findings: ReportContext) -> ReportSection | None:
    """Tell the versions and the machine."""

    def listed(text: str) -> Markup:
        return _list_of(dict(line.split(" ", 1) for line in text.splitlines() if " " in line))

    return _texts(findings, "environment", "Environment", "environment.txt", listed)


def _texts(
    findings: ReportContext, section_id: str, title: str, name: str, show: Callable[[str], Markup]
) -> ReportSection:
    parts = []
    for study in findings.studies:
        if len(findings.studies) > 1:
            parts.append(tag("h3", study.name))
        parts.append(show(study.read_text(name)))
    return ReportSection(section_id, title, join(parts))


def _list_of(facts: dict[str, str]) -> Markup:
    pairs = (tag("div", tag("dt", title), tag("dd", text)) for title, text in facts.items())
    return tag("dl", *pairs)
