"""The recipe's baselines → classic candidates, checked before anything is trained."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sklearn.utils import get_tags

from dlrun.classic import extras
from dlrun.classic.candidate import ClassicCandidate
from dlrun.classic.defaults import choose_baselines, features_made
from dlrun.classic.estimators import allowed_settings, build, class_of, registry
from dlrun.contract.candidate import Candidate
from dlrun.contract.dataset import Column, Dataset, Task
from dlrun.errors import RecipeError
from dlrun.recipe.errors import unknown_key
from dlrun.recipe.schema import Baseline, Recipe
from dlrun.recipe.vocabulary import FEATURE_TYPES


def make_candidates(recipe: Recipe, dataset: Dataset) -> list[ClassicCandidate]:
    """Make the classic candidates of a study; `dummy` is always among them, unless there are none.

    A name that is taken gets a number: svm, svm-2.

    Raises:
        RecipeError: a baseline does not fit the task, or does not know a setting.
        ExtraError: a baseline needs a package that is not installed.
    """
    if recipe.baselines == "none":
        return []
    listed = recipe.baselines
    if listed == "auto":
        listed, _ = choose_baselines(dataset)
    faults = [fault for i, one in enumerate(listed) for fault in _faults(recipe, i, one, dataset)]
    if faults:
        raise RecipeError("\n".join(faults))
    if all(one.kind != "dummy" for one in listed):
        listed = [Baseline(name="dummy"), *listed]
    made = [features_made(one, dataset.columns) for one in listed]
    for error in extras.missing(name for features in made for name in features):
        raise error
    names = _unique([one.title for one in listed])
    return [
        ClassicCandidate(name, one.kind, one.settings, recipe.preprocessing, features)
        for name, one, features in zip(names, listed, made, strict=True)
    ]


def learning_from_sample(
    candidates: Iterable[Candidate], dataset: Dataset, n_rows: int
) -> Iterator[str]:
    """Name the candidates that cannot learn from a stream and get a sample of it, in a sentence.

    Args:
        candidates: of either family.
        dataset: where the rows come from.
        n_rows: training rows that are held in memory.
    """
    if dataset.stream is None or n_rows == dataset.stream.sizes[0]:
        return
    classic = [one for one in candidates if isinstance(one, ClassicCandidate)]
    names = [
        one.name
        for one in classic
        if one.kind != "dummy" and not one.supports_partial_fit(dataset.target.task)
    ]
    if names:
        verb, n_all = "learn" if len(names) > 1 else "learns", dataset.stream.sizes[0]
        yield f"{', '.join(names)} {verb} from a sample of {n_rows:,} of {n_all:,} training rows."


def _unique(titles: list[str]) -> list[str]:
    names: list[str] = []
    for title in titles:
        n_taken = 1
        while (name := title if n_taken == 1 else f"{title}-{n_taken}") in names:
            n_taken += 1
        names.append(name)
    return names


def _faults(recipe: Recipe, position: int, baseline: Baseline, dataset: Dataset) -> list[str]:
    """Return what is wrong with a baseline, each fault opening with its place in the file."""
    place, kind, task = recipe.at(f"baselines.{position}"), baseline.kind, dataset.target.task
    if "." not in kind and kind not in registry(task):
        return [f"{place}: {kind} does not do {task}. Allowed: {', '.join(registry(task))}"]
    try:
        found = class_of(kind, task)
    except ImportError as error:
        advice = "Install its package, or put its folder on PYTHONPATH"
        return [f"{place}: {kind} cannot be imported: {error}. {advice}"]
    settings = allowed_settings(found)
    unknown = [key for key in baseline.settings if settings is not None and key not in settings]
    if unknown:
        keys = [recipe.at(f"baselines.{position}.{key}") for key in unknown]
        return [unknown_key(key, settings or (), owner=baseline.label) for key in keys]
    misfit = _misfit(found, kind, baseline.settings, task)
    idle = idle_features(baseline.all_features, dataset.columns)
    return [f"{place}: {fault}" for fault in [misfit, *idle] if fault]


def idle_features(features: Sequence[str], columns: Sequence[Column]) -> list[str]:
    """Say which features there are no columns for, a sentence for each."""
    there = list(dict.fromkeys(column.type for column in columns))
    named = [name for name in features if FEATURE_TYPES[name] not in there]
    return [
        f"{name} is a feature of {FEATURE_TYPES[name]} columns, and there are none. "
        f"There are: {', '.join(there)}"
        for name in named
    ]


def _misfit(found: Any, kind: str, settings: Mapping[str, object], task: Task) -> str | None:
    """Say why a class with these settings cannot be a candidate for the task."""
    missing = [name for name in ("fit", "predict") if not hasattr(found, name)]
    if missing:
        return f"{kind} has no {' and no '.join(missing)}, so it is not an estimator"
    try:
        estimator = build(kind, task, settings, 1)
        if hasattr(estimator, "_parameter_constraints"):
            estimator._validate_params()  # else a wrong value would first show when fitting
    except (TypeError, ValueError) as error:
        return f"{kind} does not take these settings: {error}"
    does = get_tags(estimator).estimator_type if hasattr(found, "__sklearn_tags__") else None
    wanted = "classifier" if task == "classification" else "regressor"
    if does not in (None, wanted):
        return f"{kind} is a {does}, and the task is {task}. It takes a {wanted}"
    return None
