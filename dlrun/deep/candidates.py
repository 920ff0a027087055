"""The deep candidates of a study: one for each model of the recipe. TensorFlow stays outside."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from dlrun.catalog.architectures import ARCHITECTURES
from dlrun.contract.candidate import Candidate
from dlrun.contract.dataset import Dataset
from dlrun.contract.note import Note
from dlrun.deep.backbones.requests import local_weights
from dlrun.deep.candidate import DeepCandidate
from dlrun.deep.spec import NetworkSpec, own_encoding, with_encoding
from dlrun.deep.tabular_prior.candidate import (
    TabularPriorCandidate,
    digest_weights,
    sampled_context,
)
from dlrun.deep.validate import check_training
from dlrun.metrics.scores import choose_metrics
from dlrun.recipe.schema import Recipe


def make_candidates(recipe: Recipe, dataset: Dataset) -> list[DeepCandidate]:
    """Make the candidates that the recipe's `model` names.

    Raises:
        RecipeError: a model's training does not fit the task or the target.
    """
    check_training(recipe, dataset)
    primary = choose_metrics(recipe.evaluation.metrics, dataset.target)[0]
    candidates: list[DeepCandidate] = []
    for position, model in enumerate(recipe.models):
        place = recipe.at("model" if len(recipe.models) == 1 else f"model.{position}")
        training = recipe.training_of(model)
        preprocessing = with_encoding(recipe.preprocessing, own_encoding(model))
        spec = NetworkSpec(model, training, preprocessing, primary, recipe.folder, recipe.trusted)
        row = ARCHITECTURES.get(model.architecture)
        is_trained = row is None or row.is_trained
        weights = local_weights(spec, dataset.columns) if is_trained else digest_weights(spec)
        candidate = DeepCandidate if is_trained else TabularPriorCandidate
        candidates.append(candidate(replace(spec, weights=weights), place))
    return candidates


def learning_from_context(
    candidates: Iterable[Candidate], dataset: Dataset, n_rows: int
) -> Iterator[Note]:
    """Yield notes on the networks that answer from a part of the `n_rows` of training alone."""
    for one in candidates:
        if isinstance(one, TabularPriorCandidate):
            yield from sampled_context(one.name, n_rows, len(dataset.columns))
