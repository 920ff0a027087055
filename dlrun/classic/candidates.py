"""Baselines of a recipe → classic candidates, checked before anything is trained."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from sklearn.utils import get_tags

from dlrun.catalog.baselines import BASELINES, DUMMY
from dlrun.catalog.features import FEATURES
from dlrun.catalog.kinds import kind_of_estimator
from dlrun.catalog.notes import SAMPLE_LEARNERS
from dlrun.catalog.tasks import TASKS
from dlrun.classic import extras
from dlrun.classic.candidate import ClassicCandidate
from dlrun.classic.defaults import choose_baselines, features_made
from dlrun.classic.estimators import allowed_settings, build, builders, class_of
from dlrun.classic.features.pipeline import has_structure
from dlrun.classic.in_context import sampled_contexts, size_fault, with_weights
from dlrun.contract.candidate import Candidate
from dlrun.contract.dataset import Column, Dataset
from dlrun.contract.note import Note
from dlrun.errors import RecipeError
from dlrun.recipe.baseline import BaselineSettings
from dlrun.recipe.errors import unknown_key
from dlrun.recipe.schema import Recipe
from dlrun.recipe.trust import estimator_fault

METHODS: Final = ("fit", "predict", "get_params")
"""What a class of scikit-learn's kind has at least."""


def make_candidates(recipe: Recipe, dataset: Dataset) -> list[ClassicCandidate]:
    """Make the classic candidates of a study, `dummy` always among them unless there are none.

    Candidates of the same name are numbered: svm, svm-2.

    Raises:
        RecipeError: a baseline does not fit the task, or has no such setting.
        ExtraError: a baseline needs a package that is not installed.
        WeightsError: the weights of a pretrained estimator are not there.
    """
    if recipe.baselines == "none":
        return []
    listed = recipe.baselines
    if listed == "auto":
        listed, _ = choose_baselines(dataset)
    faults = [fault for i, one in enumerate(listed) for fault in _faults(recipe, i, one, dataset)]
    if faults:
        raise RecipeError("\n".join(faults))
    if all(one.estimator_name != DUMMY for one in listed):
        listed = [BaselineSettings(name=DUMMY), *listed]
    names = _unique([one.title for one in listed])
    candidates = [
        _candidate(name, one, recipe, dataset) for name, one in zip(names, listed, strict=True)
    ]
    for error in extras.missing(name for one in candidates for name in one.features):
        raise error
    return candidates


def _candidate(
    name: str, baseline: BaselineSettings, recipe: Recipe, dataset: Dataset
) -> ClassicCandidate:
    settings = with_weights(baseline.estimator_name, baseline.settings, recipe.folder)
    estimator = build(baseline.estimator_name, dataset.target.task, settings, 1)
    return ClassicCandidate(
        name,
        baseline.estimator_name,
        settings,
        recipe.preprocessing,
        features_made(baseline, dataset.columns),
        kind_of_estimator(estimator),
        baseline.side,
    )


def setting_names(candidate: Candidate, task: str) -> tuple[str, ...]:
    """Return the names of the settings that a baseline's estimator takes."""
    name = candidate.estimator if isinstance(candidate, ClassicCandidate) else DUMMY
    return allowed_settings(class_of(name, task))


def settings_fault(candidate: Candidate, task: str) -> str | None:
    """Return why an estimator does not take its settings, if so."""
    if not isinstance(candidate, ClassicCandidate):
        return None
    return _misfit(
        class_of(candidate.estimator, task), candidate.estimator, candidate.options, task
    )


def learning_from_sample(
    candidates: Iterable[Candidate], dataset: Dataset, n_rows: int
) -> Iterator[Note]:
    """Yield notes on the candidates that learn from fewer rows than there are.

    They are pretrained estimators that take no more, and those that are fitted to the `n_rows` in
    memory of a streamed table. Of images, sounds and texts the features of all rows are computed;
    whether they have room shows when they are.
    """
    own = [one for one in candidates if isinstance(one, ClassicCandidate)]
    n_all = dataset.stream.sizes[0] if dataset.stream else n_rows
    if has_structure(dataset.columns):
        n_rows = n_all
    yield from sampled_contexts(((one.name, one.estimator) for one in own), n_rows)
    names = [
        one.name
        for one in own
        if n_all > n_rows
        and one.estimator != DUMMY
        and not one.supports_partial_fit(dataset.target.task)
    ]
    if names:
        verb = "learn" if len(names) > 1 else "learns"
        sample = f"a sample of {n_rows:,} of {n_all:,} training rows"
        yield SAMPLE_LEARNERS.note(f"{', '.join(names)} {verb} from {sample}.")


def _unique(titles: list[str]) -> list[str]:
    names: list[str] = []
    for title in titles:
        n_taken = 1
        while (name := title if n_taken == 1 else f"{title}-{n_taken}") in names:
            n_taken += 1
        names.append(name)
    return names


def _faults(
    recipe: Recipe, position: int, baseline: BaselineSettings, dataset: Dataset
) -> list[str]:
    """Return what is wrong with a baseline, each fault with its place in the file."""
    place, name, task = (
        recipe.at(f"baselines.{position}"),
        baseline.estimator_name,
        dataset.target.task,
    )
    if "." not in name and name not in builders(task):
        return [f"{place}: {name} does not do {task}. Allowed: {', '.join(builders(task))}"]
    refused = estimator_fault(name, recipe.trusted) if "." in name else None
    if fault := refused or _no_history(name, dataset) or size_fault(name, dataset):
        return [f"{place}: {fault}"]
    try:
        found = class_of(name, task)
    except ImportError as error:
        advice = "Install its package, or put its folder on PYTHONPATH"
        return [f"{place}: {name} cannot be imported: {error}. {advice}"]
    missing = [each for each in METHODS if not callable(getattr(found, each, None))]
    if missing:
        return [f"{place}: {name} has no {' and no '.join(missing)}, so it is not an estimator"]
    settings = allowed_settings(found)
    unknown = [key for key in baseline.settings if key not in settings]
    if unknown:
        keys = [recipe.at(f"baselines.{position}.{key}") for key in unknown]
        return [unknown_key(key, settings, owner=baseline.label) for key in keys]
    misfit = _misfit(found, name, baseline.settings, task)
    idle = idle_features(baseline.all_features, dataset.columns)
    return [f"{place}: {fault}" for fault in [misfit, *idle] if fault]


def _no_history(name: str, dataset: Dataset) -> str | None:
    """Return why a baseline that reads the target of earlier rows cannot, if so."""
    row = BASELINES.get(name)
    if row is None or row.n_lags <= len(dataset.history):
        return None
    if dataset.stream:
        return f"{name} reads the target of earlier rows: hold them in memory (data.stream: false)"
    if dataset.history:
        return f"{name} needs times of which a season, such as a week, has two rows or more"
    return (
        f"{name} reads the target of earlier rows. It needs one class or number, a split by time "
        "(data.split: {method: time, column: …}), and one row for each time"
    )


def idle_features(features: Sequence[str], columns: Sequence[Column]) -> list[str]:
    """Return a sentence for each feature whose column type no column has."""
    types = list(dict.fromkeys(column.type for column in columns))
    rows = map(FEATURES.__getitem__, features)
    idle = [row for row in rows if not set(row.column_types) & set(types)]
    return [
        f"{row.name} is a feature of {' or '.join(row.column_types)} columns, and there are none. "
        f"There are: {', '.join(types)}"
        for row in idle
    ]


def _misfit(found: Any, name: str, settings: Mapping[str, object], task: str) -> str | None:
    """Return why a class with these settings cannot be a candidate for the task, if so."""
    try:
        estimator = build(name, task, settings, 1)
        if hasattr(estimator, "_parameter_constraints"):
            estimator._validate_params()  # else a wrong value would first show when fitting
    except (TypeError, ValueError) as error:
        return f"{name} does not take these settings: {error}"
    type_ = get_tags(estimator).estimator_type if hasattr(found, "__sklearn_tags__") else None
    wanted = TASKS[task].estimator
    if type_ not in (None, wanted):
        return f"{name} is a {type_}, and the task is {task}. It takes a {wanted}"
    return None
