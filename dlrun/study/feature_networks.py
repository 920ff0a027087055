"""Networks that learn from the features of the classic side, in place of the columns themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import skops.io

from dlrun.classic import extras
from dlrun.classic.candidates import idle_features
from dlrun.classic.features.pipeline import make_features
from dlrun.classic.features.spec import FeatureSpec
from dlrun.classic.fitted import wrap_estimator_errors
from dlrun.classic.persistence import read_parts
from dlrun.contract.candidate import Family, FitContext, Predictions
from dlrun.contract.dataset import Column, Dataset
from dlrun.data.model_io import ModelInfo, read_facts
from dlrun.errors import RecipeError
from dlrun.recipe.features import features_of
from dlrun.recipe.preprocessing import Series

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from dlrun.deep.candidate import DeepCandidate
    from dlrun.deep.fitted import FittedNetwork
    from dlrun.deep.summary import Summary

COLUMN: Final = "features"  # the one that the network is given
FEATURES: Final = "features.skops"
NETWORK: Final = "network"  # a folder


def with_features(
    candidates: Sequence[DeepCandidate], columns: Sequence[Column]
) -> tuple[DeepCandidate | FeatureNetworkCandidate, ...]:
    """Put features before the networks whose models ask for them.

    Raises:
        RecipeError: there are no columns that a feature could be made of.
        ExtraError: a feature needs a package that is not installed.
    """
    faults = [
        f"{candidate.place}: {fault}"
        for candidate in candidates
        for fault in idle_features(candidate.model.features or (), columns)
    ]
    if faults:
        raise RecipeError("\n".join(faults))
    made = [_engineer(candidate, columns) for candidate in candidates]
    for error in extras.missing(name for candidate in made for name in candidate.features):
        raise error
    return tuple(made)


def _engineer(
    candidate: DeepCandidate, columns: Sequence[Column]
) -> DeepCandidate | FeatureNetworkCandidate:
    chosen = candidate.model.features
    if not chosen:
        return candidate
    return FeatureNetworkCandidate(candidate, features_of((each.type for each in columns), chosen))


@dataclass(frozen=True)
class FeatureNetworkCandidate:
    """A network on features, not trained yet; plain values alone, so that it can be pickled.

    Attributes:
        network: the candidate that learns from the features.
        features: what is made of images, texts, sounds and series; columns of other types become
            numbers as a support vector machine gets them.
    """

    network: DeepCandidate
    features: tuple[str, ...]

    @property
    def name(self) -> str:
        """Name the candidate."""
        return self.network.name

    @property
    def family(self) -> Family:
        """Stand on the deep side."""
        return "deep"

    @property
    def settings(self) -> Mapping[str, object]:
        """Give the network's settings and the features as dotted recipe keys."""
        return {**self.network.settings, "model.features": list(self.features)}

    def fit(self, train: Dataset, validation: Dataset, context: FitContext) -> FittedFeatureNetwork:
        """Learn the features from the training rows, then train the network on them.

        Raises:
            TrainingError: the network cannot be built or trained on these rows.
        """
        features = self._unfitted(train, context.seed)
        learnt = _on_vectors(train, features.fit_transform(train.frame, train.y))
        checked = _on_vectors(validation, features.transform(validation.frame))
        network = self._vector_network.fit(learnt, checked, context)
        return FittedFeatureNetwork(train.columns, features, network)

    def summarize(self, dataset: Dataset) -> Summary:
        """Build the network without training it, on the features of all rows; show its layers.

        Raises:
            TrainingError: it cannot be built on them.
        """
        features = self._unfitted(dataset, seed=0)
        matrix = features.fit_transform(dataset.frame, dataset.y)
        return self._vector_network.summarize(_on_vectors(dataset, matrix))

    def _unfitted(self, train: Dataset, seed: int) -> Any:
        spec = FeatureSpec("onehot_network", self.network.preprocessing, len(train), seed)
        return make_features(train.columns, self.features, spec)

    @property
    def _vector_network(self) -> DeepCandidate:
        """Return the network's candidate; what the recipe says of series is not about features."""
        plain = self.network.preprocessing.model_copy(update={"series": Series()})
        return replace(self.network, preprocessing=plain)


@dataclass(frozen=True)
class FittedFeatureNetwork:
    """Fitted features and the network that was trained on them.

    Attributes:
        columns: the raw ones.
    """

    columns: tuple[Column, ...]
    features: Any
    network: FittedNetwork

    @property
    def parameters(self) -> int:
        """Count the trained weights of the network."""
        return self.network.parameters

    @property
    def best_epoch(self) -> int | None:
        """Give the epoch whose weights the network has."""
        return self.network.best_epoch

    def predict(self, frame: pd.DataFrame) -> Predictions:
        """Predict typed rows.

        Raises:
            DataError: the network gives no finite number for a row.
        """
        return self.network.predict(_frame(self.features.transform(frame)))

    def embed(self, frame: pd.DataFrame) -> NDArray[np.float32]:
        """Return what the network's head predicts from, as `FittedNetwork.embed` does."""
        return self.network.embed(_frame(self.features.transform(frame)))

    def save(self, folder: Path) -> None:
        """Write the facts, the features, and the network in a folder of its own."""
        name = self.network.candidate
        with wrap_estimator_errors(name):
            skops.io.dump(self.features, folder / FEATURES)
        (folder / NETWORK).mkdir()
        self.network.save(folder / NETWORK)
        ModelInfo(name, "deep", self.columns, self.network.target, is_engineered=True).write(folder)


def load(folder: Path) -> FittedFeatureNetwork:
    """Load what `FittedFeatureNetwork.save` wrote.

    Raises:
        UsageError: the features hold a type that is not trusted, or Keras cannot load the network.
        ExtraError: the features were made with a package that is not installed here.
    """
    from dlrun.deep.fitted import load as load_network

    columns = read_facts(folder).columns
    return FittedFeatureNetwork(
        columns, read_parts(folder / FEATURES), load_network(folder / NETWORK)
    )


def _on_vectors(dataset: Dataset, matrix: NDArray[Any]) -> Dataset:
    """Put the features of its rows in place of a dataset's columns."""
    column = Column(COLUMN, "series", (matrix.shape[1], 1))
    return replace(dataset, columns=(column,), frame=_frame(matrix), stream=None)


def _frame(matrix: NDArray[Any]) -> pd.DataFrame:
    """Make each row of a matrix, (rows, numbers), a series of one channel.

    So the network scales all numbers alike. One by one, principal components of little variance,
    which are noise, would count as much as the first.
    """
    import pandas as pd

    cells = np.empty(len(matrix), dtype=object)
    cells[:] = list(matrix.astype(np.float32)[..., None])
    return pd.DataFrame({COLUMN: cells})
