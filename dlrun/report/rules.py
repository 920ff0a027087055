"""The usual advice and whether it held, as a table on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.text import Text

from dlrun.report.question import print_commands
from dlrun.report.terminal import plain_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from dlrun.evidence.rules import Outcome, RuleResult

STYLES: Final[dict[Outcome, str]] = {
    "held": "green",
    "did not hold": "yellow",
    "not measured": "dim",
}


def print_rules(console: Console, rules: Sequence[RuleResult]) -> None:
    """Print each advice with its outcome and the numbers, and below them commands to measure it."""
    table = plain_table("The usual advice, on this data")
    table.add_column("advice", overflow="fold")
    table.add_column("here", no_wrap=True)
    table.add_column("because", overflow="fold")
    for each in rules:
        outcome = Text(each.outcome, style=STYLES[each.outcome])
        table.add_row(Text(each.advice), outcome, Text(each.reason))
    console.print()
    console.print(table)
    print_commands(console, [each.command for each in rules])
