"""Networks that learn from the features of the classic side, in place of raw columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import numpy as np
import skops.io

from dlrun.catalog.spaces import NUMBERS_ONLY
from dlrun.classic import extras
from dlrun.classic.candidates import idle_features
from dlrun.classic.features.all_rows import (
    FeatureRows,
    features_in_memory,
    features_of_stream,
    fitting_rows,
)
from dlrun.classic.features.pipeline import in_pieces, make_features, transform
from dlrun.classic.features.spec import FeatureSpec
from dlrun.classic.fitted import wrap_estimator_errors
from dlrun.classic.persistence import read_parts
from dlrun.contract.candidate import (
    Family,
    FitContext,
    Fitted,
    Framework,
    Kind,
    Predictions,
    side_of,
)
from dlrun.contract.dataset import Column, Dataset
from dlrun.contract.search import Dimension
from dlrun.data.model_io import ModelInfo, read_facts
from dlrun.errors import RecipeError
from dlrun.recipe.features import features_of
from dlrun.recipe.preprocessing import Series

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from dlrun.deep.candidate import DeepCandidate
    from dlrun.deep.fitted import FittedNetwork
    from dlrun.deep.frozen import FrozenNetwork
    from dlrun.deep.summary import Summary

COLUMN: Final = "features"  # the network's only one
FEATURES: Final = "features.skops"
NETWORK: Final = "network"  # a folder


def with_features(
    candidates: Sequence[DeepCandidate], columns: Sequence[Column]
) -> tuple[DeepCandidate | FeatureNetworkCandidate, ...]:
    """Return the candidates, with features before the networks whose models ask for them.

    Raises:
        RecipeError: there are no columns that a feature could be made of.
        ExtraError: a feature needs a package that is not installed.
    """
    faults = [
        f"{candidate.place}: {fault}"
        for candidate in candidates
        for fault in idle_features(candidate.spec.model.features or (), columns)
    ]
    if faults:
        raise RecipeError("\n".join(faults))
    types = [column.type for column in columns]
    networks = tuple(
        FeatureNetworkCandidate(one, features_of(types, one.spec.model.features))
        if one.spec.model.features
        else one
        for one in candidates
    )
    for error in extras.missing(name for network in networks for name in network.features):
        raise error
    return networks


@dataclass(frozen=True)
class FeatureNetworkCandidate:
    """A network on features, before training; plain values, so picklable.

    Attributes:
        network: learns from the features.
        features: made of images, texts, sounds and series; columns of other types become numbers
            as for a support vector machine.
    """

    network: DeepCandidate
    features: tuple[str, ...]

    @property
    def name(self) -> str:
        """Return the network's name."""
        return self.network.name

    @property
    def kind(self) -> Kind:
        """Return the network's kind."""
        return self.network.kind

    @property
    def side(self) -> Family | None:
        """Return the side that the recipe names."""
        return self.network.spec.model.side

    @property
    def family(self) -> Family:
        """Return the side of the verdict."""
        return side_of(self.kind)

    @property
    def framework(self) -> Framework:
        """Return tensorflow."""
        return "tensorflow"

    @property
    def settings(self) -> Mapping[str, object]:
        """Return the network's settings and the features under dotted recipe keys."""
        return {**self.network.settings, "model.features": list(self.features)}

    @property
    def needs_validation(self) -> bool:
        """Return True: they decide when the training stops."""
        return True

    def with_settings(self, changed: Mapping[str, object]) -> Self:
        """Return the network with settings changed, as `DeepCandidate.with_settings` does."""
        return replace(self, network=self.network.with_settings(changed))

    def space(self, dataset: Dataset) -> Mapping[str, Dimension]:
        """Return what a search tries of the network; it takes all numbers as one vector."""
        space = self.network.space(dataset)
        return {key: values for key, values in space.items() if key not in NUMBERS_ONLY}

    def fit(self, train: Dataset, validation: Dataset, context: FitContext) -> FittedFeatureNetwork:
        """Fit the features on the training rows, then train the network on them.

        Raises:
            TrainingError: the network cannot be built or trained on these rows.
        """
        rows = self._feature_rows(train, context.seed)
        train_vectors = _with_vectors(train, rows)
        held_out = rows.matrix[:0]
        if len(validation):
            held_out = transform(rows.features, validation.frame, validation.columns)
        known = FeatureRows(
            rows.features, held_out, validation.y, validation.row_ids, len(validation)
        )
        validation_vectors = _with_vectors(validation, known)
        network = self._vector_network.fit(train_vectors, validation_vectors, context)
        return FittedFeatureNetwork(train.columns, rows.features, network, rows.n_sampled)

    def summarize(self, dataset: Dataset) -> Summary:
        """Build the network without training it, on the features of all rows, and list its layers.

        Raises:
            TrainingError: it cannot be built on them.
        """
        rows = self._feature_rows(replace(dataset, stream=None), seed=0)
        return self._vector_network.summarize(_with_vectors(dataset, rows))

    def _feature_rows(self, train: Dataset, seed: int) -> FeatureRows:
        """Return the features of the training rows that the network is trained on."""
        stream = train.stream
        train = fitting_rows(train) if stream else train
        spec = FeatureSpec("onehot_network", self.network.spec.preprocessing, len(train), seed)
        unfitted = make_features(train.columns, self.features, spec)
        if stream:
            return features_of_stream(unfitted, train, stream, seed)
        return features_in_memory(unfitted, train)

    @property
    def _vector_network(self) -> DeepCandidate:
        """Return the network without the preprocessing of raw series."""
        plain = self.network.spec.preprocessing.model_copy(update={"series": Series()})
        return replace(self.network, spec=replace(self.network.spec, preprocessing=plain))


@dataclass(frozen=True)
class FittedFeatureNetwork:
    """Fitted features and the network that was trained on them.

    Attributes:
        columns: of the dataset.
        n_sampled: the training rows of a stream that it was trained on, where they are a sample.
    """

    columns: tuple[Column, ...]
    features: Any
    network: FittedNetwork | FrozenNetwork
    n_sampled: int | None = None

    @property
    def parameters(self) -> int:
        """Return the number of trained weights of the network."""
        return self.network.parameters

    @property
    def best_epoch(self) -> int | None:
        """Return the epoch whose weights the network has."""
        return self.network.best_epoch

    def predict(self, frame: pd.DataFrame) -> Predictions:
        """Predict typed rows.

        Raises:
            DataError: a prediction is not finite.
        """
        pieces = [
            self.network.predict(_frame(self.features.transform(rows))).values
            for rows in in_pieces(frame, self.columns)
        ]
        return Predictions(np.concatenate(pieces))

    def deployed(self, frame: pd.DataFrame) -> Callable[[], object]:
        """Return the compiled network's prediction of the features of these rows."""
        return self.network.deployed(_frame(self.features.transform(frame)))

    def embed(self, frame: pd.DataFrame) -> NDArray[np.float32]:
        """Return the input of the network's head, as `FittedNetwork.embed` does."""
        pieces = [
            self.network.embed(_frame(self.features.transform(rows)))
            for rows in in_pieces(frame, self.columns)
        ]
        return np.concatenate(pieces)

    def unwrap(self, frame: pd.DataFrame) -> tuple[Fitted, pd.DataFrame]:
        """Return the network, and the features of these rows."""
        pieces = [self.features.transform(rows) for rows in in_pieces(frame, self.columns)]
        return self.network, _frame(np.concatenate(pieces))

    def save(self, folder: Path) -> None:
        """Write the facts, the features, and the network in a subfolder."""
        name = self.network.candidate
        with wrap_estimator_errors(name):
            skops.io.dump(self.features, folder / FEATURES)
        (folder / NETWORK).mkdir()
        self.network.save(folder / NETWORK)
        ModelInfo(name, "engineered", self.columns, self.network.target).write(folder)


def load(folder: Path) -> FittedFeatureNetwork:
    """Load a model that `FittedFeatureNetwork.save` wrote.

    Raises:
        UsageError: a type in the features is not trusted, or Keras cannot load the network.
        ExtraError: the features were made with a package that is not installed here.
    """
    from dlrun.deep.fitted import load as load_network

    columns = read_facts(folder).columns
    return FittedFeatureNetwork(
        columns, read_parts(folder / FEATURES), load_network(folder / NETWORK)
    )


def _with_vectors(dataset: Dataset, rows: FeatureRows) -> Dataset:
    """Return a dataset of rows with features in place of their columns."""
    column = Column(COLUMN, "series", (rows.matrix.shape[1], 1))
    return replace(
        dataset,
        columns=(column,),
        frame=_frame(rows.matrix),
        y=rows.y,
        row_ids=rows.row_ids,
        stream=None,
    )


def _frame(matrix: NDArray[Any]) -> pd.DataFrame:
    """Return each row of a matrix, (rows, numbers), as a series of one channel.

    The network then scales all numbers by one factor. Scaled one by one, principal components of
    little variance, which are noise, would count as much as the first.
    """
    import pandas as pd

    cells = np.empty(len(matrix), dtype=object)
    cells[:] = list(matrix.astype(np.float32)[..., None])
    return pd.DataFrame({COLUMN: cells})
