"""`dlrun compare`: the candidates of tracked studies, compared."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dlrun.cli.completion import study_names
from dlrun.cli.options import AsJson, Uri, open_to_read
from dlrun.errors import UsageError
from dlrun.system.terminal import data_output, open_console

if TYPE_CHECKING:
    from rich.console import Console

    from dlrun.contract.study import Study
    from dlrun.evidence.comparison import Comparison
    from dlrun.evidence.rules import RuleResult


class By(StrEnum):
    """What a line of the table is."""

    candidate = "candidate"
    kind = "kind"


def compare(
    studies: Annotated[
        list[str] | None,
        typer.Argument(
            help="Studies, run ids or experiments. Default: the last study here.",
            autocompletion=study_names,
        ),
    ] = None,
    metric: Annotated[str | None, typer.Option(help="Default: the primary metric.")] = None,
    sort: Annotated[str | None, typer.Option(help="A column, such as fit_seconds.")] = None,
    by: Annotated[By, typer.Option(help="What each line of the table is.")] = By.candidate,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
    html: Annotated[
        Path | None, typer.Option(help="Write the whole report to this file.", show_default=False)
    ] = None,
    aspects: Annotated[
        bool, typer.Option("--aspects", help="Answer every aspect of the question as well.")
    ] = False,
    rules: Annotated[
        bool, typer.Option("--rules", help="Say of the usual advice whether it held here.")
    ] = False,
    uri: Uri = None,
) -> None:
    """Compare the candidates of a study, or of several on the same splits."""
    if as_json + as_csv + as_markdown > 1:
        message = "--json, --csv and --markdown: choose one"
        raise UsageError(message)
    if by is By.kind and sort:
        message = "--sort: it sorts candidates, so leave it out with --by kind"
        raise UsageError(message)

    from dlrun.evidence.compare import compare as compare_studies
    from dlrun.report import plain
    from dlrun.tracking.read import find_studies

    tracked = find_studies(open_to_read(uri), studies or [])
    comparison = compare_studies(tracked, metric)
    comparison = comparison.sorted_by(sort) if sort else comparison
    by_kind = by is By.kind
    if by_kind and not comparison.kinds:
        message = "--by kind: all candidates that finished a split are of one kind"
        raise UsageError(message)
    if html:
        write_report(html, tracked, comparison)
    checked = _check_rules(tracked, comparison) if rules else None
    if as_json:
        print(plain.to_json(comparison, checked), file=data_output())
    elif as_csv:
        write = plain.kinds_to_csv if by_kind else plain.to_csv
        print(write(comparison), end="", file=data_output())
    elif as_markdown:
        write = plain.kinds_to_markdown if by_kind else plain.to_markdown
        print(write(comparison), end="", file=data_output())
    else:
        from dlrun.report.rules import print_rules
        from dlrun.report.terminal import print_comparison, print_kinds

        console = open_console()
        if by_kind:
            print_kinds(console, comparison)
        else:
            print_comparison(console, comparison, sort)
        print_labels_needed(console, tracked)
        if checked:
            print_rules(console, checked)
        if aspects:
            _print_aspects(console, tracked, comparison)


def write_report(file: Path, studies: Sequence[Study], comparison: Comparison) -> None:
    """Write the report of studies to a file.

    Raises:
        UsageError: the file cannot be written.
    """
    from dlrun.report.page import to_html

    page = to_html(studies, comparison)
    try:
        file.write_text(page, encoding="utf-8")
    except OSError as error:
        message = f"{file}: the report cannot be written ({error.strerror})"
        raise UsageError(message) from error
    print(f"{file} written", file=sys.stderr)


def print_labels_needed(console: Console, studies: Sequence[Study]) -> None:
    """Print up to how many labels which kind leads, where a single study has measured it."""
    from dlrun.evidence.label_curve import label_curves

    found = label_curves(studies[0]) if len(studies) == 1 else None
    if found and found.sentences:
        console.print(f"\n{' '.join(found.sentences)}", highlight=False, markup=False)


def _check_rules(studies: Sequence[Study], comparison: Comparison) -> tuple[RuleResult, ...]:
    from dlrun.evidence.rules import check_rules

    if len(studies) > 1:
        message = "--rules: they are checked on one study, and here are several. Name one"
        raise UsageError(message)
    return check_rules(studies[0], comparison)


def _print_aspects(console: Console, studies: Sequence[Study], comparison: Comparison) -> None:
    from dlrun.evidence.questions import answer
    from dlrun.report.question import print_question

    if len(studies) > 1:
        message = "--aspects: they are answered for one study, and here are several. Name one"
        raise UsageError(message)
    console.print()
    print_question(console, answer(studies[0], comparison))
