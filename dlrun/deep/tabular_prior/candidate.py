"""The candidate of `tabular_prior`: a network that answers from the training rows, untrained."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from dlrun.catalog.architectures import ARCHITECTURES
from dlrun.catalog.notes import SAMPLED_CONTEXT
from dlrun.contract.candidate import FitContext
from dlrun.contract.dataset import Dataset
from dlrun.contract.note import Note
from dlrun.contract.search import Dimension
from dlrun.deep.candidate import DeepCandidate
from dlrun.deep.spec import NetworkSpec
from dlrun.deep.tabular_prior.limits import MAX_CLASSES, MAX_COLUMNS, MAX_ROWS
from dlrun.deep.tabular_prior.weights import find_weights
from dlrun.errors import WeightsError
from dlrun.recipe.schema import Model, Recipe
from dlrun.recipe.write import flat
from dlrun.system.cost import startup

if TYPE_CHECKING:
    from dlrun.deep.summary import Summary
    from dlrun.deep.tabular_prior.fitted import FittedTabularPrior

NAME: Final = "tabular_prior"
TASK: Final = "classification"


@dataclass(frozen=True)
class TabularPriorCandidate(DeepCandidate):
    """A network with pretrained weights whose fit only keeps the training rows."""

    @property
    def settings(self) -> Mapping[str, object]:
        """Return the settings of the model; there is no training."""
        model = self.spec.model
        return {
            "model.architecture": model.architecture,
            **flat(model.complete_settings, "model"),
        }

    @property
    def needs_validation(self) -> bool:
        """Return False: nothing is trained."""
        return False

    def space(self, dataset: Dataset) -> Mapping[str, Dimension]:
        """Return nothing to search."""
        return {}

    def fit(  # type: ignore[override]
        self, train: Dataset, validation: Dataset, context: FitContext
    ) -> FittedTabularPrior:
        """Keep the training rows, or a sample of them.

        Raises:
            WeightsError: the weights cannot be read.
        """
        with startup():
            from dlrun.deep.tabular_prior.fitted import fit_context

        return fit_context(self.spec, train, context.seed)

    def summarize(self, dataset: Dataset) -> Summary:
        """List the layers of the network.

        Raises:
            WeightsError: the weights cannot be read.
        """
        from dlrun.deep.tabular_prior.fitted import summarize

        return summarize(self.spec)


def context_faults(model: Model, recipe: Recipe, dataset: Dataset) -> Iterator[tuple[str, str]]:
    """Yield each setting of a model that answers from its context with its fault, if it is one."""
    if model.architecture != NAME:
        return
    task, n_classes = dataset.target.task, len(dataset.target.labels)
    if task != TASK:
        yield "architecture", f"{NAME} does {TASK}, and the task is {task}"
    elif n_classes > MAX_CLASSES:
        yield "architecture", f"{NAME} takes {MAX_CLASSES} classes, and here are {n_classes:,}"
    claims = ARCHITECTURES[NAME].claims
    others = [column.type for column in dataset.columns if column.type not in claims]
    if others:
        names = ", ".join(dict.fromkeys(others))
        yield "architecture", f"{NAME} takes {', '.join(claims)}, and here are {names} as well"
    try:
        find_weights(model.complete_settings["weights"], recipe.folder)
    except WeightsError as error:
        yield "weights", str(error)


def digest_weights(spec: NetworkSpec) -> str:
    """Return a digest of the file of weights, by which a resumed study knows that it changed."""
    path = find_weights(spec.model.complete_settings["weights"], spec.folder)
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def sampled_context(name: str, n_rows: int, n_columns: int) -> Iterator[Note]:
    """Yield a note where a network that answers from its context takes only a part of a table.

    Args:
        name: of the candidate.
        n_rows: of training.
        n_columns: of the table.
    """
    if n_rows > MAX_ROWS:
        part = f"a sample of {MAX_ROWS:,} of {n_rows:,} training rows"
        yield SAMPLED_CONTEXT.note(f"{name} learns from {part}: it takes no more.")
    if n_columns > MAX_COLUMNS:
        part = f"{MAX_COLUMNS} of {n_columns:,} columns, those that differ most between classes"
        yield SAMPLED_CONTEXT.note(f"{name} reads {part}: it takes no more.")
