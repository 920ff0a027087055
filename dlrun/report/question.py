"""The comparison by aspects and the learning curves, as tables on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from dlrun.catalog.metrics import get_metric
from dlrun.evidence.formatting import decimals, fixed
from dlrun.report.terminal import FAMILY_STYLES, plain_table

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from dlrun.evidence.learning_curve import LearningCurve
    from dlrun.evidence.questions import AspectResult

COMMANDS_TITLE = "Not measured yet. These commands would:"


def print_question(console: Console, answers: Sequence[AspectResult]) -> None:
    """Print the answers, and below them the commands for what was not measured."""
    console.print(question_table(answers))
    print_commands(console, [line.command for line in answers])


def print_commands(console: Console, commands: Sequence[str | None]) -> None:
    """Print commands, each once and not wrapped, so that it can be copied."""
    distinct = dict.fromkeys(filter(None, commands))
    if distinct:
        console.print(Text(f"\n{COMMANDS_TITLE}", style="dim"))
    for command in distinct:
        console.print(Text(f"  {command}", style="bold"), soft_wrap=True)


def question_table(answers: Sequence[AspectResult]) -> Table:
    """Return a table with a row for each answer."""
    table = plain_table("The question, measured")
    table.add_column("aspect", no_wrap=True)
    table.add_column("measured as", overflow="fold")
    table.add_column("deep learning", style=FAMILY_STYLES["deep"], overflow="fold")
    table.add_column("classic ML", style=FAMILY_STYLES["classic"], overflow="fold")
    for line in answers:
        cells = (line.aspect, line.measure, line.deep, line.classic)
        table.add_row(*(Text(cell) for cell in cells))
    return table


def curves_table(curves: Sequence[LearningCurve], metric: str) -> Table:
    """Return learning curves as a table: a row per candidate, a column per training size."""
    table = plain_table(f"{get_metric(metric).title} by training rows")
    sizes = sorted({size for curve in curves for size in curve.sizes})
    table.add_column("candidate")
    for size in sizes:
        table.add_column(f"{size:,}", justify="right")
    for curve in curves:
        scores = dict(zip(curve.sizes, curve.scores, strict=True))
        places = decimals(abs(curve.scores[-1]) / 20)
        cells = [fixed(scores[size], places) if size in scores else "" for size in sizes]
        name = Text(curve.candidate, style=FAMILY_STYLES[curve.family])
        table.add_row(name, *(Text(cell) for cell in cells))
    return table
