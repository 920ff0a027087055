"""A budget of time: the study is made smaller before it starts, equally for both sides."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from math import ceil, inf
from typing import TYPE_CHECKING, Any, Final

from dlrun.catalog.notes import BUDGET, unmuted
from dlrun.contract.note import Note
from dlrun.errors import UsageError
from dlrun.evidence.formatting import duration
from dlrun.study.forecast import Paces, make_forecast, time_candidates
from dlrun.study.size import FEWEST_ROWS, StudySize, n_train_of, size_of
from dlrun.system.cost import pin_threads

if TYPE_CHECKING:
    from dlrun.contract.forecast import Forecast
    from dlrun.recipe.schema import Model, Recipe
    from dlrun.study.plan import StudyPlan

RESERVE: Final = 0.1  # of a budget: a forecast is seldom exact
FEWEST_TRIALS: Final = 5  # of a search
FEWEST_SECONDS: Final = 5.0
FEWEST_FOLDS: Final = 3
FEWEST_EPOCHS: Final = 5
ROUND: Final = 10  # seconds, to which a budget is rounded up
STEP: Final = 0.8  # from seconds or rows to the next

ForecastAt = Callable[[StudySize], "Forecast"]


def smaller_sizes(size: StudySize, n_train: int) -> Iterator[StudySize]:
    """Yield ever smaller studies; the first is as the recipe asks for.

    Trials of searches, repeats, folds, epochs and rows are cut, one after the other.

    Args:
        size: of the study that the recipe asks for.
        n_train: its training rows.
    """
    yield size
    for n in range((size.n_trials or 0) - 1, FEWEST_TRIALS - 1, -1):
        size = replace(size, n_trials=n)
        yield size
    while size.search_seconds and STEP * size.search_seconds >= FEWEST_SECONDS:
        size = replace(size, search_seconds=STEP * size.search_seconds)
        yield size
    for n in range(size.repeats - 1, 0, -1):
        size = replace(size, repeats=n)
        yield size
    for n in (*range(size.folds - 1, FEWEST_FOLDS - 1, -1), 1)[: size.folds - 1]:
        size = replace(size, folds=n)
        yield size
    for n in range(size.epochs - 1, FEWEST_EPOCHS - 1, -1):
        size = replace(size, epochs=n)
        yield size
    while size.share * STEP * n_train >= FEWEST_ROWS:
        size = replace(size, share=size.share * STEP)
        yield size


def fit_budget(
    budget: float, size: StudySize, n_train: int, forecast: ForecastAt, spent: float = 0.0
) -> StudySize:
    """Return the largest study that is expected to keep a budget.

    A network may train longer than expected, until its cap: where all doing so would break the
    budget, the cap is lowered, down to what is expected.

    Args:
        budget: in seconds.
        size: of the study that the recipe asks for.
        n_train: its training rows.
        forecast: of a study of any size.
        spent: seconds of the budget that are over.

    Raises:
        UsageError: the smallest study takes longer.
    """
    for smaller in smaller_sizes(size, n_train):
        expected = forecast(smaller)
        if expected.seconds + spent <= (1 - RESERVE) * budget:
            return _with_cap(budget - spent, smaller, expected, forecast)
    least = ceil((expected.seconds + spent) / (1 - RESERVE) / ROUND) * ROUND
    message = (
        f"a budget of {duration(round(budget))} does not suffice: with as few trials, repeats, "
        "folds, epochs and rows as a cut may leave, this study is expected to take "
        f"{duration(round(expected.seconds))}. Allow {duration(least)}, or leave candidates out"
    )
    raise UsageError(message)


def _with_cap(
    budget: float, size: StudySize, expected: Forecast, forecast: ForecastAt
) -> StudySize:
    needed = max((each.pace.n_epochs for each in expected.candidates), default=0.0)
    while size.epochs > max(FEWEST_EPOCHS, needed) and forecast(size).longest.seconds > budget:
        size = replace(size, epochs=size.epochs - 1)
    return size


@dataclass(frozen=True)
class Cut:
    """How a study was made smaller to keep its budget.

    Attributes:
        asked: what the recipe asks for.
        size: what is left of it.
        seconds: that this is expected to take.
        units: candidate → seconds that a trial is expected to take, with its search.
    """

    asked: StudySize
    size: StudySize
    seconds: float
    units: Mapping[str, float] = field(default_factory=dict)

    @classmethod
    def read(cls, values: Mapping[str, Any]) -> Cut:
        """Return a cut from its values as a dictionary."""
        asked, size = (StudySize(**values[name]) for name in ("asked", "size"))
        return cls(asked, size, values["seconds"], values["units"])

    @property
    def parts(self) -> tuple[str, ...]:
        """Name what is left of what was cut: "3 of 5 folds"."""
        asked, size = self.asked, self.size
        counts = {
            "search trials": (size.n_trials, asked.n_trials),
            "repeats": (size.repeats, asked.repeats),
            "folds": (size.folds, asked.folds),
            "epochs": (size.epochs, asked.epochs),
        }
        parts = [f"{n} of {of} {what}" for what, (n, of) in counts.items() if n != of]
        if asked.search_seconds != size.search_seconds:
            parts.insert(0, f"searches of {duration(size.search_seconds or 0.0)}")
        return (*parts, f"{size.share:.0%} of the rows") if size.share < 1 else tuple(parts)

    def note(self, budget: float) -> Note:
        """Return the note on what was cut."""
        what = f"cut to {', '.join(self.parts)}" if self.parts else "not cut"
        return BUDGET.note(
            f"To keep a budget of {duration(round(budget))}, the study is {what}; it is expected "
            f"to take {duration(round(self.seconds))}."
        )


def apply_cut(recipe: Recipe, cut: Cut, n_rows: int) -> Recipe:
    """Return the recipe of the smaller study, which has no budget: it is what it is.

    Args:
        recipe: with the budget.
        cut: how it is made smaller.
        n_rows: of its data.
    """
    size = cut.size
    folds = {"folds": size.folds, "repeats": size.repeats}
    changed: dict[str, Any] = {
        "budget": None,
        "evaluation": recipe.evaluation.model_copy(update=folds),
    }
    if recipe.search:
        search = {"trials": size.n_trials, "seconds": size.search_seconds}
        changed["search"] = recipe.search.model_copy(update=search)
    if size.epochs < cut.asked.epochs:
        changed |= _capped(recipe, size.epochs)
    if size.share < 1:
        rows = {"max_rows": round(size.share * n_rows)}
        changed["data"] = recipe.data.model_copy(update=rows)
    return recipe.model_copy(update=changed)


def _capped(recipe: Recipe, epochs: int) -> dict[str, Any]:
    """Return the sections with at most as many epochs, for networks that have their own too."""

    def cap(model: Model) -> Model:
        own = model.training.get("epochs")
        if own is None:
            return model
        return model.model_copy(update={"training": {**model.training, "epochs": min(own, epochs)}})

    common = min(recipe.training.epochs, epochs)
    return {
        "training": recipe.training.model_copy(update={"epochs": common}),
        "model": recipe.model and [cap(model) for model in recipe.model],
    }


def choose_cut(recipe: Recipe, plan: StudyPlan, paces: Paces) -> Cut:
    """Choose the largest study that keeps the recipe's budget, with the timing before it.

    Raises:
        UsageError: the smallest study takes longer.
    """
    budget, asked = recipe.budget or inf, size_of(plan)

    def forecast(size: StudySize) -> Forecast:
        return make_forecast(plan, size, paces)

    n_train = 0 if plan.dataset.stream else n_train_of(plan, asked)
    size = fit_budget(budget, asked, n_train, forecast, spent=paces.seconds)
    expected = forecast(size)
    units = {each.name: each.trial_seconds / size.n_splits for each in expected.candidates}
    return Cut(asked, size, expected.seconds, units)


def cut_plan(recipe: Recipe, plan: StudyPlan, cut: Cut) -> StudyPlan:
    """Return the plan of the smaller study, with a note on what was cut.

    Args:
        recipe: with the budget.
        plan: of the study that it asks for.
        cut: how this is made smaller.
    """
    from dlrun.study.plan import prepare

    smaller = prepare(apply_cut(recipe, cut, len(plan.dataset)))
    notes = [*smaller.dataset.notes, cut.note(recipe.budget or inf)]
    dataset = replace(smaller.dataset, notes=unmuted(notes, recipe.notes.ignore))
    return replace(smaller, dataset=dataset)


@dataclass(frozen=True)
class PlannedStudy:
    """A study that was planned and not begun.

    Attributes:
        cut: how it would be made smaller to keep its budget; None where it has none.
    """

    plan: StudyPlan
    forecast: Forecast
    cut: Cut | None


def plan_study(recipe: Recipe) -> PlannedStudy:
    """Plan a study, and forecast by a few timed fits what it takes; nothing is written.

    Raises:
        DlrunError: the data cannot be used as the recipe says, or the budget does not suffice.
    """
    from dlrun.study.plan import prepare

    pin_threads()
    plan = prepare(recipe)
    paces = time_candidates(plan)
    cut = choose_cut(recipe, plan, paces) if recipe.budget else None
    size = cut.size if cut else size_of(plan)
    return PlannedStudy(plan, make_forecast(plan, size, paces), cut)
