"""`dlrun train`: a study from a recipe."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dlrun.cli.options import (
    AsJson,
    Budget,
    Fresh,
    Overrides,
    RecipeFile,
    TrustModules,
    trust_flags,
    with_budget,
)
from dlrun.system.forced_exit import forced_exit
from dlrun.system.signals import exit_code, raise_on_signals
from dlrun.system.terminal import data_output, open_console

if TYPE_CHECKING:
    from rich.console import Console

    from dlrun.recipe.schema import Recipe
    from dlrun.study.study import StudyOutcome


Workers = Annotated[
    str | None,
    typer.Option(
        help="All processes that train together, host1:port,host2:port; the first leads.",
        show_default=False,
    ),
]
Index = Annotated[
    int | None, typer.Option(help="Which of the workers this is, from 0.", show_default=False)
]


def train(
    recipe: RecipeFile,
    overrides: Overrides = None,
    budget: Budget = None,
    fresh: Fresh = False,
    workers: Workers = None,
    index: Index = None,
    refit: Annotated[
        str | None,
        typer.Option(
            help="The candidate to train on all rows and to keep. Default: as the verdict says.",
            show_default=False,
        ),
    ] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the verdict alone.")] = False,
    as_json: AsJson = False,
    trust_modules: TrustModules = None,
) -> None:
    """Train every candidate of a recipe on the same splits, track them, and compare."""
    chosen = with_budget(overrides, budget)
    with run_study(
        recipe,
        chosen,
        verb="train",
        quiet=quiet or as_json,
        fresh=fresh,
        refit=refit,
        workers=workers,
        index=index,
        trusted=trust_modules or (),
    ) as ended:
        _show(*ended, quiet=quiet, as_json=as_json)


@contextmanager
def run_study(
    recipe: Path,
    overrides: list[str],
    *,
    verb: str,
    quiet: bool,
    fresh: bool,
    refit: str | None = None,
    workers: str | None = None,
    index: int | None = None,
    trusted: Collection[str] = (),
) -> Iterator[tuple[Console, StudyOutcome]]:
    """Run a study and yield its outcome; after the block, exit 1 if a candidate failed.

    A worker that is not the first takes part in the study, and exits 0.
    """
    from dlrun.report.progress import choose_reporter

    console = open_console()
    reporter = choose_reporter(console, quiet=quiet)
    kept = ["--refit", refit] if refit else []
    place = ["--workers", workers, "--index", str(index)] if workers else []
    again = shlex.join(
        ["dlrun", verb, str(recipe), *overrides, *kept, *place, *trust_flags(trusted)]
    )
    with stoppable(reporter.close, again):
        from dlrun.recipe.load import load_recipe

        loaded = load_recipe(recipe, overrides, trusted=trusted)
        _join(loaded, workers, index)

        from dlrun.study.study import train as run

        outcome = run(loaded, reporter, fresh=fresh, refit=refit)
    yield console, outcome
    if outcome.failed:
        from dlrun.evidence.formatting import first_line

        for name, reason in outcome.failed.items():
            print(f"{name} failed: {first_line(reason)}", file=sys.stderr)
        raise typer.Exit(1)


@contextmanager
def stoppable(close: Callable[[], None], again: str) -> Iterator[None]:
    """Print how to go on where a signal stops the study within, and exit in seconds.

    Args:
        close: stops the display of the progress; called at least once.
        again: the command that goes on.
    """

    def farewell() -> None:
        close()
        print(f"\nStopped. What was trained is kept. To go on: {again}", file=sys.stderr)

    try:
        with forced_exit(farewell), raise_on_signals():
            yield
    except KeyboardInterrupt as stop:
        farewell()
        raise typer.Exit(exit_code(stop)) from None
    finally:
        close()


def _join(recipe: Recipe, workers: str | None, index: int | None) -> None:
    """Join the other workers, where there are any; all but the first follow and exit."""
    from dlrun.deep.distributed.worker import find_worker, join_worker

    worker = find_worker(recipe, workers, index, os.environ)
    if worker is None:
        return
    join_worker(worker)
    if not worker.is_chief:
        from dlrun.study.study import follow

        print(f"worker {worker.index} of {worker.n_workers}: worker 0 leads the study")
        follow(recipe)
        raise typer.Exit


def _show(console: Console, outcome: StudyOutcome, *, quiet: bool, as_json: bool) -> None:
    if as_json:
        from dlrun.report.plain import to_json

        print(to_json(outcome.comparison), file=data_output())
        return
    if quiet:
        print(outcome.comparison.verdict.sentence)
        return
    from dlrun.cli.compare import print_labels_needed
    from dlrun.report.terminal import print_comparison

    console.print()
    print_comparison(console, outcome.comparison)
    print_labels_needed(console, [outcome.study])
    console.print("\nNext:   dlrun compare · dlrun predict last DATA -o FILE · dlrun ui")
    console.print(f"MLflow: {outcome.url}", soft_wrap=True)
