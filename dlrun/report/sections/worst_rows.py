"""The section on the test rows that the best of each side predict worst."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup

from dlrun.catalog.tasks import TASKS
from dlrun.evidence.formatting import decimals, fixed
from dlrun.report.charts.sparkline import draw_sparkline
from dlrun.report.html import render, tag
from dlrun.report.sections.section import ReportSection, candidate_title, table

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dlrun.contract.excerpt import ShownCell
    from dlrun.report.charts.chart import Chart
    from dlrun.report.context import CandidateView, ReportContext
    from dlrun.report.prediction_stats import WorstRow

    Facts = list[tuple[str, str]]
    Found = list[tuple[WorstRow, Mapping[str, ShownCell]]]

MOST_FACTS: Final = 6  # plain cells beside an image, sound, text or series
LONGEST_CELL: Final = 60  # letters of a plain cell
CAPTION: Final = (
    "The test rows of the largest loss, a mean over all predictions of a row. Wrong labels, "
    "damaged files and rare cases are often among them. A row's number counts from 0 in the "
    "source, as row_id in predictions.parquet."
)


def write_worst_rows(context: ReportContext) -> ReportSection | None:
    """Show the worst rows of each champion as far as the study keeps them."""
    views = [view for view in context.champions if not view.results.is_dummy]
    found = {view.name: (view, rows) for view in views if (rows := _rows(view))}
    if not found:
        return None
    parts = [tag("p", CAPTION)]
    for name, (view, rows) in found.items():
        elsewhere = {
            row.row_id for other, (_, rows) in found.items() if other != name for row, _ in rows
        }
        facts = _facts(view, rows, elsewhere)
        parts.append(candidate_title(view, f"predicts these {len(rows)} rows worst"))
        has_media = any(cell.form != "plain" for _, cells in rows for cell in cells.values())
        parts.append(_cards(rows, facts) if has_media else _table(view, rows, facts))
    return ReportSection("worst", "Worst rows", Markup().join(parts))


def _rows(view: CandidateView) -> Found:
    excerpt = view.study.read_excerpt()
    kept = excerpt.rows if excerpt else {}
    worst = view.prediction_stats.worst
    return [(row, kept[row.row_id]) for row in worst if row.row_id in kept]


def _facts(view: CandidateView, rows: Found, elsewhere: set[int]) -> list[Facts]:
    """Return what is known of each row beside its cells; the first is its number."""
    places = decimals(min(row.loss for row, _ in rows) / 100)
    title = TASKS[view.study.task].row_loss
    return [
        [
            ("row", f"{row.row_id}{' (of both sides)' * (row.row_id in elsewhere)}"),
            ("true", row.truth),
            ("predicted", row.prediction),
            (title, fixed(row.loss, places)),
        ]
        for row, _ in rows
    ]


def _plain(cells: Mapping[str, ShownCell]) -> Facts:
    return [
        (name, f"{cell.text[:LONGEST_CELL]}…" if len(cell.text) > LONGEST_CELL else cell.text)
        for name, cell in cells.items()
        if cell.form == "plain"
    ]


def _table(view: CandidateView, rows: Found, facts: list[Facts]) -> Markup:
    columns = [name for name, _ in _plain(rows[0][1])]
    head = [*(title for title, _ in facts[0]), *columns]
    lines = [
        [*(text for _, text in known), *(text or "–" for _, text in _plain(cells))]
        for known, (_, cells) in zip(facts, rows, strict=True)
    ]
    caption = f"{view.name}: the worst first; the columns that say most of the target first."
    return table(caption, head, lines, left=3)


def _cards(rows: Found, facts: list[Facts]) -> Markup:
    cards: list[dict[str, Any]] = [
        {
            "row": row.row_id,
            "media": [
                (name, cell, _drawn(name, row, cell))
                for name, cell in cells.items()
                if cell.form != "plain"
            ],
            "facts": [*known, *((name, text or "–") for name, text in _plain(cells)[:MOST_FACTS])],
        }
        for known, (row, cells) in zip(facts, rows, strict=True)
    ]
    return render("cards", cards=cards)


def _drawn(name: str, row: WorstRow, cell: ShownCell) -> Chart | None:
    if cell.form != "line":
        return None
    title = f"{name} of row {row.row_id}"
    return draw_sparkline(cell.lines, title=title, description=cell.text)
