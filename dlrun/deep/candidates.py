"""The deep candidates of a study: one for each model of the recipe. TensorFlow stays outside."""

from __future__ import annotations

from dlrun.catalog.architectures import ARCHITECTURES
from dlrun.contract.dataset import Dataset
from dlrun.deep.candidate import DeepCandidate
from dlrun.deep.spec import NetworkSpec
from dlrun.deep.validate import check_training
from dlrun.metrics.scores import choose_metrics
from dlrun.recipe.preprocessing import Preprocessing
from dlrun.recipe.schema import Model, Recipe


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
        training, preprocessing = recipe.training_of(model), _preprocessing(recipe, model)
        spec = NetworkSpec(model, training, preprocessing, primary, recipe.folder, recipe.trusted)
        candidates.append(DeepCandidate(spec, place))
    return candidates


def _preprocessing(recipe: Recipe, model: Model) -> Preprocessing:
    """Return the recipe's section with the model's own embedding of numbers."""
    known = model.complete_settings if model.architecture in ARCHITECTURES else {}
    encode = known.get("encode") or recipe.preprocessing.number.encode
    number = recipe.preprocessing.number.model_copy(update={"encode": encode})
    return recipe.preprocessing.model_copy(update={"number": number})
