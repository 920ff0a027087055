"""What a look inside a candidate starts from: the model of a split, and the rows of the split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from dlrun.contract.inside import Inside
from dlrun.data.model_io import load
from dlrun.study.inside.activations import (
    MAX_TEST,
    MAX_TRAIN,
    Activations,
    activations_of,
    sample,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dlrun.contract.candidate import Family, Fitted
    from dlrun.contract.dataset import Dataset, Split
    from dlrun.contract.embeddings import Projection
    from dlrun.data.model_io import SavedModel
    from dlrun.recipe.preprocessing import Preprocessing


@dataclass(frozen=True)
class InsideContext:
    """The model of a candidate and the rows that it is looked at with.

    Attributes:
        candidate: its name.
        family: its side.
        folders: candidate → the folder of its model, of all candidates that have one.
        dataset: all rows; of a stream those in memory.
        split: on whose training rows the model was trained.
        metric: the name of the study's primary metric.
        preprocessing: of the recipe.
        trained_on: as in `Inside`.
        has_seen_test_rows: as in `Inside`.
        projections: how embeddings are drawn.
        shows_rows: whether cells of rows may be kept (tracking.excerpt).
        worst: ids of rows that candidates of the study predict badly, the worst first.
    """

    candidate: str
    family: Family
    folders: Mapping[str, Path]
    dataset: Dataset
    split: Split
    metric: str
    preprocessing: Preprocessing
    trained_on: str
    has_seen_test_rows: bool = False
    projections: tuple[Projection, ...] = ("pca",)
    shows_rows: bool = True
    worst: tuple[int, ...] = ()

    @property
    def nothing(self) -> Inside:
        """Return what is known before anything is computed."""
        return Inside(
            self.candidate,
            self.family,
            self.split.index,
            self.trained_on,
            self.has_seen_test_rows,
        )

    @cached_property
    def saved(self) -> SavedModel:
        """Return the candidate's model."""
        return load(self.folders[self.candidate])

    @property
    def fitted(self) -> Fitted:
        """Return the fitted candidate."""
        return self.saved.fitted

    @property
    def seed(self) -> int:
        """Return the seed of the split."""
        return self.split.seed

    @cached_property
    def train(self) -> Dataset:
        """Return the training rows of the split."""
        return self._take(self.split.train)

    @cached_property
    def validation(self) -> Dataset:
        """Return the validation rows of the split."""
        return self._take(self.split.validation)

    @cached_property
    def test(self) -> Dataset:
        """Return the test rows of the split."""
        return self._take(self.split.test)

    @cached_property
    def train_sample(self) -> Dataset:
        """Return the training rows that linear models are fitted to."""
        return sample(self.train, MAX_TRAIN)

    @cached_property
    def test_sample(self) -> Dataset:
        """Return the test rows that activations are computed of."""
        return sample(self.test, MAX_TEST)

    @cached_property
    def activations(self) -> Activations | None:
        """Return those of the network on both samples; None where there is no network."""
        return activations_of(self.fitted, self.train_sample, self.test_sample)

    def _take(self, rows: NDArray[np.int64]) -> Dataset:
        return replace(self.dataset, stream=None).take(rows)
