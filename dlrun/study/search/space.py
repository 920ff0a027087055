"""The spaces that a recipe asks to search, checked before anything is trained."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Final

from dlrun.catalog.architectures import is_function
from dlrun.catalog.baselines import DUMMY
from dlrun.deep.candidate import DeepCandidate
from dlrun.deep.validate import training_faults
from dlrun.errors import RecipeError, TrainingError
from dlrun.study.embedded import within
from dlrun.study.feature_networks import FeatureNetworkCandidate
from dlrun.system.text import nearest

if TYPE_CHECKING:
    from dlrun.contract.candidate import Candidate
    from dlrun.contract.dataset import Dataset
    from dlrun.contract.search import Dimension
    from dlrun.recipe.schema import Recipe
    from dlrun.study.search.sampler import Space

FIXED: Final = ("model.architecture", "model.features", "model.side")
FORMS: Final = "model.SETTING, model.NAME.SETTING, training.SETTING or baselines.NAME.SETTING"


def spaces_of(
    recipe: Recipe, dataset: Dataset, candidates: Sequence[Candidate]
) -> dict[str, Space]:
    """Return candidate → the space that is searched; none for those without settings to tune.

    A candidate that a key of the recipe concerns is searched over the recipe's keys alone.

    Raises:
        RecipeError: a key concerns no candidate, or its values do not suit the setting.
    """
    asked = recipe.search.space if recipe.search else {}
    given: dict[str, dict[str, Dimension]] = {}
    faults = []
    for key, values in asked.items():
        concerned = list(_concerned(key, candidates, dataset))
        for candidate, setting in concerned:
            given.setdefault(candidate.name, {})[setting] = values
        if fault := _fault(key, values, concerned, candidates, dataset):
            faults.append(f"{recipe.at(f'search.space.{key}')}: {fault}")
    if faults:
        raise RecipeError("\n".join(faults))
    own = {each.name: each.space(dataset) for each in candidates if each.name != DUMMY}
    return {name: space for name, space in {**own, **given}.items() if space}


def _concerned(
    key: str, candidates: Iterable[Candidate], dataset: Dataset
) -> Iterator[tuple[Candidate, str]]:
    """Yield each candidate that a key of the recipe's space means, with the key of its setting."""
    section, _, rest = key.partition(".")
    for each in candidates:
        if section == "model" and rest.startswith(f"{each.name}."):
            own = f"model.{rest.removeprefix(f'{each.name}.')}"
            if _has(each, own, dataset) or is_function(str(each.settings["model.architecture"])):
                yield each, own
            return
    for each in candidates:
        if _has(each, key, dataset):
            yield each, key


def _has(candidate: Candidate, key: str, dataset: Dataset) -> bool:
    """Return whether a candidate has a setting, or the section that it would stand in."""
    parent = key.rpartition(".")[0]
    return key in _names(candidate, dataset) or parent in _sections(candidate)


def _names(candidate: Candidate, dataset: Dataset) -> set[str]:
    """Return the keys of all settings that a candidate takes."""
    candidate = within(candidate)
    if candidate.framework == "tensorflow":
        return {*candidate.settings, *_sections(candidate)} - {*FIXED}
    from dlrun.classic.candidates import setting_names

    names = setting_names(candidate, dataset.target.task)
    return {f"baselines.{candidate.name}.{name}" for name in names}


def _sections(candidate: Candidate) -> set[str]:
    """Return the keys of settings that have settings of their own, such as training.optimizer."""
    return {parent for key in candidate.settings if "." in (parent := key.rpartition(".")[0])} - {
        f"baselines.{candidate.name}"
    }


def _fault(
    key: str,
    values: Dimension,
    concerned: Iterable[tuple[Candidate, str]],
    candidates: Sequence[Candidate],
    dataset: Dataset,
) -> str | None:
    """Return what is wrong with a key of the recipe's space, if anything is."""
    found = list(concerned)
    if not found:
        known = sorted({name for each in candidates for name in _names(each, dataset)})
        meant = nearest(key, known)
        hint = f"Did you mean {meant}?" if meant else f"Write {FORMS}"
        return f"no candidate of this study has such a setting. {hint}"
    for candidate, setting in found:
        for value in values.choices or values.bounds or ():
            fault = _misfit(candidate, setting, value, dataset)
            if fault:
                return f"{value!r}: {fault}"
    return None


def _misfit(candidate: Candidate, setting: str, value: object, dataset: Dataset) -> str | None:
    """Return why a candidate does not take a value, if so."""
    try:
        changed = within(candidate).with_settings({setting: value})
    except TrainingError as error:
        return str(error.__cause__ or error)  # without the place of the candidate in the recipe
    if isinstance(changed, FeatureNetworkCandidate):
        changed = changed.network
    if isinstance(changed, DeepCandidate):
        return next((fault for _, fault in training_faults(changed.spec.training, dataset)), None)
    from dlrun.classic.candidates import settings_fault

    return settings_fault(changed, dataset.target.task)
