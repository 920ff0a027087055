"""What the recipe's networks look like, without training them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from dlrun.contract import Dataset
from dlrun.deep.candidates import make_candidates
from dlrun.deep.fit import DeepCandidate
from dlrun.deep.inputs.groups import fit_encodings
from dlrun.deep.objective import choose_objective
from dlrun.deep.train import build
from dlrun.recipe.model import Recipe

WIDTH: Final = 80  # characters


@dataclass(frozen=True)
class Summary:
    """One network: its candidate, its trained weights, and Keras' table of its layers."""

    candidate: str
    parameters: int
    text: str


def summarize(recipe: Recipe, dataset: Dataset) -> list[Summary]:
    """Build every network of the recipe, by what all rows hold.

    Raises:
        RecipeError: a model's training does not fit the task or the target.
        TrainingError: a network cannot be built on these columns.
    """
    return [_summarize(candidate, dataset) for candidate in make_candidates(recipe, dataset)]


def _summarize(candidate: DeepCandidate, dataset: Dataset) -> Summary:
    with candidate.naming_itself():
        encodings = fit_encodings(dataset.columns, dataset.frame, candidate.preprocessing)
        objective = choose_objective(candidate.training, dataset.target, dataset.truth)
        network = build(candidate, dataset.columns, encodings, objective)
    lines: list[str] = []
    network.body.summary(line_length=WIDTH, print_fn=lines.append)
    return Summary(candidate.name, network.n_parameters, "\n".join(lines))
