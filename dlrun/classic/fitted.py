"""A fitted estimator with its features: predictions, size, and how it is saved."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import skops.io
from numpy.typing import NDArray
from sklearn.exceptions import ConvergenceWarning

from dlrun.catalog.parts import load_part
from dlrun.classic.attribution.methods import Explainer
from dlrun.classic.complexity import count_parameters
from dlrun.classic.features.named import feature_row
from dlrun.classic.features.pipeline import in_pieces
from dlrun.classic.glass_box import read_glass_box
from dlrun.contract.attribution import Attribution
from dlrun.contract.candidate import Predictions
from dlrun.contract.dataset import Column, Target
from dlrun.contract.glass_box import GlassBox
from dlrun.contract.trace import FeatureRow
from dlrun.data.model_io import ModelInfo
from dlrun.errors import DlrunError, TrainingError

MODEL: Final = "model.skops"
QUIET_GAPS: Final = "Missing values detected"  # of an EBM, whose own plots leave them out


@dataclass(frozen=True)
class ClassicFitted:
    """A fitted estimator with the features that it was fitted on.

    Attributes:
        classes: (classes,) int64 class indices that occur among the training rows, ascending, as
            the estimator's columns; empty for regression.
        best_epoch: its rounds of boosting, where the validation rows ended them.
        n_sampled: the training rows of a stream that it was fitted to, where they are a sample.
    """

    name: str
    columns: tuple[Column, ...]
    target: Target
    features: Any
    estimator: Any
    classes: NDArray[np.int64]
    best_epoch: int | None = None
    n_sampled: int | None = None

    @property
    def parameters(self) -> int:
        """Return the number of learned values; see `count_parameters`."""
        return count_parameters(self.estimator)

    def predict(self, frame: pd.DataFrame) -> Predictions:
        """Predict rows given as typed columns.

        Raises:
            TrainingError: the estimator raises an error, or a prediction is not finite.
        """
        task, n_labels = load_part("dlrun.classic.tasks", self.target.task), len(self.target.labels)
        pieces = []
        for rows in in_pieces(frame, self.columns):
            matrix = self.features.transform(rows)
            with wrap_estimator_errors(self.name):
                pieces.append(task.predict(self.estimator, matrix, self.classes, n_labels))
        values = np.concatenate(pieces)
        if not np.isfinite(values).all():
            n_bad = np.sum(~np.isfinite(values))
            message = f"{self.name}: {n_bad} of {values.size} predicted numbers are not finite"
            raise TrainingError(message)
        return Predictions(values)

    def deployed(self, frame: pd.DataFrame) -> Callable[[], object]:
        """Return the estimator's prediction of the features of these rows."""
        matrix = self.features.transform(frame)
        task = load_part("dlrun.classic.tasks", self.target.task)
        n_labels = len(self.target.labels)
        return lambda: task.predict(self.estimator, matrix, self.classes, n_labels)

    @property
    def attribution_methods(self) -> tuple[str, ...]:
        """Return the methods that suit the estimator; `dlrun.contract` has `Explains`."""
        return self._explainer.methods

    def explain(
        self,
        frame: pd.DataFrame,
        outputs: NDArray[np.int64],
        reference: pd.DataFrame,
        method: str | None = None,
    ) -> list[Attribution]:
        """Explain typed rows by coefficients or by Shapley values of trees.

        Raises:
            TrainingError: the estimator's package raises an error.
        """
        chosen = method or self.attribution_methods[0]
        with wrap_estimator_errors(self.name):
            return self._explainer.explain(frame, outputs, reference, chosen)

    @property
    def _explainer(self) -> Explainer:
        return Explainer(self.columns, self.features, self.estimator, self.classes)

    def read_glass_box(self) -> GlassBox | None:
        """Return how it decides; see `dlrun.classic.glass_box`."""
        return read_glass_box(self.features, self.estimator, self.target)

    def show_features(self, frame: pd.DataFrame) -> FeatureRow:
        """Return the features of one typed row; `dlrun.contract.trace` has `ShowsFeatures`."""
        return feature_row(self.features, frame)

    def save(self, folder: Path) -> None:
        """Write `model.skops` and `model.json`.

        Raises:
            TrainingError: the estimator contains an object that needs a pickle.
        """
        parts = {name: getattr(self, name) for name in ("features", "estimator", "classes")}
        with wrap_estimator_errors(self.name):
            # Not compressed: for a forest this takes longer than predicting 65,000 rows.
            skops.io.dump(parts, folder / MODEL)
        ModelInfo(self.name, "classic", self.columns, self.target).write(folder)


@contextmanager
def wrap_estimator_errors(name: str) -> Iterator[None]:
    """Replace any error of an estimator's code by a TrainingError, which fails one trial.

    Only the estimator runs inside: dlrun's own bugs keep their traceback. The warning of a solver
    that stops at its last iteration is not shown: the estimator is fitted all the same. Nor is
    that of an EBM about plots which dlrun does not draw.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            warnings.filterwarnings("ignore", message=QUIET_GAPS)
            yield
    except (DlrunError, MemoryError):
        raise
    except Exception as error:
        reason = str(error).strip().partition("\n")[0]
        message = f"{name}: {type(error).__name__}: {reason}"
        raise TrainingError(message) from error
