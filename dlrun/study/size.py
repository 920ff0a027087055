"""The size of a study: its folds, repeats, search trials and rows, and the fits that they make."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Final

from dlrun.contract.candidate import Candidate
from dlrun.contract.forecast import Fits, Pace
from dlrun.data.splits.make import n_folds, n_repeats, sizes
from dlrun.study.search.sampler import MOST_TRIALS

if TYPE_CHECKING:
    from dlrun.study.plan import StudyPlan

FEWEST_ROWS: Final = 500  # of training
SHORTEST: Final = 0.01  # seconds of a fit


@dataclass(frozen=True)
class StudySize:
    """How large a study is.

    Attributes:
        n_trials: of each search; None: as many as its seconds allow; 1: nothing is searched.
        search_seconds: of each search; None: as many as its trials take.
        epochs: the largest cap of its networks; 0 without any.
        share: of the rows that the recipe asks for.
    """

    folds: int
    repeats: int
    n_trials: int | None = 1
    search_seconds: float | None = None
    epochs: int = 0
    share: float = 1.0

    @property
    def n_splits(self) -> int:
        """Return the number of splits."""
        return self.folds * self.repeats


def size_of(plan: StudyPlan) -> StudySize:
    """Return the size of a planned study."""
    recipe = plan.recipe
    return StudySize(
        n_folds(recipe, plan.dataset),
        n_repeats(recipe, plan.dataset),
        recipe.search.n_trials if recipe.search else 1,
        recipe.search.seconds if recipe.search else None,
        max((training.epochs for training in recipe.trainings), default=0) if plan.networks else 0,
    )


def n_train_of(plan: StudyPlan, size: StudySize) -> int:
    """Return the training rows of a split, of a study that is of another size than the plan."""
    own = sizes(plan.dataset, plan.splits.splits[0])[0]
    growth = _train_share(plan, size.folds) / _train_share(plan, size_of(plan).folds)
    return max(1, round(own * size.share * growth))


def _train_share(plan: StudyPlan, folds: int) -> float:
    split = plan.recipe.data.split
    return 1 - split.validation - (split.test if folds == 1 else 1 / folds)


def count_fits(
    plan: StudyPlan, candidate: Candidate, size: StudySize, pace: Pace
) -> tuple[Fits, ...]:
    """Return the fits of a candidate in a study of some size."""
    n_train = n_train_of(plan, size)
    conditions = Counter(
        max(1, round(len(each.split.train) * size.share))
        for each in plan.conditions
        if each.split.index < size.n_splits
    )
    return (
        Fits("splits", size.n_splits, n_train),
        *_search(plan, candidate, size, pace),
        *(Fits("conditions", n, n_rows) for n_rows, n in sorted(conditions.items())),
    )


def _search(plan: StudyPlan, candidate: Candidate, size: StudySize, pace: Pace) -> tuple[Fits, ...]:
    """Return the fits of the searches beside the plain trials, which are their first.

    The last of each is the trial with the settings that it has chosen.
    """
    search, n_train = plan.searches.get(candidate.name), n_train_of(plan, size)
    if search is None:
        return ()
    n_inner = search.inner.n if search.inner else 1
    n_more = (size.n_trials or MOST_TRIALS) - 1
    if size.search_seconds:
        in_time = size.search_seconds / max(pace.seconds(n_train), SHORTEST)
        n_more = min(n_more, ceil(in_time / n_inner))
    if not n_more:
        return ()
    return (
        Fits("search", size.n_splits * n_more * n_inner, n_train),
        Fits("search", size.n_splits, n_train),
    )


def count_final(plan: StudyPlan) -> int:
    """Return how many models are trained on all rows at the end."""
    n_all = len(plan.candidates)
    return {"none": 0, "winner": 1, "all": n_all}[plan.recipe.evaluation.refit]
