"""The classic candidate: columns become features, to which an estimator is fitted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from dlrun.catalog.baselines import BASELINES, Baseline
from dlrun.catalog.kinds import settle
from dlrun.catalog.parts import load_part
from dlrun.classic.adapt import adapt_estimator, baseline_of, encoding_for, openmp_threads
from dlrun.classic.estimators import build
from dlrun.classic.features.all_rows import (
    FeatureRows,
    features_in_memory,
    features_of_stream,
    fitting_rows,
    parts,
)
from dlrun.classic.features.pipeline import has_structure, make_features, transform
from dlrun.classic.features.spec import FeatureSpec
from dlrun.classic.fitted import ClassicFitted, wrap_estimator_errors
from dlrun.classic.in_context import limited
from dlrun.classic.space import own_space
from dlrun.contract.candidate import Family, FitContext, Framework, Kind, side_of
from dlrun.contract.dataset import Column, Dataset, Stream
from dlrun.contract.search import Dimension
from dlrun.errors import TrainingError
from dlrun.recipe.preprocessing import Preprocessing


@dataclass(frozen=True)
class ClassicCandidate:
    """A scikit-learn compatible estimator and its settings.

    Attributes:
        estimator: a baseline's name or a class path.
        options: the estimator's settings that the recipe gives.
        features: of images, texts, sounds and series.
        nature: what the estimator is by its class.
        side: that the recipe names.
    """

    name: str
    estimator: str
    options: Mapping[str, object]
    preprocessing: Preprocessing
    features: tuple[str, ...] = ()
    nature: Kind = "classic"
    side: Family | None = None
    framework: Framework = "scikit-learn"

    @property
    def kind(self) -> Kind:
        """Return what it is, as the recipe's side settles it."""
        return settle(self.nature, self.side)

    @property
    def family(self) -> Family:
        """Return the side of the verdict."""
        return side_of(self.kind)

    def supports_partial_fit(self, task: str) -> bool:
        """Return whether it can learn from rows that are not in memory at once."""
        return hasattr(build(self.estimator, task, self.options, 1), "partial_fit")

    @property
    def settings(self) -> dict[str, object]:
        """Return the settings as dotted recipe keys."""
        own = {"estimator": self.estimator} if "." in self.estimator else {}
        chosen = {"features": list(self.features)} if self.features else {}
        side = {"side": self.side} if self.side else {}
        settings = {**own, **chosen, **side, **self.options}
        return {f"baselines.{self.name}.{key}": value for key, value in settings.items()}

    def with_settings(self, changed: Mapping[str, object]) -> Self:
        """Return the estimator with settings changed, such as baselines.svm.C.

        Raises:
            TrainingError: there is no such setting. A wrong value shows when it is fitted.
        """
        prefix = f"baselines.{self.name}."
        if strange := [key for key in changed if not key.startswith(prefix)]:
            message = f"{self.name}: {', '.join(strange)}: no settings of this baseline"
            raise TrainingError(message)
        own = {key.removeprefix(prefix): value for key, value in changed.items()}
        return replace(self, options={**self.options, **own})

    def space(self, dataset: Dataset) -> Mapping[str, Dimension]:
        """Return what a search tries of the estimator."""
        space = own_space(self.estimator, dataset.target.task, self.options)
        return {f"baselines.{self.name}.{key}": values for key, values in space.items()}

    @property
    def needs_validation(self) -> bool:
        """Return whether boosting stops by the validation rows."""
        row = BASELINES.get(self.estimator)
        return row is not None and row.stops_early

    def fit(self, train: Dataset, validation: Dataset, context: FitContext) -> ClassicFitted:
        """Fit to the training rows; validation rows only say when boosting that stops early does.

        With `context.epochs` it boosts as many rounds, and needs no validation rows.

        Where the rows are a sample of a stream, an estimator with `partial_fit` is fitted to all
        rows of the stream, once; the others, to the features of all rows of images, sounds or
        texts, where they have room.

        Raises:
            TrainingError: the estimator raises an error.
        """
        seed, name = context.seed, train.target.task
        estimator = build(self.estimator, name, self.options, 1)
        row = baseline_of(self.estimator, estimator)
        # A forecast by the last value must not ask for rows of a year ago.
        history = train.history[:1] if row.n_lags == 1 else train.history
        columns = history if row.n_lags else train.columns
        rows = self._feature_rows(train, columns, row, estimator, seed)
        estimator = build(self.estimator, name, self.options, len(rows.y))
        n_categories = sum(column.type == "category" for column in columns)
        estimator = adapt_estimator(
            row, estimator, self.options, rows.matrix, n_categories=n_categories, seed=seed
        )
        if row.stops_early and context.epochs:
            estimator.set_params(max_iter=context.epochs, early_stopping=False)
        task, n_rounds = load_part("dlrun.classic.tasks", name), None
        if stream := train.stream if hasattr(estimator, "partial_fit") else None:
            classes = np.array(stream.classes, dtype=np.int64)
            estimator = self._fit_in_parts(estimator, rows, train, stream, classes, seed)
        else:
            classes = task.classes_of(rows.y)
            y = task.encode(rows.y, classes)
            estimator = task.adapt(estimator, y, scales_target=row.scales_target, seed=seed)
            stopping = {}
            if row.stops_early and estimator.get_params().get("early_stopping"):
                held_out = transform(rows.features, validation.frame, columns)
                stopping = task.stopping_arguments(held_out, validation.y, classes)
            threads = openmp_threads(rows.matrix.shape[0] * rows.matrix.shape[1])
            with wrap_estimator_errors(self.name), threadpool_limits(threads, user_api="openmp"):
                estimator.fit(rows.matrix, y, **row.fit_arguments(n_categories), **stopping)
            n_rounds = estimator.n_iter_ if stopping else None
        n_sampled = None if stream else rows.n_sampled
        parts_of_model = rows.features, estimator, classes
        return ClassicFitted(self.name, columns, train.target, *parts_of_model, n_rounds, n_sampled)

    def _feature_rows(
        self, train: Dataset, columns: Sequence[Column], row: Baseline, estimator: Any, seed: int
    ) -> FeatureRows:
        """Return the features of the training rows that an estimator is fitted to."""
        encoding = encoding_for(row, estimator)
        stream = train.stream if encoding != "none" and has_structure(columns) else None
        train = fitting_rows(train) if stream else limited(row, train, seed)
        spec = FeatureSpec(encoding, self.preprocessing, len(train), seed)
        unfitted = make_features(columns, self.features, spec)
        if stream is None:
            return features_in_memory(unfitted, train)
        most = row.in_context.max_rows if row.in_context else None
        in_parts = hasattr(estimator, "partial_fit")
        return features_of_stream(unfitted, train, stream, seed, most=most, in_parts=in_parts)

    def _fit_in_parts(
        self,
        estimator: Any,
        rows: FeatureRows,
        train: Dataset,
        stream: Stream,
        classes: NDArray[np.int64],
        seed: int,
    ) -> Any:
        """Fit an estimator to all rows of a stream, once, and a sigmoid to those in memory."""
        task = load_part("dlrun.classic.tasks", train.target.task)
        arguments = task.partial_fit_arguments(classes)
        for matrix, y in parts(rows, stream, train.columns, seed):
            with wrap_estimator_errors(self.name):
                estimator.partial_fit(matrix, task.encode(y, classes), **arguments)
        with wrap_estimator_errors(self.name):
            return task.calibrate_prefit(estimator, rows.matrix, task.encode(rows.y, classes))
