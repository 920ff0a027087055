"""`dlrun launch`: several workers on this machine that train together."""

from __future__ import annotations

import os
import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from dlrun.cli.options import AsJson, Fresh, Overrides, RecipeFile, TrustModules, trust_flags
from dlrun.system.signals import exit_code


def launch(
    recipe: RecipeFile,
    overrides: Overrides = None,
    n_workers: Annotated[int, typer.Option("--workers", "-n", min=2, help="How many workers.")] = 2,
    restarts: Annotated[
        int, typer.Option(min=0, help="How often all start again after one is lost.")
    ] = 3,
    fresh: Fresh = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the verdict alone.")] = False,
    as_json: AsJson = False,
    trust_modules: TrustModules = None,
) -> None:
    """Train with several workers on this machine, and start them again when one is lost."""
    chosen = overrides or []
    trust = trust_flags(trust_modules)
    _check(recipe, chosen, n_workers)

    from dlrun.deep.distributed.launch import LocalLauncher, train_command

    flags = ["--quiet"] * quiet + ["--json"] * as_json
    command = train_command([*flags, *trust, str(recipe), *chosen])
    try:
        code = LocalLauncher(command, fresh, n_workers, restarts, _print).run()
    except KeyboardInterrupt as stop:
        again = shlex.join(["dlrun", "launch", "-n", str(n_workers), str(recipe), *chosen, *trust])
        print(f"All workers are stopped. To go on: {again}", file=sys.stderr)
        raise typer.Exit(exit_code(stop)) from None
    raise typer.Exit(code)


def _check(recipe: Path, overrides: list[str], n_workers: int) -> None:
    """Check that workers can train the recipe, before any is started."""
    from dlrun.deep.distributed.worker import find_worker
    from dlrun.recipe.load import load_recipe

    placeholders = ",".join(f"localhost:{port}" for port in range(1, n_workers + 1))
    find_worker(load_recipe(recipe, overrides), placeholders, 0, os.environ)


def _print(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
