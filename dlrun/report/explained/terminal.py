"""An explanation on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.box import SIMPLE_HEAD
from rich.table import Table
from rich.text import Text

from dlrun.report.explained import lines, words
from dlrun.report.terminal import FAMILY_STYLES

if TYPE_CHECKING:
    from rich.console import Console

    from dlrun.contract.explanation import ExplainedPrediction, Explanation
    from dlrun.contract.trace import RowTrace

MOST_ROWS: Final = 12  # of a table of values
MOST_REASONS: Final = 8
MOST_LETTERS: Final = 70  # of a raw value
NARROW: Final = {"largest units": 120, "kind": 100}
"""Column of a layer's table → the characters of a line below which it is left out."""


def print_explanation(console: Console, explanation: Explanation) -> None:
    """Print a row, and what each candidate makes of it."""
    row = explanation.row
    truth = f" · {explanation.target.name} is {row.truth}" if row.truth else ""
    console.print(Text(f"{row.title}{truth}", style="bold"))
    cells = tuple((name, _clip(cell.text)) for name, cell in row.cells.items())
    caption = "The row as it is in the data"
    print_table(console, lines.TextTable(caption, ("column", "value"), cells, 2))
    for each in explanation.predictions:
        _print_prediction(console, explanation, each)


def _print_prediction(
    console: Console, explanation: Explanation, each: ExplainedPrediction
) -> None:
    console.print()
    title = Text(lines.model_words(each), style=f"bold {FAMILY_STYLES[each.family]}")
    console.print(title)
    console.print(f"predicts {lines.prediction_words(each)}", markup=False)
    if each.seen:
        console.print(each.seen, markup=False)
    if each.members:
        members = ", ".join(f"{share:.0%} {name}" for name, share in each.members)
        console.print(f"a weighted mean of {members}", markup=False)
    _print_reasons(console, explanation, each)
    if each.trace:
        _print_trace(console, each.trace)
    if each.features:
        print_table(console, lines.features_table(each.features))


def _print_reasons(console: Console, explanation: Explanation, each: ExplainedPrediction) -> None:
    found = each.attribution
    if found is None:
        console.print(each.unexplained, style="dim", markup=False)
        return
    parts = words.reasons(found, explanation.row.columns, explanation.row.cells)
    rows = tuple((reason.part, words.written(reason.weight)) for reason in parts)
    unit = words.unit_words(found, explanation.target)
    caption = f"What moved it, by {words.method_words(found)}, in {unit}"
    print_table(console, lines.TextTable(caption, ("part", "adds"), rows), MOST_REASONS)
    console.print(words.balance(found), style="dim", markup=False)


def _print_trace(console: Console, trace: RowTrace) -> None:
    for each in trace.received:
        print_table(console, lines.received_table(each))
    rows = tuple(map(lines.layer_row, trace.layers))
    table = lines.TextTable("Layer by layer", lines.LAYER_HEAD, rows, 3)
    print_table(console, _fitting(table, console.width), len(rows))
    console.print(lines.checks_sentence(trace), markup=False)
    for name, unit in lines.written_sums(trace):
        console.print(
            f"\nunit {lines.place_text(unit.place)} of {name}", style="bold", markup=False
        )
        for line in lines.sum_lines(unit):
            console.print(f"  {line}", markup=False)
    print_table(console, lines.outputs_table(trace))


def _fitting(table: lines.TextTable, width: int) -> lines.TextTable:
    """Leave columns out where the terminal is narrow."""
    chosen = [place for place, name in enumerate(table.head) if width >= NARROW.get(name, 0)]
    rows = tuple(tuple(row[place] for place in chosen) for row in table.rows)
    left = sum(place < table.left for place in chosen)
    return lines.TextTable(table.caption, tuple(table.head[p] for p in chosen), rows, left)


def print_table(console: Console, written: lines.TextTable, most: int = MOST_ROWS) -> None:
    """Print a table, of many rows the first ones."""
    table = Table(header_style="dim", border_style="dim", box=SIMPLE_HEAD, show_edge=False)
    table.pad_edge = False
    for place, name in enumerate(written.head):
        is_word = place < written.left
        table.add_column(
            name, justify="left" if is_word else "right", overflow="fold", no_wrap=not is_word
        )
    for row in written.rows[:most]:
        table.add_row(*map(Text, row))
    console.print(f"\n{written.caption}", style="bold", markup=False)
    console.print(table)
    if len(written.rows) > most:
        console.print(f"and {len(written.rows) - most:,} more", style="dim")


def _clip(text: str) -> str:
    return f"{text[:MOST_LETTERS]}…" if len(text) > MOST_LETTERS else text or "missing"
