"""The classic candidate: columns become features, features and truth fit an estimator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dlrun.classic.adapt import (
    adapt_estimator,
    calibrate_prefit,
    feature_encoding_for,
    fill_in,
    fit_arguments,
    supports_partial_fit,
)
from dlrun.classic.estimators import build
from dlrun.classic.features.pipeline import make_features
from dlrun.classic.features.spec import FeatureSpec
from dlrun.classic.fitted import ClassicFitted, wrap_estimator_errors
from dlrun.contract.candidate import Family, FitContext
from dlrun.contract.dataset import Dataset, Stream, Task
from dlrun.data.streaming.prefetch import prefetch

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dlrun.recipe.preprocessing import Preprocessing


@dataclass(frozen=True)
class ClassicCandidate:
    """A scikit-learn compatible estimator and its settings.

    Attributes:
        kind: a baseline's name or a class path.
        options: the estimator's settings that the recipe gives.
        features: what is made of images, texts, sounds and series.
    """

    name: str
    kind: str
    options: Mapping[str, object]
    preprocessing: Preprocessing
    features: tuple[str, ...] = ()
    family: Family = "classic"

    def supports_partial_fit(self, task: Task) -> bool:
        """Say whether it can learn from rows that are not in memory at once."""
        return supports_partial_fit(build(self.kind, task, self.options, 1))

    @property
    def settings(self) -> dict[str, object]:
        """Return the settings as dotted recipe keys."""
        own = {"estimator": self.kind} if "." in self.kind else {}
        chosen = {"features": list(self.features)} if self.features else {}
        settings = {**own, **chosen, **self.options}
        return {f"baselines.{self.name}.{key}": value for key, value in settings.items()}

    def fit(self, train: Dataset, validation: Dataset, context: FitContext) -> ClassicFitted:
        """Fit on the training rows alone, at once; the validation rows are not looked at.

        Where the rows are a sample of a stream, an estimator that can learn in parts learns from
        all rows of the stream, once.

        Raises:
            TrainingError: the estimator does not take these rows.
        """
        task, n_rows, seed = train.target.task, len(train), context.seed
        estimator = build(self.kind, task, self.options, n_rows)
        purpose = FeatureSpec(feature_encoding_for(estimator), self.preprocessing, n_rows, seed)
        features = make_features(train.columns, self.features, purpose)
        matrix = features.fit_transform(train.frame)
        if train.stream and supports_partial_fit(estimator):
            return self._fit_in_parts(train, train.stream, estimator, features, matrix, seed=seed)
        classes, y = _numbered(train)
        n_categories = sum(column.type == "category" for column in train.columns)
        estimator = adapt_estimator(
            estimator, self.kind, task, self.options, matrix, y,
            n_categories=n_categories, seed=seed,
        )  # fmt: skip
        with wrap_estimator_errors(self.name):
            estimator.fit(matrix, y, **fit_arguments(estimator, n_categories))
        return ClassicFitted(self.name, train.columns, train.target, features, estimator, classes)

    def _fit_in_parts(
        self,
        train: Dataset,
        stream: Stream,
        estimator: Any,
        features: Any,
        matrix: Any,
        *,
        seed: int,
    ) -> ClassicFitted:
        """Learn from the chunks of a stream, with features that were fitted on a sample of it."""
        n_categories = sum(column.type == "category" for column in train.columns)
        fill_in(estimator, self.options, matrix.shape[1], n_categories=n_categories, seed=seed)
        classes = np.array(stream.classes, dtype=np.int64)
        told = {"classes": np.arange(len(classes))} if len(classes) else {}
        for chunk in prefetch(stream.chunks(seed)):
            part, y = features.transform(chunk.frame), _places(chunk.y, classes)
            with wrap_estimator_errors(self.name):
                estimator.partial_fit(part, y, **told)
        if len(classes):
            with wrap_estimator_errors(self.name):
                estimator = calibrate_prefit(estimator, matrix, _places(train.y, classes))
        return ClassicFitted(self.name, train.columns, train.target, features, estimator, classes)


def _places(y: NDArray[Any], classes: NDArray[np.int64]) -> NDArray[Any]:
    """Number the classes that there are without gaps; numbers are kept."""
    return np.searchsorted(classes, y) if len(classes) else y


def _numbered(train: Dataset) -> tuple[NDArray[np.int64], NDArray[Any]]:
    """Number the classes of the training rows without gaps: XGBoost insists on it."""
    if train.target.task == "regression":
        return np.zeros(0, dtype=np.int64), train.y
    classes, y = np.unique(train.y, return_inverse=True)
    return classes, y
