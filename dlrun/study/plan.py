"""The plan of a study: data, splits and candidates, checked before anything is trained."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from dlrun.catalog.features import EMBED
from dlrun.catalog.notes import DEFAULT_NETWORK, KEPT_VECTORS, unmuted
from dlrun.contract.candidate import BLEND, Candidate
from dlrun.contract.dataset import Dataset, Splits
from dlrun.contract.note import Note
from dlrun.contract.trial import RetrainingCondition, TestPerturbation
from dlrun.errors import RecipeError
from dlrun.recipe.schema import Model, Recipe

if TYPE_CHECKING:
    from dlrun.deep.candidate import DeepCandidate
    from dlrun.study.embedded import EmbeddedCandidate
    from dlrun.study.feature_networks import FeatureNetworkCandidate
    from dlrun.study.search.plan import SearchPlan

    Network = DeepCandidate | FeatureNetworkCandidate | EmbeddedCandidate


@dataclass(frozen=True)
class StudyPlan:
    """A study before it starts; whatever can be refused has been checked.

    Attributes:
        metrics: names of the test metrics, the primary one first.
        estimators: the recipe's baselines, on whichever side.
        networks: the recipe's models, which TensorFlow trains.
        searches: candidate → how its settings are searched; none for those whose are not.
    """

    recipe: Recipe
    dataset: Dataset
    splits: Splits
    metrics: tuple[str, ...]
    estimators: tuple[Candidate, ...]
    networks: tuple[Network, ...]
    perturbations: tuple[TestPerturbation, ...]
    conditions: tuple[RetrainingCondition, ...]
    searches: Mapping[str, SearchPlan] = field(default_factory=dict)

    @property
    def candidates(self) -> tuple[Candidate, ...]:
        """Return all candidates, the networks of TensorFlow last."""
        return (*self.estimators, *self.networks)


def prepare(recipe: Recipe) -> StudyPlan:
    """Read and split the data and make the candidates; TensorFlow is not imported.

    Raises:
        DataError: the data cannot be used as the recipe says.
        RecipeError: the recipe does not fit the data.
    """
    from dlrun.data.dataset import read_dataset
    from dlrun.data.splits.make import make_splits
    from dlrun.study.engines.check import check_execution
    from dlrun.study.engines.engine import check_engine
    from dlrun.study.label_counts import check_label_counts
    from dlrun.study.protocols import make_conditions, make_perturbations
    from dlrun.study.search.prepare import make_searches, search_notes

    check_engine(recipe.execution)
    check_execution(recipe)
    dataset = read_dataset(recipe)
    notes = [*dataset.notes]
    if recipe.model is None:
        recipe = _with_network(recipe, dataset)
        notes.append(_network_note(recipe))
    splits = make_splits(recipe, dataset)
    metrics = _metrics(recipe, dataset)
    estimators = _estimators(recipe, dataset)
    networks = _networks(recipe, dataset)
    _check_names(recipe, estimators, networks)
    _check_blend(recipe, estimators, networks)
    notes += [
        *_notes(recipe, dataset, splits, estimators),
        *_vector_notes((*estimators, *networks)),
        *_notes_on_networks(recipe, dataset, splits, networks),
        *check_label_counts(recipe, dataset, splits),
    ]
    candidates = (*estimators, *networks)
    searches = make_searches(recipe, dataset, splits, candidates)
    if searches:
        notes += search_notes(searches, candidates, splits)
    dataset = replace(dataset, notes=unmuted(notes, recipe.notes.ignore))
    perturbations = make_perturbations(recipe.evaluation, dataset)
    conditions = make_conditions(recipe.evaluation, dataset, splits, recipe.seed)
    return StudyPlan(
        recipe,
        dataset,
        splits,
        metrics,
        estimators,
        networks,
        perturbations,
        conditions,
        searches,
    )


def _with_network(recipe: Recipe, dataset: Dataset) -> Recipe:
    from dlrun.deep.defaults import choose_network

    network = Model.model_validate(choose_network(dataset.columns, len(dataset)))
    return recipe.model_copy(update={"model": [network]})


def _network_note(recipe: Recipe) -> Note:
    name = recipe.models[0].architecture
    return DEFAULT_NETWORK.note(
        f"The recipe has no model, so {name} is trained, which suits the columns. "
        "To train none, set model: none."
    )


def _estimators(recipe: Recipe, dataset: Dataset) -> tuple[Candidate, ...]:
    if recipe.baselines == "none":  # spares a study of networks most of scikit-learn
        return ()
    from dlrun.classic.candidates import make_candidates

    made = tuple(make_candidates(recipe, dataset))
    if all(EMBED not in each.features for each in made):
        return made
    from dlrun.study.embedded import EmbeddedCandidate, with_embeddings

    # TensorFlow, which they start, takes its memory for good.
    embedded = with_embeddings(made, "baselines", recipe, dataset.columns)
    return tuple(sorted(embedded, key=lambda each: isinstance(each, EmbeddedCandidate)))


def _networks(recipe: Recipe, dataset: Dataset) -> tuple[Network, ...]:
    from dlrun.deep.candidates import make_candidates

    candidates = make_candidates(recipe, dataset)
    if not any(model.features for model in recipe.models):
        return tuple(candidates)
    from dlrun.study.feature_networks import with_features

    featured = with_features(candidates, dataset.columns)
    if all(EMBED not in each.features for each in featured):
        return featured
    from dlrun.study.embedded import with_embeddings

    return with_embeddings(featured, "model", recipe, dataset.columns)


def _notes_on_networks(
    recipe: Recipe, dataset: Dataset, splits: Splits, networks: tuple[Network, ...]
) -> Iterator[Note]:
    if recipe.models:
        from dlrun.deep.candidates import learning_from_context

        yield from learning_from_context(networks, dataset, len(splits.splits[0].train))


def _notes(
    recipe: Recipe, dataset: Dataset, splits: Splits, estimators: tuple[Candidate, ...]
) -> Iterator[Note]:
    """Yield notes on what the candidates learn from, beyond those of the data alone."""
    from dlrun.data.splits.make import duplicate_warnings

    if estimators:
        from dlrun.classic.candidates import learning_from_sample
        from dlrun.study.embedded import within

        learners = [within(each) for each in estimators]
        yield from learning_from_sample(learners, dataset, len(splits.splits[0].train))
    if recipe.baselines == "auto":
        from dlrun.classic.defaults import choose_baselines

        yield from choose_baselines(dataset)[1]
    yield from duplicate_warnings(dataset, splits.splits[0])


def _vector_notes(candidates: Iterable[Candidate]) -> Iterator[Note]:
    """Yield a note on the candidates that learn from the vectors of frozen networks."""
    names = [
        each.name
        for each in candidates
        if EMBED in each.features or each.settings.get("model.train") == "head"
    ]
    if names:
        yield KEPT_VECTORS.note(
            f"{', '.join(names)}: the vectors of a frozen pretrained network are computed once for "
            "all folds and studies, and kept in the user's cache. The cost of a training counts "
            "them all the same, as if it had computed them."
        )


def _metrics(recipe: Recipe, dataset: Dataset) -> tuple[str, ...]:
    from dlrun.metrics.scores import choose_metrics

    try:
        return choose_metrics(recipe.evaluation.metrics, dataset.target)
    except ValueError as error:
        message = f"{recipe.at('evaluation.metrics')}: {error}"
        raise RecipeError(message) from error


def _check_names(
    recipe: Recipe, estimators: Iterable[Candidate], networks: Iterable[Candidate]
) -> None:
    names = {candidate.name for candidate in estimators}
    if not names and not recipe.models:
        message = f"{recipe.at('model')}: there is no model and no baseline. Add one"
        raise RecipeError(message)
    for position, candidate in enumerate(networks):
        if candidate.name in names:
            message = (
                f"{recipe.at(f'model.{position}.name')}: a baseline is called "
                f"{candidate.name!r} as well. Give the model a name of its own"
            )
            raise RecipeError(message)


def _check_blend(
    recipe: Recipe, estimators: Iterable[Candidate], networks: Iterable[Candidate]
) -> None:
    places = {each.name: f"model.{place}.name" for place, each in enumerate(networks)}
    places |= {each.name: "baselines" for each in estimators}
    if recipe.evaluation.blend and BLEND in places:
        message = (
            f"{recipe.at(places[BLEND])}: the weighted mean of all candidates is called {BLEND!r}. "
            "Give this candidate another name, or set evaluation.blend: false"
        )
        raise RecipeError(message)
