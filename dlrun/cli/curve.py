"""`dlrun curve`: learning curves of all candidates, and where they cross."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dlrun.cli.compare import write_report
from dlrun.cli.options import AsJson, Fresh, Overrides, RecipeFile, TrustModules
from dlrun.cli.train import run_study
from dlrun.errors import UsageError
from dlrun.system.terminal import data_output

if TYPE_CHECKING:
    from rich.console import Console

    from dlrun.evidence.label_curve import LabelCurves
    from dlrun.study.study import StudyOutcome

SETTING = "evaluation.learning_curve"


def curve(
    recipe: RecipeFile,
    overrides: Overrides = None,
    fresh: Fresh = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print the result alone.")] = False,
    as_json: AsJson = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV.")] = False,
    html: Annotated[
        Path | None, typer.Option(help="Write the whole report to this file.", show_default=False)
    ] = None,
    trust_modules: TrustModules = None,
) -> None:
    """Train every candidate on growing parts of the rows, and find where which kind leads.

    The parts are those of the recipe, such as evaluation.learning_curve.labels=[50,100,200,500];
    else fractions of the training rows.
    """
    if as_json and as_csv:
        message = "--json, --csv: choose one"
        raise UsageError(message)
    if html and not html.parent.is_dir():
        message = f"{html}: there is no folder {html.parent}"
        raise UsageError(message)
    trusted = trust_modules or ()
    is_plain = as_json or as_csv
    chosen = _with_curve(recipe, overrides or [], trusted, is_plain=is_plain)
    is_quiet = quiet or is_plain
    with run_study(recipe, chosen, verb="curve", quiet=is_quiet, fresh=fresh, trusted=trusted) as (
        console,
        outcome,
    ):
        if html:
            write_report(html, [outcome.study], outcome.comparison)
        if is_plain:
            _print_plain(outcome, as_json=as_json)
        else:
            _show(console, outcome)


def _with_curve(
    recipe: Path, overrides: list[str], trusted: Collection[str], *, is_plain: bool
) -> list[str]:
    """Return the overrides, with a learning curve where neither they nor the recipe ask for one.

    Raises:
        UsageError: JSON or CSV is wanted of a curve that is not over labels.
    """
    from dlrun.recipe.load import load_recipe
    from dlrun.recipe.schema import LabelCounts

    asked = load_recipe(recipe, overrides, trusted=trusted).evaluation.learning_curve
    if is_plain and not isinstance(asked, LabelCounts):
        message = f"--json and --csv are of a curve over labels. Set {SETTING}.labels=[50,100,200]"
        raise UsageError(message)
    return overrides if asked else [*overrides, f"{SETTING}=true"]


def _print_plain(outcome: StudyOutcome, *, as_json: bool) -> None:
    from dlrun.report.label_curve import to_csv, to_json

    found = _label_curves(outcome)
    if found:
        text = f"{to_json(found)}\n" if as_json else to_csv(found)
        print(text, end="", file=data_output())


def _show(console: Console, outcome: StudyOutcome) -> None:
    found = _label_curves(outcome)
    if found:
        from dlrun.report.label_curve import print_label_curves

        print_label_curves(console, found)
    else:
        _show_fractions(console, outcome)
    console.print("\nNext:   dlrun compare --aspects · dlrun ui")


def _label_curves(outcome: StudyOutcome) -> LabelCurves | None:
    from dlrun.evidence.label_curve import label_curves

    return label_curves(outcome.study)


def _show_fractions(console: Console, outcome: StudyOutcome) -> None:
    from dlrun.evidence.learning_curve import crossover, learning_curves
    from dlrun.report.question import curves_table

    study, comparison = outcome.study, outcome.comparison
    scores, metric = study.read_probe_scores(), study.metrics[0]
    console.print(curves_table(learning_curves(scores, study.trials, metric), metric))
    deep, classic = comparison.best_deep, comparison.best_classic
    crossing = deep and classic and crossover(deep, classic, study, scores)
    console.print()
    console.print(crossing.sentence if crossing else comparison.verdict.sentence, soft_wrap=True)
