"""The deep candidate: a model of the recipe, ready to be trained on any split."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from dlrun.catalog.architectures import ARCHITECTURES
from dlrun.catalog.kinds import settle
from dlrun.catalog.spaces import NUMBERS_ONLY, network_space
from dlrun.contract.candidate import Family, FitContext, Framework, Kind, side_of
from dlrun.contract.dataset import Dataset
from dlrun.contract.search import Dimension
from dlrun.deep.defaults import MAX_EMBEDDED_COLUMNS
from dlrun.deep.spec import NetworkSpec
from dlrun.errors import TrainingError
from dlrun.recipe.write import flat
from dlrun.system.cost import startup

if TYPE_CHECKING:
    from dlrun.deep.fitted import FittedNetwork
    from dlrun.deep.frozen import FrozenNetwork
    from dlrun.deep.summary import Summary


@dataclass(frozen=True)
class DeepCandidate:
    """A network that is not trained yet; plain values alone, so that it can be pickled.

    Attributes:
        spec: what the network is made by.
        place: of the model in the recipe, to open an error with.
    """

    spec: NetworkSpec
    place: str

    @property
    def name(self) -> str:
        """Return the name of the candidate."""
        return self.spec.name

    @property
    def kind(self) -> Kind:
        """Return what the architecture is, as the recipe's side settles it."""
        row = ARCHITECTURES.get(self.spec.model.architecture)
        nature: Kind = "pretrained" if row and row.is_pretrained else "network"
        return settle(nature, self.spec.model.side)

    @property
    def family(self) -> Family:
        """Return the side of the verdict."""
        return side_of(self.kind)

    @property
    def framework(self) -> Framework:
        """Return tensorflow."""
        return "tensorflow"

    @property
    def features(self) -> tuple[str, ...]:
        """Return no features: a network takes the columns themselves."""
        return ()

    @property
    def settings(self) -> Mapping[str, object]:
        """Return the settings of the model and its training as dotted recipe keys."""
        model, training = self.spec.model, self.spec.training
        weights = {"model.weights": self.spec.weights} if self.spec.weights else {}
        return {
            "model.architecture": model.architecture,
            **weights,
            **({"model.side": model.side} if model.side else {}),
            **flat(model.complete_settings, "model"),
            **flat(training.model_dump(), "training"),
        }

    @property
    def needs_validation(self) -> bool:
        """Return True: they decide when the training stops."""
        return True

    def with_settings(self, changed: Mapping[str, object]) -> Self:
        """Return the network with settings changed, such as training.learning_rate.

        Raises:
            TrainingError: there is no such setting, or it does not take the value.
        """
        with self._add_place():
            return replace(self, spec=self.spec.with_settings(changed))

    def space(self, dataset: Dataset) -> Mapping[str, Dimension]:
        """Return what a search tries of the network and its training.

        Choices that do not go with the recipe's settings, such as a width that is no multiple of
        its heads, are left out.
        """
        training = self.spec.training
        space = network_space(
            self.spec.model.architecture, training.optimizer.name, training.learning_rate.peak
        )
        n_numbers = sum(column.type == "number" for column in dataset.columns)
        idle = () if 0 < n_numbers <= MAX_EMBEDDED_COLUMNS else NUMBERS_ONLY
        fitting = {key: self._fitting(key, space[key]) for key in space if key not in idle}
        return {key: values for key, values in fitting.items() if values}

    def _fitting(self, key: str, values: Dimension) -> Dimension | None:
        if values.choices is None:
            return values
        choices = tuple(each for each in values.choices if self._takes(key, each))
        return Dimension(choices=choices) if len(choices) > 1 else None

    def _takes(self, key: str, value: object) -> bool:
        try:
            self.spec.with_settings({key: value})
        except TrainingError:
            return False
        return True

    def fit(
        self, train: Dataset, validation: Dataset, context: FitContext
    ) -> FittedNetwork | FrozenNetwork:
        """Train on `train`; `validation` decides when to stop.

        An interrupted training resumes from its checkpoint.

        Raises:
            TrainingError: the network cannot be built or trained on these rows.
        """
        with startup():
            from dlrun.deep.distributed.gpu_usage import measure_gpus
            from dlrun.deep.train import train_network

        with self._add_place(), measure_gpus():
            return train_network(self.spec, train, validation, context)

    def summarize(self, dataset: Dataset) -> Summary:
        """Build the network without training it, fitted to all rows, and list its layers.

        Raises:
            TrainingError: it cannot be built on these columns.
        """
        from dlrun.deep.summary import summarize

        with self._add_place():
            return summarize(self.spec, dataset)

    @contextmanager
    def _add_place(self) -> Iterator[None]:
        """Open every TrainingError with the place in the recipe and the candidate's name."""
        try:
            yield
        except TrainingError as error:
            message = f"{self.place}: {self.name}: {error}"
            raise TrainingError(message) from error
