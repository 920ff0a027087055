"""`dlrun selftest`: studies whose answer is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dlrun.cli.options import say
from dlrun.system.terminal import open_console

if TYPE_CHECKING:
    from dlrun.study.verdict_checks import Finding


def selftest(
    quick: Annotated[bool, typer.Option("--quick", help="Under 5 minutes on 2 cores.")] = False,
) -> None:
    """Run studies whose answer is known, and exit 1 if dlrun is wrong anywhere."""
    say("building studies whose answer is known …")

    from dlrun.study.selftest import run_known_answers

    console = open_console()
    findings: list[Finding] = []
    for study in run_known_answers(quick=quick):
        for finding in study:
            mark = "[green]✓[/]" if finding.is_met else "[bold red]✗[/]"
            line = f"{mark} {finding.study:<15} {finding.expected:<46} {finding.measured}"
            console.print(line, soft_wrap=True)
        findings += study
    wrong = [finding for finding in findings if not finding.is_met]
    console.print(
        f"\n{len(findings) - len(wrong)} of {len(findings)} expectations hold."
        if wrong
        else f"\nAll {len(findings)} expectations hold."
    )
    if wrong:
        raise typer.Exit(1)
