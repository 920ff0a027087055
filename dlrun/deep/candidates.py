"""The deep candidates of a study: one for each model of the recipe. TensorFlow stays outside."""

from __future__ import annotations

from dataclasses import replace

from dlrun.contract.dataset import Dataset
from dlrun.deep.backbones.requests import local_weights
from dlrun.deep.candidate import DeepCandidate
from dlrun.deep.spec import NetworkSpec, own_encoding, with_encoding
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
    candidates = []
    for position, model in enumerate(recipe.models):
        place = recipe.at("model" if len(recipe.models) == 1 else f"model.{position}")
        training = recipe.training_of(model)
        preprocessing = with_encoding(recipe.preprocessing, own_encoding(model))
        spec = NetworkSpec(model, training, preprocessing, primary, recipe.folder, recipe.trusted)
        weights = local_weights(spec, dataset.columns)
        candidates.append(DeepCandidate(replace(spec, weights=weights), place))
    return candidates
