"""The deep candidate: a model of the recipe, ready to be trained on any split."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from dlrun.contract.candidate import Family, FitContext
from dlrun.contract.dataset import Dataset
from dlrun.errors import TrainingError
from dlrun.recipe.preprocessing import Preprocessing
from dlrun.recipe.schema import Model
from dlrun.recipe.training import Training
from dlrun.recipe.write import flat

if TYPE_CHECKING:
    from dlrun.deep.fitted import FittedNetwork
    from dlrun.deep.summary import Summary


@dataclass(frozen=True)
class DeepCandidate:
    """A network that is not trained yet; plain values alone, so that it can be pickled.

    Attributes:
        model: the recipe's section.
        training: the recipe's section, with the model's own overrides.
        preprocessing: the recipe's section.
        primary: the study's primary metric, measured after every epoch.
        folder: of the recipe, where the user's own modules may stand.
        place: of the model in the recipe, to open an error with.
    """

    model: Model
    training: Training
    preprocessing: Preprocessing
    primary: str
    folder: Path
    place: str

    @property
    def name(self) -> str:
        """Name the candidate."""
        return self.model.title

    @property
    def family(self) -> Family:
        """Stand on the deep side."""
        return "deep"

    @property
    def features(self) -> tuple[str, ...]:
        """Make nothing of the columns: a network takes them raw."""
        return ()

    @property
    def settings(self) -> Mapping[str, object]:
        """Give the model's and its training's settings as dotted recipe keys."""
        return {
            "model.architecture": self.model.architecture,
            **flat(self.model.complete_settings, "model"),
            **flat(self.training.model_dump(), "training"),
        }

    def fit(self, train: Dataset, validation: Dataset, context: FitContext) -> FittedNetwork:
        """Train on `train`; `validation` decides when to stop.

        A training that was stopped goes on at its checkpoint.

        Raises:
            TrainingError: the network cannot be built or trained on these rows.
        """
        from dlrun.deep.train import train_network

        with self.naming_itself():
            return train_network(self, train, validation, context)

    def summarize(self, dataset: Dataset) -> Summary:
        """Build the network without training it, by what all rows hold, and show its layers.

        Raises:
            TrainingError: it cannot be built on these columns.
        """
        from dlrun.deep.summary import summarize

        with self.naming_itself():
            return summarize(self, dataset)

    @contextmanager
    def naming_itself(self) -> Iterator[None]:
        """Open every TrainingError with the place in the recipe and the candidate's name."""
        try:
            yield
        except TrainingError as error:
            message = f"{self.place}: {self.name}: {error}"
            raise TrainingError(message) from error
