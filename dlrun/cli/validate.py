"""`dlrun validate`: a recipe, its data and its networks, checked."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from dlrun.cli.options import Overrides, RecipeFile, TrustModules, say, trust_flags
from dlrun.system.terminal import open_console

if TYPE_CHECKING:
    from dlrun.contract.candidate import Candidate


def validate(
    recipe: RecipeFile,
    overrides: Overrides = None,
    build: Annotated[bool, typer.Option("--build", help="Build the networks as well.")] = False,
    trust_modules: TrustModules = None,
) -> None:
    """Check a recipe and its data: columns, classes, split sizes. Nothing is trained."""
    say(f"reading {recipe} …")
    from dlrun.recipe.load import load_recipe

    loaded = load_recipe(recipe, overrides or (), trusted=trust_modules or ())

    from rich.text import Text

    from dlrun.data.profile import describe
    from dlrun.report.data import data_overview
    from dlrun.study.plan import prepare

    plan = prepare(loaded)
    dataset = plan.dataset
    console = open_console()
    console.print(data_overview(describe(dataset), dataset.target, plan.splits))
    for note in dataset.notes:
        console.print(Text(f"Note: {note}", style="dim"))
    for candidate in plan.networks if build else ():
        summary = candidate.summarize(dataset)
        title = f"\n{summary.candidate}: {summary.parameters:,} parameters\n{summary.text}"
        console.print(Text(title), soft_wrap=True)
    console.print(Text(f"\n{recipe} is valid. Candidates: {_names(plan.candidates)}"))
    command = shlex.join(
        ["dlrun", "train", str(recipe), *(overrides or ()), *trust_flags(trust_modules)]
    )
    console.print(Text(f"Next: {command}"), soft_wrap=True)


def _names(candidates: Sequence[Candidate]) -> str:
    """Name the candidates by kind: "dummy, linear (classic), mlp (network)"."""
    by_kind: dict[str, list[str]] = {}
    for each in candidates:
        by_kind.setdefault(each.kind, []).append(each.name)
    return ", ".join(f"{', '.join(names)} ({kind})" for kind, names in by_kind.items())
