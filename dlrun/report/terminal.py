"""A comparison on the terminal: a table, the verdict, and the notes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from dlrun.catalog.metrics import get_metric
from dlrun.catalog.notes import SPOILING
from dlrun.contract.candidate import side_of
from dlrun.evidence.formatting import counted, percent, small
from dlrun.report.columns import TableColumn, make_columns, make_kind_columns, tuning_caption

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from dlrun.evidence.comparison import CandidateSummary, Comparison, Verdict

GAP: Final = 2
FAMILY_STYLES: Final = {"deep": "cyan", "classic": "magenta", "both": "blue"}
KINDS_CAPTION: Final = (
    "best: of each kind, on the validation rows of each split; "
    "lead: over the best of all other kinds, chosen likewise"
)
KIND_STYLES: Final = {
    "deep": "bold cyan",
    "classic": "bold magenta",
    "both": "bold blue",
    "equivalent": "bold green",
    "undecided": "bold yellow",
    "none": "bold",
}


def comparison_table(
    comparison: Comparison, sort: str | None = None, *, width: int | None = None
) -> Table:
    """Return the table of the candidates, the best row highlighted.

    Args:
        comparison: of the candidates.
        sort: a column to sort by, see `Comparison.sorted_by`; None keeps the order.
        width: of the terminal in characters, to which columns are left out; None keeps all.

    Raises:
        UsageError: there is no such column.
    """
    ordered = comparison.sorted_by(sort) if sort else comparison
    columns = _fitting(make_columns(ordered, sort), width)
    table = _table(columns, _title(comparison), _caption(comparison))
    for number, row in enumerate(ordered.rows):
        cells = [_cell(column, column.cells[number], row) for column in columns]
        table.add_row(*cells, style=_row_style(row, is_best=row is comparison.best))
    return table


def plain_table(title: str) -> Table:
    """Return an empty table of plain cells."""
    return Table(
        title=Text(title, style="bold"),
        title_justify="left",
        header_style="dim",
        border_style="dim",
        box=SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
    )


def kinds_table(comparison: Comparison, *, width: int | None = None) -> Table:
    """Return a table with the best candidate of each kind, against the best of the others.

    Args:
        comparison: of candidates of several kinds.
        width: of the terminal in characters, to which columns are left out; None keeps all.
    """
    columns = _fitting(make_kind_columns(comparison), width)
    table = _table(columns, _title(comparison), KINDS_CAPTION)
    for number, each in enumerate(comparison.kinds):
        cells = [Text(column.cells[number]) for column in columns]
        cells[0].style = FAMILY_STYLES[side_of(each.kind)]
        table.add_row(*cells)
    return table


def print_kinds(console: Console, comparison: Comparison) -> None:
    """Print the table of the kinds, the verdict and the notes."""
    console.print(kinds_table(comparison, width=console.width))
    console.print()
    print_verdict(console, comparison)


def print_comparison(console: Console, comparison: Comparison, sort: str | None = None) -> None:
    """Print the table, the verdict and the notes."""
    console.print(comparison_table(comparison, sort, width=console.width))
    console.print()
    print_verdict(console, comparison)


def print_verdict(console: Console, comparison: Comparison) -> None:
    """Print the verdict, its probabilities, the price of clarity, the kept model, and the notes."""
    console.print(_sentence(comparison.verdict), highlight=False)
    chances = _chances(comparison)
    if chances:
        console.print(Text(chances, style="dim"))
    if comparison.clarity:
        console.print(Text(comparison.clarity.sentence, style="dim"))
    for kept in comparison.kept:
        console.print(Text(f"Kept: {kept}.", style="dim"))
    for note in comparison.notes:
        style = "yellow" if note.code in SPOILING else "dim"
        console.print(Text(f"Note: {note}", style=style))


def _table(columns: Sequence[TableColumn], title: str, caption: str) -> Table:
    table = Table(
        title=Text(title, style="bold"),
        caption=Text(caption, style="dim"),
        title_justify="left",
        caption_justify="left",
        header_style="dim",
        border_style="dim",
        box=SIMPLE_HEAD,
        show_edge=False,
        padding=(0, GAP - 1, 0, 0),
        pad_edge=False,
    )
    for column in columns:
        heading = Text(column.title)
        table.add_column(heading, justify=column.side, no_wrap=True, overflow="ellipsis")
    return table


def _fitting(columns: Sequence[TableColumn], width: int | None) -> list[TableColumn]:
    """Leave out the columns of the highest rank until the others fit."""
    kept = list(columns)
    while width is not None and _total(kept) > width and max(each.rank for each in kept):
        kept.remove(max(kept, key=lambda column: column.rank))
    return kept


def _total(columns: Sequence[TableColumn]) -> int:
    return sum(column.width for column in columns) + GAP * (len(columns) - 1)


def _cell(column: TableColumn, text: str, row: CandidateSummary) -> Text:
    style = FAMILY_STYLES[row.family] if column.key in ("family", "kind") else ""
    return Text(text, style=style)


def _row_style(row: CandidateSummary, *, is_best: bool) -> str:
    if row.n == 0:
        return "red"
    return "bold" if is_best else ""


def _title(comparison: Comparison) -> str:
    direction = "lower" if comparison.lower_is_better else "higher"
    facts = [
        f"{get_metric(comparison.metric).title}, {direction} is better",
        counted(comparison.n_splits, "split"),
        counted(comparison.n_test_rows, "test row"),
    ]
    return " · ".join(facts)


def _caption(comparison: Comparison) -> str:
    return "\n".join(filter(None, (_caption_of_leads(comparison), tuning_caption(comparison))))


def _caption_of_leads(comparison: Comparison) -> str:
    if not any(row.difference for row in comparison.rows):
        return ""
    best = (comparison.best_deep, comparison.best_classic)
    if None in best:
        return f"lead: over {best[0] or best[1]}, the best on validation"
    blend = comparison.verdict.blend
    own = f"; of {blend.name} over {blend.difference.against}" if blend else ""
    return f"lead: over the other side's best on validation, {best[0]} or {best[1]}{own}"


def _sentence(verdict: Verdict) -> Text:
    """Return the sentence of the verdict, the answer in colour."""
    answer, colon, grounds = verdict.sentence.partition(":")
    return Text.assemble((answer + colon, KIND_STYLES[verdict.kind]), grounds)


def _chances(comparison: Comparison) -> str:
    chances = comparison.verdict.probabilities
    if chances is None:
        return ""
    named = (
        ("deep better", chances.deep),
        ("equivalent", chances.equivalent),
        ("classic better", chances.classic),
    )
    parts = ", ".join(f"{name} {percent(value)}" for name, value in named)
    is_by_folds = comparison.verdict.difference and comparison.verdict.difference.basis == "folds"
    title = "Probability" if is_by_folds else "Share of resampled test sets"
    return f"{title}: {parts} (equivalent: within {small(comparison.rope)})"
