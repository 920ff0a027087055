"""The deep candidates of a study: one for each model of the recipe. TensorFlow stays outside."""

from __future__ import annotations

from dlrun.contract import Dataset
from dlrun.deep.check import check_training
from dlrun.deep.fit import DeepCandidate
from dlrun.metrics import choose
from dlrun.recipe.architectures import ARCHITECTURES
from dlrun.recipe.model import Model, Recipe
from dlrun.recipe.preprocessing import Preprocessing


def make_candidates(recipe: Recipe, dataset: Dataset) -> list[DeepCandidate]:
    """Make the candidates that the recipe's `model` names.

    Raises:
        RecipeError: a model's training does not fit the task or the target.
    """
    check_training(recipe, dataset)
    primary = choose(recipe.evaluation.metrics, dataset.target)[0]
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
