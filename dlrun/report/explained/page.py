"""An explanation as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from markupsafe import Markup

from dlrun.errors import UsageError
from dlrun.report.charts.chart import read_css
from dlrun.report.charts.sparkline import draw_sparkline
from dlrun.report.content_policy import content_policy
from dlrun.report.explained import lines, words
from dlrun.report.html import render, tag
from dlrun.report.sections.reasons import draw_cell
from dlrun.report.sections.section import ReportSection, table
from dlrun.system.secrets import mask
from dlrun.system.version import __version__

if TYPE_CHECKING:
    from pathlib import Path

    from dlrun.contract.excerpt import ShownCell
    from dlrun.contract.explanation import ExplainedPrediction, Explanation
    from dlrun.contract.trace import RowTrace

MOST_REASONS: Final = 16


def write(file: Path, explanation: Explanation) -> None:
    """Write the page to a file.

    Raises:
        UsageError: the file cannot be written.
    """
    try:
        file.write_text(to_html(explanation), encoding="utf-8")
    except OSError as error:
        message = f"{file}: the page cannot be written ({error.strerror})"
        raise UsageError(message) from error


def to_html(explanation: Explanation) -> str:
    """Return the page, which needs no other file and no network."""
    css = read_css("charts") + read_css("page")
    first, row = explanation.predictions[0], explanation.row
    truth = f" {explanation.target.name} is {row.truth}." if row.truth else ""
    sections = [_row(explanation)]
    for number, each in enumerate(explanation.predictions):
        sections += _sections(explanation, each, number)
    html = render(
        "explain",
        title=row.title,
        css=css,
        policy=content_policy([css]),
        facts=[explanation.study, row.title],
        verdict={"kind": first.family},
        answer=f"{first.candidate} predicts {lines.prediction_words(first)}.",
        grounds=f"{truth} {first.seen}",
        shares=None,
        kept=(),
        notes=(),
        sections=sections,
        version=__version__,
    )
    return mask(str(html))


def _row(explanation: Explanation) -> ReportSection:
    row = explanation.row
    media = [(name, cell) for name, cell in row.cells.items() if cell.form != "plain"]
    plain = [(name, cell.text or "–") for name, cell in row.cells.items() if cell.form == "plain"]
    body = Markup()
    if media:
        shown = [(name, cell, _drawn(name, cell)) for name, cell in media]
        facts = [(name, cell.text) for name, cell in media if cell.form != "quote"]
        body += render("cards", cards=[{"row": row.title, "media": shown, "facts": facts}])
    if plain:
        body += table("As in the data.", ["column", "value"], plain, left=2, is_tight=True)
    return ReportSection("row", "The row", body)


def _drawn(name: str, cell: ShownCell) -> Markup | None:
    if cell.form != "line":
        return None
    return tag("div", draw_sparkline(cell.lines, title=name, description=cell.text))


def _sections(
    explanation: Explanation, each: ExplainedPrediction, number: int
) -> Iterator[ReportSection]:
    facts = [f"{lines.model_words(each)} predicts {lines.prediction_words(each)}.", each.seen]
    if each.members:
        members = ", ".join(f"{share:.0%} {name}" for name, share in each.members)
        facts.append(f"It is a weighted mean of {members}.")
    body = Markup().join(tag("p", fact) for fact in facts if fact)
    body += _reasons(explanation, each)
    if each.features:
        body += tag("h3", "As the estimator gets the row")
        body += _table(lines.features_table(each.features))
    yield ReportSection(f"why-{number}", f"What moved {each.candidate}", body)
    if each.trace:
        yield from _trace(each, each.trace, number)


def _reasons(explanation: Explanation, each: ExplainedPrediction) -> Markup:
    found, row = each.attribution, explanation.row
    if found is None:
        return tag("p", each.unexplained)
    parts = words.reasons(found, row.columns, row.cells)[:MOST_REASONS]
    largest = max((abs(part.weight) for part in parts), default=1.0)
    bars = [
        {
            "part": part.part,
            "text": words.written(part.weight),
            "side": "up" if part.weight > 0 else "down",
            "share": round(100 * abs(part.weight) / largest, 1),
        }
        for part in parts
    ]
    caption = (
        f"By {words.method_words(found)}, in {words.unit_words(found, explanation.target)}. "
        f"{words.balance(found)[:1].upper()}{words.balance(found)[1:]}"
    )
    title = f"{row.title} by {each.candidate}"
    maps = (tag("div", drawn) for cell in each.maps for drawn in draw_cell(cell, title))
    return Markup().join(maps) + render("weights", bars=bars, caption=caption)


def _trace(each: ExplainedPrediction, trace: RowTrace, number: int) -> Iterator[ReportSection]:
    received = Markup().join(_table(lines.received_table(one)) for one in trace.received)
    yield ReportSection(f"received-{number}", f"The row as {each.candidate} gets it", received)
    rows = [list(lines.layer_row(layer)) for layer in trace.layers]
    layers = table(lines.checks_sentence(trace), list(lines.LAYER_HEAD), rows, left=3)
    sums = [
        (f"Unit {lines.place_text(unit.place)} of {name}", "\n".join(lines.sum_lines(unit)))
        for name, unit in lines.written_sums(trace)
    ]
    body = layers + Markup().join(tag("h3", title) + tag("pre", text) for title, text in sums)
    yield ReportSection(f"layers-{number}", f"{each.candidate}, layer by layer", body)
    end = _table(lines.outputs_table(trace))
    yield ReportSection(f"outputs-{number}", "From the last layer to the prediction", end)


def _table(written: lines.TextTable) -> Markup:
    rows = [list(row) for row in written.rows]
    return table(written.caption, list(written.head), rows, left=written.left, is_tight=True)
