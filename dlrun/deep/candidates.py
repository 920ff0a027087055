"""The deep candidates of a study: one for each model of the recipe. TensorFlow stays outside."""

from __future__ import annotations

from dlrun.catalog.architectures import ARCHITECTURES
from dlrun.contract.dataset import Dataset
from dlrun.deep.candidate import DeepCandidate
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
    return [
        DeepCandidate(
            model=model,
            training=recipe.training_of(model),
            preprocessing=_preprocessing(recipe, model),
            primary=primary,
            folder=recipe.folder,
            place=recipe.at("model" if len(recipe.model) == 1 else f"model.{position}"),
        )
        for position, model in enumerate(recipe.model)
    ]


def _preprocessing(recipe: Recipe, model: Model) -> Preprocessing:
    """Lay the model's own way to embed numbers over the recipe's."""
    known = model.complete_settings if model.architecture in ARCHITECTURES else {}
    encode = known.get("encode") or recipe.preprocessing.number.encode
    number = recipe.preprocessing.number.model_copy(update={"encode": encode})
    return recipe.preprocessing.model_copy(update={"number": number})
