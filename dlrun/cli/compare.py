"""`dlrun compare`: which candidate to use, by how much, how sure, at what cost."""

from __future__ import annotations

from typing import Annotated

import typer

from dlrun.cli.options import AsJson, Uri, open_to_read
from dlrun.errors import UsageError


def compare(
    studies: Annotated[
        list[str] | None,
        typer.Argument(help="Studies, run ids or experiments. Default: the last study here."),
    ] = None,
    metric: Annotated[str | None, typer.Option(help="Default: the primary metric.")] = None,
    sort: Annotated[str | None, typer.Option(help="A column, such as fit_seconds.")] = None,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    as_markdown: Annotated[bool, typer.Option("--markdown", help="Print Markdown.")] = False,
    uri: Uri = None,
) -> None:
    """Compare the candidates of a study, or of several on the same splits."""
    if as_json + as_csv + as_markdown > 1:
        message = "--json, --csv and --markdown: choose one"
        raise UsageError(message)

    from dlrun.evidence.compare import compare as judge
    from dlrun.report import plain
    from dlrun.tracking.read import find_studies

    names = [] if studies == ["last"] else studies or []
    found = find_studies(open_to_read(uri), names)
    comparison = judge(found, metric)
    comparison = comparison.sorted_by(sort) if sort else comparison
    if as_json:
        print(plain.to_json(comparison))
    elif as_csv:
        print(plain.to_csv(comparison), end="")
    elif as_markdown:
        print(plain.to_markdown(comparison), end="")
    else:
        from rich.console import Console

        from dlrun.report.terminal import print_comparison

        print_comparison(Console(highlight=False), comparison, sort)
