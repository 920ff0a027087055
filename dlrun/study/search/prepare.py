"""How every candidate of a study is searched, as the recipe says; checked before any training."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from dlrun.catalog.baselines import DUMMY
from dlrun.catalog.notes import INNER_FOLDS, UNSEARCHED
from dlrun.catalog.strategies import STRATEGIES
from dlrun.contract.candidate import Candidate
from dlrun.contract.dataset import Dataset, Splits
from dlrun.contract.note import Note
from dlrun.deep.distributed.worker import this_worker
from dlrun.errors import RecipeError
from dlrun.study.search.inner import choose_inner
from dlrun.study.search.plan import SearchPlan
from dlrun.study.search.space import spaces_of

if TYPE_CHECKING:
    from dlrun.recipe.schema import Recipe


def make_searches(
    recipe: Recipe, dataset: Dataset, splits: Splits, candidates: Sequence[Candidate]
) -> dict[str, SearchPlan]:
    """Return candidate → the plan of its search; none where the recipe asks for no search.

    Raises:
        RecipeError: the search does not suit the candidates, the rows, or several machines.
    """
    search = recipe.search
    if search is None:
        return {}
    if this_worker() and any(STRATEGIES[one.strategy].joins_workers for one in recipe.trainings):
        message = (
            f"{recipe.at('search')}: networks that several machines train together are not "
            "searched. Set search: null, or let each machine train for itself"
        )
        raise RecipeError(message)
    inner = choose_inner(recipe, dataset, splits.splits)
    spaces = spaces_of(recipe, dataset, candidates)
    return {
        name: SearchPlan(space, search.sampler, search.n_trials, search.seconds, inner)
        for name, space in spaces.items()
    }


def search_notes(
    searches: Mapping[str, SearchPlan], candidates: Sequence[Candidate], splits: Splits
) -> Iterator[Note]:
    """Yield notes on candidates without a search, and on what settings are scored."""
    names = [each.name for each in candidates if each.name not in searches] or [DUMMY]
    if names != [DUMMY]:
        yield UNSEARCHED.note(f"Not searched, for want of settings to tune: {', '.join(names)}.")
    inner = next((plan.inner for plan in searches.values() if plan.inner), None)
    if inner:
        n_rows = len(splits.splits[0].validation)
        yield INNER_FOLDS.note(
            f"Settings are scored on {inner.n} folds of the training and validation rows of each "
            f"split: its {n_rows:,} validation rows are few."
        )
