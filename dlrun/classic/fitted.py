"""A fitted estimator with its features, which answers as a network does."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np
import skops.io
from sklearn.exceptions import ConvergenceWarning

from dlrun.classic.complexity import count_parameters
from dlrun.contract.candidate import Predictions
from dlrun.contract.dataset import Column, Target
from dlrun.data.model_io import ModelInfo
from dlrun.errors import TrainingError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

MODEL: Final = "model.skops"


@dataclass(frozen=True)
class ClassicFitted:
    """A fitted estimator with the features that it was fitted on.

    Attributes:
        classes: (classes,) int64 codes of the classes among the training rows, in the order of
            the estimator's; empty for regression.
    """

    name: str
    columns: tuple[Column, ...]
    target: Target
    features: Any
    estimator: Any
    classes: NDArray[np.int64]

    @property
    def best_epoch(self) -> None:
        """Return None: there are no epochs."""

    @property
    def parameters(self) -> int:
        """Count the trained numbers; see `count_parameters`."""
        return count_parameters(self.estimator)

    def predict(self, frame: pd.DataFrame) -> Predictions:
        """Predict rows given as typed columns.

        Raises:
            TrainingError: the estimator fails, or predicts something that is not a number.
        """
        matrix = self.features.transform(frame)
        is_regression = self.target.task == "regression"
        with wrap_estimator_errors(self.name):
            values = self._numbers(matrix) if is_regression else self._probabilities(matrix)
        if not np.isfinite(values).all():
            n_bad = np.sum(~np.isfinite(values))
            message = f"{self.name}: {n_bad} of {values.size} predicted numbers are not finite"
            raise TrainingError(message)
        return Predictions(values)

    def save(self, folder: Path) -> None:
        """Write `model.skops` and `model.json`.

        Raises:
            TrainingError: the estimator holds something that only a pickle could keep.
        """
        parts = {
            "features": self.features,
            "estimator": self.estimator,
            "classes": self.classes,
        }
        with wrap_estimator_errors(self.name):
            # Compressing a forest takes longer than predicting 65,000 rows with it.
            skops.io.dump(parts, folder / MODEL)
        ModelInfo(self.name, "classic", self.columns, self.target).write(folder)

    def _numbers(self, matrix: Any) -> NDArray[np.float64]:
        return np.asarray(self.estimator.predict(matrix), dtype=np.float64).reshape(-1)

    def _probabilities(self, matrix: Any) -> NDArray[np.float64]:
        """Spread the trained classes over all; a class without training rows gets 0."""
        n_classes = len(self.classes)
        if hasattr(self.estimator, "predict_proba"):
            trained = np.asarray(self.estimator.predict_proba(matrix), dtype=np.float64)
        else:
            trained = np.eye(n_classes)[np.asarray(self.estimator.predict(matrix), dtype=np.int64)]
        values = np.zeros((len(trained), len(self.target.labels)))
        values[:, self.classes] = trained / trained.sum(axis=1, keepdims=True)
        return values


@contextmanager
def wrap_estimator_errors(name: str) -> Iterator[None]:
    """Turn whatever an estimator's own code raises into a failed trial.

    Only the estimator runs inside: dlrun's own bugs keep their traceback. A solver that stops at
    its last iteration has still been fitted, so its warning is not shown.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            yield
    except (TrainingError, MemoryError):
        raise
    except Exception as error:
        reason = str(error).strip().partition("\n")[0]
        message = f"{name}: {type(error).__name__}: {reason}"
        raise TrainingError(message) from error
