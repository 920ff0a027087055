"""Sections on the inputs of the study: data and splits, the recipe, the environment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from markupsafe import Markup

from dlrun.evidence.formatting import counted
from dlrun.report.html import render, tag
from dlrun.report.sections.section import ReportSection, table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlrun.report.context import ReportContext

MOST_COLUMNS: Final = 200
MOST_LABELS: Final = 30


def write_data(context: ReportContext) -> ReportSection | None:
    """List facts on the rows, columns, target, classes and splits."""
    summary = context.studies[0].data
    columns = _columns(summary.columns) if summary else ""
    facts = dict(_data_facts(context))
    body = render("data", facts=facts, data=summary, columns=columns)
    return ReportSection("data", "Data and splits", body)


def _data_facts(context: ReportContext) -> Iterator[tuple[str, str]]:
    study, comparison = context.studies[0], context.comparison
    if study.data:
        yield "source", study.data.source
        yield "target", f"{study.data.target}, {study.task}"
    yield "rows", f"{study.n_rows:,}"
    if study.labels:
        yield "classes", _classes(context)
    if study.data:
        types = Counter(study.data.columns.values())
        listed = ", ".join(f"{n:,} {kind}" for kind, n in types.items())
        yield "columns", f"{len(study.data.columns):,}: {listed}"
        parts = zip(*study.data.sizes, strict=True)
        for title, sizes in zip(("train", "validation", "test"), parts, strict=True):
            yield f"{title} rows per split", _range(min(sizes), max(sizes))
    yield "splits", f"{comparison.n_splits:,}, the same rows for every candidate"
    yield "tested rows", f"{comparison.n_test_rows:,}"
    yield "split fingerprint", study.split_digest
    yield "data fingerprint", study.data_digest


def _range(low: int, high: int) -> str:
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _classes(context: ReportContext) -> str:
    """Return the share of each class in the tested rows, from the predictions of any candidate."""
    labels = context.studies[0].labels
    found = (view.prediction_stats.confusion for view in context.finished)
    counts = next((each for each in found if each is not None), None)
    if counts is None or len(labels) > MOST_LABELS:
        return f"{len(labels):,}"
    totals = counts.sum(axis=1)
    shares = (
        f"{label} {100 * total / totals.sum():.1f} %"
        for label, total in zip(labels, totals, strict=True)
    )
    return f"{len(labels):,}, of the tested rows: " + ", ".join(shares)


def _columns(columns: Mapping[str, str]) -> str:
    """List the columns with their types."""
    names = [f"{name} ({kind})" for name, kind in columns.items()]
    more = f" and {len(names) - MOST_COLUMNS:,} more" if len(names) > MOST_COLUMNS else ""
    return ", ".join(names[:MOST_COLUMNS]) + more


def write_studies(context: ReportContext) -> ReportSection | None:
    """List the compared studies."""
    rows = [
        [each.name, each.experiment, f"{each.started:%Y-%m-%d %H:%M} UTC", each.id]
        for each in context.studies
    ]
    caption = f"{counted(len(rows), 'study').replace('studys', 'studies')} in the tracking store."
    head = ["study", "experiment", "started", "run id"]
    return ReportSection("studies", "Study", table(caption, head, rows, left=4))


def write_recipe(context: ReportContext) -> ReportSection | None:
    """Show the resolved recipe, which runs again unchanged."""

    def listing(text: str) -> Markup:
        return tag("pre", tag("code", text))

    return _texts(context, "recipe", "recipe.yaml", listing)


def write_environment(context: ReportContext) -> ReportSection | None:
    """List the versions and facts on the machine."""

    def facts(text: str) -> Markup:
        pairs = dict(line.split(" ", 1) for line in text.splitlines() if " " in line)
        return render("facts", facts=pairs)

    return _texts(context, "environment", "environment.txt", facts)


def _texts(
    context: ReportContext, section_id: str, file: str, write: Callable[[str], Markup]
) -> ReportSection:
    """Return a section of a text file of each study."""
    parts = []
    for study in context.studies:
        if len(context.studies) > 1:
            parts.append(tag("h3", study.name))
        parts.append(write(study.read_text(file)))
    return ReportSection(section_id, section_id.capitalize(), Markup().join(parts))
