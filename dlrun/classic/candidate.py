"""The classic candidate: columns become features, to which an estimator is fitted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from threadpoolctl import threadpool_limits

from dlrun.catalog.baselines import BASELINES
from dlrun.catalog.kinds import settle
from dlrun.catalog.parts import load_part
from dlrun.classic.adapt import adapt_estimator, baseline_of, encoding_for, openmp_threads
from dlrun.classic.estimators import build
from dlrun.classic.features.pipeline import make_features
from dlrun.classic.features.spec import FeatureSpec
from dlrun.classic.fitted import ClassicFitted, wrap_estimator_errors
from dlrun.classic.in_context import limited
from dlrun.classic.space import own_space
from dlrun.contract.candidate import Family, FitContext, Framework, Kind, side_of
from dlrun.contract.dataset import Dataset
from dlrun.contract.search import Dimension
from dlrun.data.streaming.prefetch import prefetch
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
        rows of the stream, once.

        Raises:
            TrainingError: the estimator raises an error.
        """
        seed = context.seed
        task = load_part("dlrun.classic.tasks", train.target.task)
        estimator = build(self.estimator, train.target.task, self.options, len(train))
        row = baseline_of(self.estimator, estimator)
        train = limited(row, train, seed)
        spec = FeatureSpec(encoding_for(row, estimator), self.preprocessing, len(train), seed)
        # A forecast by the last value must not ask for rows of a year ago.
        history = train.history[:1] if row.n_lags == 1 else train.history
        columns = history if row.n_lags else train.columns
        features = make_features(columns, self.features, spec)
        matrix = features.fit_transform(train.frame)
        n_categories = sum(column.type == "category" for column in columns)
        estimator = adapt_estimator(
            row, estimator, self.options, matrix, n_categories=n_categories, seed=seed
        )
        if row.stops_early and context.epochs:
            estimator.set_params(max_iter=context.epochs, early_stopping=False)
        n_rounds = None
        if train.stream and hasattr(estimator, "partial_fit"):
            classes = np.array(train.stream.classes, dtype=np.int64)
            arguments = task.partial_fit_arguments(classes)
            for chunk in prefetch(train.stream.chunks(seed)):
                part, y = features.transform(chunk.frame), task.encode(chunk.y, classes)
                with wrap_estimator_errors(self.name):
                    estimator.partial_fit(part, y, **arguments)
            with wrap_estimator_errors(self.name):
                y = task.encode(train.y, classes)
                estimator = task.calibrate_prefit(estimator, matrix, y)
        else:
            classes = task.classes_of(train.y)
            y = task.encode(train.y, classes)
            estimator = task.adapt(estimator, y, scales_target=row.scales_target, seed=seed)
            stopping = {}
            if row.stops_early and estimator.get_params().get("early_stopping"):
                held_out = features.transform(validation.frame)
                stopping = task.stopping_arguments(held_out, validation.y, classes)
            threads = openmp_threads(matrix.shape[0] * matrix.shape[1])
            with wrap_estimator_errors(self.name), threadpool_limits(threads, user_api="openmp"):
                estimator.fit(matrix, y, **row.fit_arguments(n_categories), **stopping)
            n_rounds = estimator.n_iter_ if stopping else None
        return ClassicFitted(
            self.name, columns, train.target, features, estimator, classes, n_rounds
        )
