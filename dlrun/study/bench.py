"""Many recipes as one batch: a study of each, those that are complete read from the store."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from dlrun.contract.study import Study
from dlrun.errors import DlrunError
from dlrun.recipe.schema import Recipe
from dlrun.recipe.write import recipe_digest
from dlrun.study.plan import prepare

if TYPE_CHECKING:
    from dlrun.evidence.comparison import Comparison
    from dlrun.report.progress import Reporter


@dataclass(frozen=True)
class BatchOutcome:
    """What became of the recipes of a batch.

    Attributes:
        studies: those that ended, with their comparisons, in the order of the recipes.
        failed: recipe, or recipe and candidate → why it failed.
    """

    studies: list[tuple[Study, Comparison]] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)


def run_batch(
    recipes: Iterable[Recipe], new_reporter: Callable[[], Reporter], *, fresh: bool = False
) -> BatchOutcome:
    """Train one recipe after the other; one that fails does not stop the others.

    Stopped and started again, it goes on: a study that is complete in the store, with the same
    recipe, data and splits, is not trained again, and one that was stopped is resumed.

    Args:
        recipes: what is trained.
        new_reporter: called once for each recipe.
        fresh: train all anew.
    """
    batch = BatchOutcome()
    for recipe in recipes:
        reporter = new_reporter()
        try:
            _run(recipe, reporter, batch, fresh=fresh)
        except DlrunError as error:
            batch.failed[recipe.name] = str(error)
            reporter.note(f"{recipe.name} failed: {error}")
        finally:
            reporter.close()
    return batch


def _run(recipe: Recipe, reporter: Reporter, batch: BatchOutcome, *, fresh: bool) -> None:
    known = None if fresh else _complete_study(recipe)
    if known:
        from dlrun.evidence.compare import compare

        reporter.note(f"{recipe.name} is complete already (--fresh trains it anew)")
        batch.studies.append((known, compare([known])))
        return
    from dlrun.study.study import train

    outcome = train(recipe, reporter, fresh=fresh)
    batch.studies.append((outcome.study, outcome.comparison))
    batch.failed.update({f"{recipe.name}, {name}": why for name, why in outcome.failed.items()})


def _complete_study(recipe: Recipe) -> Study | None:
    """Return the tracked study of a recipe and its data as they are now, where no trial failed."""
    from dlrun.tracking.read import find_study
    from dlrun.tracking.store import open_store
    from dlrun.tracking.studies import finished_studies

    store = open_store(recipe.tracking.uri, experiment=recipe.tracking.experiment or recipe.name)
    if not finished_studies(store, {"dlrun.recipe": recipe.name}):
        return None  # without reading the data
    plan = prepare(recipe)
    same = {
        "dlrun.recipe_sha256": recipe_digest(plan.recipe),
        "dlrun.data_digest": plan.dataset.digest,
        "dlrun.split_digest": plan.splits.digest,
    }
    studies = (find_study(store, each) for each in finished_studies(store, same))
    return next((each for each in studies if (each.trials["status"] == "ok").all()), None)
