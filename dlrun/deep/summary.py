"""The layers of a network, without training it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from dlrun.contract.dataset import Dataset
from dlrun.deep.backbones.encodings import fit_pretrained
from dlrun.deep.inputs.groups import fit_encodings
from dlrun.deep.objective import choose_objective
from dlrun.deep.spec import NetworkSpec
from dlrun.deep.train import build

WIDTH: Final = 80  # characters


@dataclass(frozen=True)
class Summary:
    """One network: its candidate's name, its trained weights, and Keras' table of its layers."""

    candidate: str
    parameters: int
    text: str


def summarize(spec: NetworkSpec, dataset: Dataset) -> Summary:
    """Build a network, fitted to all rows.

    Raises:
        TrainingError: it cannot be built on these columns.
    """
    pretrained = fit_pretrained(spec, dataset)
    encodings = fit_encodings(dataset.columns, dataset.frame, spec.preprocessing, pretrained)
    objective = choose_objective(spec.training, dataset.target, dataset.y)
    network = build(spec, dataset.columns, encodings, objective)
    lines: list[str] = []
    network.body.summary(line_length=WIDTH, print_fn=lines.append)
    return Summary(spec.name, network.n_parameters, "\n".join(lines))
