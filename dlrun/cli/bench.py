"""`dlrun bench`: many recipes as one batch, compared over their data sets."""

from __future__ import annotations

import shlex
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from dlrun.cli.completion import recipe_files
from dlrun.cli.options import AsJson, TrustModules, trust_flags
from dlrun.cli.train import stoppable
from dlrun.errors import RecipeError, UsageError
from dlrun.system.terminal import data_output, open_console

if TYPE_CHECKING:
    from dlrun.evidence.bench import Bench
    from dlrun.recipe.schema import Recipe
    from dlrun.report.progress import Reporter
    from dlrun.study.bench import BatchOutcome

TABLES: Final = (".md", ".tex", ".csv")


def bench(
    recipes: Annotated[
        list[str],
        typer.Argument(
            help="Recipes, each of another data set; key=value is laid over all of them.",
            metavar="RECIPE...",
            show_default=False,
            autocompletion=recipe_files,
        ),
    ],
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Train anew what is complete or was stopped.")
    ] = False,
    table: Annotated[
        Path | None,
        typer.Option(help="Write the table for a paper: .md, .tex or .csv.", show_default=False),
    ] = None,
    html: Annotated[
        Path | None, typer.Option(help="Write the report to this file.", show_default=False)
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the results alone.")] = False,
    as_json: AsJson = False,
    trust_modules: TrustModules = None,
) -> None:
    """Train many recipes as one batch, and compare the candidates over their data sets."""
    _check_files(table, html)
    loaded, faults = _load(recipes, trust_modules or [])
    again = shlex.join(["dlrun", "bench", *recipes, *trust_flags(trust_modules)])
    batch = _train(loaded, again, quiet=quiet or as_json, fresh=fresh)
    if batch.studies:
        from dlrun.evidence.bench import compare_over

        found = compare_over(batch.studies)
        _write(found, table, html)
        _show(found, as_json=as_json)
    failed = faults | batch.failed
    for name, reason in failed.items():
        print(f"{name} failed: {reason}", file=sys.stderr)
    if failed:
        raise typer.Exit(1)


def _check_files(table: Path | None, html: Path | None) -> None:
    """Refuse what could not be written, before hours of training."""
    if table and table.suffix not in TABLES:
        message = f"--table {table}: its suffix names the format. Allowed: {', '.join(TABLES)}"
        raise UsageError(message)
    for file in filter(None, (table, html)):
        if not file.parent.is_dir():
            message = f"{file}: there is no folder {file.parent}"
            raise UsageError(message)


def _load(arguments: Sequence[str], trusted: Sequence[str]) -> tuple[list[Recipe], dict[str, str]]:
    """Load the recipes.

    Returns:
        Those that are valid, and file → faults of the others.

    Raises:
        RecipeError: none is valid.
        UsageError: there is none, or two have one name.
    """
    from dlrun.recipe.load import load_recipe

    settings = [each for each in arguments if "=" in each and not Path(each).exists()]
    files = [each for each in arguments if each not in settings]
    if not files:
        message = "dlrun bench needs recipes, such as: dlrun bench recipes/*.yaml"
        raise UsageError(message)
    loaded, faults = [], dict[str, str]()
    for file in files:
        try:
            loaded.append(load_recipe(Path(file), settings, trusted=trusted))
        except RecipeError as error:
            faults[file] = str(error)
    if not loaded:
        raise RecipeError("\n".join(faults.values()))
    _check_names(loaded)
    return loaded, faults


def _check_names(recipes: Iterable[Recipe]) -> None:
    names = Counter(each.name for each in recipes)
    if repeated := [name for name, n_times in names.items() if n_times > 1]:
        message = f"Two recipes are called {repeated[0]}. Give each a name of its own"
        raise UsageError(message)


def _train(recipes: Sequence[Recipe], again: str, *, quiet: bool, fresh: bool) -> BatchOutcome:
    from dlrun.report.progress import Reporter, choose_reporter

    console, n = open_console(), len(recipes)
    shown: list[Reporter] = [Reporter()]

    def new_reporter() -> Reporter:
        shown.append(choose_reporter(console, quiet=quiet))
        shown[-1].note(f"\nrecipe {len(shown) - 1} of {n}")
        return shown[-1]

    def close() -> None:
        shown[-1].close()

    with stoppable(close, again):
        from dlrun.study.bench import run_batch

        return run_batch(recipes, new_reporter, fresh=fresh)


def _write(found: Bench, table: Path | None, html: Path | None) -> None:
    from dlrun.report.bench_page import to_html
    from dlrun.report.bench_table import write_table

    texts = {}
    if table:
        texts[table] = write_table(found, table.suffix)
    if html:
        texts[html] = to_html(found)
    for file, text in texts.items():
        try:
            file.write_text(text, encoding="utf-8")
        except OSError as error:
            message = f"{file}: it cannot be written ({error.strerror})"
            raise UsageError(message) from error
        print(f"{file} written", file=sys.stderr)


def _show(found: Bench, *, as_json: bool) -> None:
    if as_json:
        from dlrun.report.bench_table import to_json

        print(to_json(found), file=data_output())
        return
    from dlrun.report.bench import print_bench

    print_bench(open_console(), found)
