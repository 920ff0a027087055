"""Pretrained estimators that learn from their rows as they are: weights, limits, saving."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.utils.metaestimators import available_if

from dlrun.catalog.baselines import Baseline, InContext
from dlrun.catalog.notes import SAMPLED_CONTEXT
from dlrun.catalog.table_models import TABLE_MODELS
from dlrun.contract.dataset import Dataset
from dlrun.contract.note import Note
from dlrun.data.splits.stratify import draw, strata_of
from dlrun.errors import WeightsError


class InContextEstimator(BaseEstimator):  # type: ignore[misc]
    """A pretrained estimator, saved as its settings and the training rows, without its weights.

    A loaded one is fitted to the rows again, by the weights where they were.

    Args:
        estimator: unfitted.
        weights: the path of its file of weights.
    """

    def __init__(self, estimator: Any, weights: str) -> None:
        self.estimator = estimator
        self.weights = weights

    def fit(self, X: Any, y: Any) -> Self:
        """Keep the rows, and fit the estimator to them."""
        self.X_, self.y_ = X, y
        self._fit()
        return self

    def predict(self, X: Any) -> Any:
        """Return the estimator's predictions."""
        return self._fitted.predict(X)

    @available_if(lambda self: hasattr(self.estimator, "predict_proba"))  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> Any:
        """Return the estimator's probabilities."""
        return self._fitted.predict_proba(X)

    def _fit(self) -> None:
        check_weights(self.weights)
        self._fitted = clone(self.estimator).fit(self.X_, self.y_)

    def __getstate__(self) -> dict[str, Any]:
        """Return all but the fitted estimator."""
        state: dict[str, Any] = super().__getstate__()
        return {name: value for name, value in state.items() if name != "_fitted"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Fit the estimator to the rows, if there are some."""
        super().__setstate__(state)
        if hasattr(self, "X_"):
            self._fit()


def rules_of(name: str) -> InContext | None:
    """Return what is special about a class path, `package.module.Class`; None: nothing."""
    row = TABLE_MODELS.get(name.partition(".")[0])
    return row.in_context if row else None


def size_fault(name: str, dataset: Dataset) -> str | None:
    """Return why a table is too wide for a pretrained estimator, or has too many classes, if so."""
    rules = rules_of(name)
    if rules is None:
        return None
    n_columns, n_classes = len(dataset.columns), len(dataset.target.labels)
    if n_columns > rules.max_columns:
        allowed = f"takes {rules.max_columns:,} columns"
        return f"{name} {allowed}, and here are {n_columns:,}. Choose with data.features"
    if rules.max_classes and n_classes > rules.max_classes:
        return f"{name} takes {rules.max_classes} classes, and the target has {n_classes:,}"
    return None


def with_weights(name: str, settings: Mapping[str, Any], folder: Path) -> Mapping[str, Any]:
    """Return the settings of an estimator with the whole path of its weights.

    dlrun downloads no weights of other packages: some come with a licence that has to be accepted,
    and a download would start anew in every process.

    Args:
        name: a baseline's name or a class path.
        settings: of the recipe.
        folder: of the recipe, which the path is relative to.

    Raises:
        WeightsError: the settings name no file, or it is not there.
    """
    rules = rules_of(name)
    if rules is None:
        return settings
    path = settings.get(rules.weights)
    if path is None:
        message = (
            f"{name}: the file of its weights is not set. Download it once, such as with "
            f"{rules.download!r}, and add {rules.weights}: path"
        )
        raise WeightsError(message)
    absolute = folder / Path(str(path)).expanduser()
    check_weights(str(absolute), f"{name}: {rules.weights}: ", f", such as with {rules.download!r}")
    return {**settings, rules.weights: str(absolute.resolve())}


def check_weights(path: str, place: str = "", how: str = "") -> None:
    """Check that a file of weights is there.

    Raises:
        WeightsError: it is not.
    """
    if not Path(path).is_file():
        message = f"{place}there is no file {path}. Put the weights there, or download them{how}"
        raise WeightsError(message)


def limited(row: Baseline, train: Dataset, seed: int) -> Dataset:
    """Return as many training rows as an estimator takes, a sample that keeps the classes' shares.

    Args:
        row: of the estimator.
        train: the training rows.
        seed: of the draw.
    """
    rules = row.in_context
    if rules is None or len(train) <= rules.max_rows:
        return train
    strata = strata_of(train.y, train.target)
    drawn = draw(strata, rules.max_rows, np.random.default_rng(seed))
    return train.take(np.sort(drawn))


def sampled_contexts(names: Iterable[tuple[str, str]], n_rows: int) -> Iterator[Note]:
    """Yield a note on each pretrained estimator that gets more rows than it takes.

    Args:
        names: of candidates, and of their estimators.
        n_rows: of training.
    """
    for candidate, estimator in names:
        rules = rules_of(estimator)
        if rules and n_rows > rules.max_rows:
            sample = f"a sample of {rules.max_rows:,} of {n_rows:,} training rows"
            yield SAMPLED_CONTEXT.note(f"{candidate} learns from {sample}: it takes no more.")
