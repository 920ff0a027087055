"""`dlrun train`: a study from a recipe."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dlrun.cli.options import AsJson, Fresh, Overrides, RecipeFile

if TYPE_CHECKING:
    from rich.console import Console

    from dlrun.run import Outcome


def train(
    recipe: RecipeFile,
    overrides: Overrides = None,
    fresh: Fresh = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the verdict alone.")] = False,
    as_json: AsJson = False,
) -> None:
    """Train every candidate of a recipe on the same splits, track them, and compare."""
    chosen = overrides or []
    with run_study(recipe, chosen, verb="train", quiet=quiet or as_json, fresh=fresh) as ended:
        _show(*ended, quiet=quiet, as_json=as_json)


@contextmanager
def run_study(
    recipe: Path, overrides: list[str], *, verb: str, quiet: bool, fresh: bool
) -> Iterator[tuple[Console, Outcome]]:
    """Run a study before the block and lend its outcome; then exit 1 if a candidate failed."""
    from dlrun.recipe.load import load_recipe

    loaded = load_recipe(recipe, overrides)

    from rich.console import Console

    from dlrun.report.progress import choose_reporter
    from dlrun.run import train as run

    console = Console(highlight=False)
    reporter = choose_reporter(console, quiet=quiet)
    try:
        outcome = run(loaded, reporter, fresh=fresh)
    except KeyboardInterrupt:
        reporter.close()
        again = shlex.join(["dlrun", verb, str(recipe), *overrides])
        print(f"\nStopped. What was trained is kept. To go on: {again}", file=sys.stderr)
        raise typer.Exit(130) from None
    finally:
        reporter.close()
    yield console, outcome
    if outcome.failed:
        print(f"Failed: {', '.join(outcome.failed)}", file=sys.stderr)
        raise typer.Exit(1)


def _show(console: Console, outcome: Outcome, *, quiet: bool, as_json: bool) -> None:
    if as_json:
        from dlrun.report.plain import to_json

        print(to_json(outcome.comparison))
        return
    if quiet:
        print(outcome.comparison.verdict.sentence)
        return
    from dlrun.report.terminal import print_comparison

    console.print()
    print_comparison(console, outcome.comparison)
    console.print("\nNext:   dlrun compare · dlrun predict last DATA -o FILE · dlrun ui")
    console.print(f"MLflow: {outcome.url}", soft_wrap=True)
