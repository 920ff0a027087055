"""What a network looks like, without training it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dlrun.contract.dataset import Dataset
from dlrun.deep.inputs.groups import fit_encodings
from dlrun.deep.objective import choose_objective
from dlrun.deep.train import build

if TYPE_CHECKING:
    from dlrun.deep.candidate import DeepCandidate

WIDTH: Final = 80  # characters


@dataclass(frozen=True)
class Summary:
    """One network: its candidate, its trained weights, and Keras' table of its layers."""

    candidate: str
    parameters: int
    text: str


def summarize(candidate: DeepCandidate, dataset: Dataset) -> Summary:
    """Build a candidate's network, by what all rows hold.

    Raises:
        TrainingError: it cannot be built on these columns.
    """
    encodings = fit_encodings(dataset.columns, dataset.frame, candidate.preprocessing)
    objective = choose_objective(candidate.training, dataset.target, dataset.y)
    network = build(candidate, dataset.columns, encodings, objective)
    lines: list[str] = []
    network.body.summary(line_length=WIDTH, print_fn=lines.append)
    return Summary(candidate.name, network.n_parameters, "\n".join(lines))
