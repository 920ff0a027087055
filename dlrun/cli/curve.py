"""`dlrun curve`: learning curves of all candidates, and where they cross."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from dlrun.cli.options import Fresh, Overrides, RecipeFile, TrustModules
from dlrun.cli.train import run_study

if TYPE_CHECKING:
    from rich.console import Console

    from dlrun.study.study import StudyOutcome

SETTING = "evaluation.learning_curve"


def curve(
    recipe: RecipeFile,
    overrides: Overrides = None,
    fresh: Fresh = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the result alone.")] = False,
    trust_modules: TrustModules = None,
) -> None:
    """Train every candidate on growing parts of the training rows, and find the crossover."""
    chosen = overrides or []
    if not any(override.startswith(SETTING) for override in chosen):
        chosen = [*chosen, f"{SETTING}=true"]
    trusted = trust_modules or ()
    with run_study(
        recipe, chosen, verb="curve", quiet=quiet, fresh=fresh, trusted=trusted
    ) as ended:
        _show(*ended)


def _show(console: Console, outcome: StudyOutcome) -> None:
    from dlrun.evidence.learning_curve import crossover, learning_curves
    from dlrun.report.question import curves_table

    study, comparison = outcome.study, outcome.comparison
    scores, metric = study.read_probe_scores(), study.metrics[0]
    console.print(curves_table(learning_curves(scores, study.trials, metric), metric))
    deep, classic = comparison.best_deep, comparison.best_classic
    crossing = deep and classic and crossover(deep, classic, study, scores)
    console.print()
    console.print(crossing.sentence if crossing else comparison.verdict.sentence, soft_wrap=True)
    console.print("\nNext:   dlrun compare --aspects · dlrun ui")
