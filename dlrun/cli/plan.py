"""`dlrun plan`: how many fits a study has, and what they are expected to take."""

from __future__ import annotations

import shlex
import sys
from typing import TYPE_CHECKING

import typer

from dlrun.cli.options import (
    AsJson,
    Budget,
    Overrides,
    RecipeFile,
    TrustModules,
    say,
    trust_flags,
    with_budget,
)
from dlrun.system.signals import exit_code, raise_on_signals
from dlrun.system.terminal import data_output, open_console

if TYPE_CHECKING:
    from dlrun.study.budget import PlannedStudy


def plan(
    recipe: RecipeFile,
    overrides: Overrides = None,
    budget: Budget = None,
    as_json: AsJson = False,
    trust_modules: TrustModules = None,
) -> None:
    """Count the fits of a study and time a few: how long it takes, how much memory and disk."""
    from dlrun.recipe.load import load_recipe

    chosen = with_budget(overrides, budget)
    try:
        with raise_on_signals():
            loaded = load_recipe(recipe, chosen, trusted=trust_modules or ())
            say(f"timing a few fits of {loaded.name} …")
            from dlrun.study.budget import plan_study

            planned = plan_study(loaded)
    except KeyboardInterrupt as stop:
        print("\nStopped. Nothing was written.", file=sys.stderr)
        raise typer.Exit(exit_code(stop)) from None
    if as_json:
        from dlrun.report.forecast import forecast_json

        print(forecast_json(planned.forecast), file=data_output())
        return
    again = ["dlrun", "train", str(recipe), *chosen, *trust_flags(trust_modules)]
    _show(planned, loaded.budget, shlex.join(again))


def _show(planned: PlannedStudy, budget: float | None, again: str) -> None:
    from rich.text import Text

    from dlrun.report.forecast import forecast_sentence, forecast_table

    console = open_console()
    console.print(forecast_table(planned.forecast))
    console.print()
    console.print(f"{forecast_sentence(planned.forecast)}.", soft_wrap=True)
    for each in planned.forecast.candidates:
        if each.pace.error:
            text = f"Note: {each.name} could not be timed: {each.pace.error}"
            console.print(Text(text, style="dim"), soft_wrap=True)
    if planned.cut and budget:
        console.print(Text(f"Note: {planned.cut.note(budget)}", style="dim"), soft_wrap=True)
    console.print(f"\nNext: {again}", soft_wrap=True, markup=False)
