"""Checks of a candidate, deep or classic: what the runner relies on."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dlrun.catalog.columns import COLUMN_KINDS
from dlrun.catalog.tasks import TASKS
from dlrun.contract.candidate import Candidate, FitContext, Fitted
from dlrun.contract.dataset import Dataset
from dlrun.data.fingerprint import digest_dataset
from dlrun.data.model_io import load
from dlrun.testing.errors import require, run_all

SEED: Final = 3
TRAIN, VALIDATION = 2 / 3, 1 / 6  # shares of the rows
FLOOR: Final = 0.5  # correlation of predictions with y that a learned signal reaches


@dataclass(frozen=True)
class CandidateCase:
    """A candidate and the rows on which it is checked."""

    candidate: Candidate
    dataset: Dataset

    @cached_property
    def parts(self) -> tuple[Dataset, Dataset, Dataset]:
        """Return training, validation and test rows."""
        order = np.random.default_rng(1).permutation(len(self.dataset))
        cuts = (np.cumsum([TRAIN, VALIDATION]) * len(order)).round().astype(int)
        train, validation, test = map(self.dataset.take, np.split(order, cuts))
        return train, validation, test

    @cached_property
    def fitted(self) -> Fitted:
        """Return the fitted candidate.

        Raises:
            CheckError: fitting has changed the rows given.
        """
        before = [digest_dataset(part) for part in self.parts]
        fitted = self.fit()
        is_same = before == [digest_dataset(part) for part in self.parts]
        require(is_same, "fitting changed the rows given")
        return fitted

    def fit(self) -> Fitted:
        """Fit the candidate anew."""
        train, validation, _ = self.parts
        return self.candidate.fit(train, validation, FitContext(SEED))

    @property
    def test(self) -> pd.DataFrame:
        """Return the test rows' columns."""
        return self.parts[2].frame

    @cached_property
    def values(self) -> NDArray[np.float64]:
        """Return the predictions for the test rows."""
        return self.fitted.predict(self.test).values


def leaves_its_rows_alone(case: CandidateCase) -> None:
    """Check that predicting does not change the rows given; `fitted` checks the same of fitting."""
    test = case.parts[2]
    before = digest_dataset(test)
    case.fitted.predict(test.frame)
    require(digest_dataset(test) == before, "predicting changed the rows given")


def predicts_finite_numbers(case: CandidateCase) -> None:
    """Check dtype and shape: (rows,) numbers, or (rows, labels) probabilities."""
    labels = case.dataset.target.labels
    shape = (len(case.test), len(labels)) if labels else (len(case.test),)
    require(case.values.dtype == np.float64, f"predictions are {case.values.dtype}, not float64")
    require(case.values.shape == shape, f"predictions are {case.values.shape}, not {shape}")
    require(np.isfinite(case.values).all(), "some predictions are not finite")
    if labels:
        within = (case.values >= 0) & (case.values <= 1 + 1e-6)
        require(within.all(), "some probabilities are not between 0 and 1")
        sums = case.values.sum(axis=1)
        is_single = case.dataset.y.ndim == 1
        require(not is_single or np.allclose(sums, 1, atol=1e-6), "probabilities do not sum to 1")


def learns_the_signal(case: CandidateCase) -> None:
    """Check that predictions follow y; those of a constant baseline are constant."""
    predicted, y = _as_number(case.values), _as_number(case.parts[2].y)
    if np.ptp(predicted) < 1e-9:  # noqa: PLR2004
        require(case.candidate.name == "dummy", "every row gets the same prediction")
        return
    found = float(np.corrcoef(predicted, y)[0, 1])
    require(found > FLOOR, f"predictions follow y with a correlation of {found:.2f} alone")


def _as_number(values: NDArray[Any]) -> NDArray[np.float64]:
    return values if values.ndim == 1 else values @ np.arange(1.0, values.shape[1] + 1)


def repeats_with_the_same_seed(case: CandidateCase) -> None:
    """Check that a second fit predicts the same bits."""
    again = case.fit().predict(case.test).values
    require(np.array_equal(again, case.values), "a second fit with the same seed differs")


def predicts_each_row_alone(case: CandidateCase) -> None:
    """Check that a prediction does not depend on the other rows, nor on their order."""
    backward = case.fitted.predict(case.test[::-1]).values[::-1]
    alone = case.fitted.predict(case.test[:1]).values
    is_equal = np.allclose(backward, case.values, atol=1e-5)
    require(is_equal, "a prediction depends on the order of the rows")
    is_equal = np.allclose(alone, case.values[:1], atol=1e-5)
    require(is_equal, "a prediction depends on the other rows")


def keeps_a_class_without_training_rows(case: CandidateCase) -> None:
    """Check on tables that such a class has a column of small probabilities; it costs a fit."""
    train, _, test = case.parts
    is_table = all(COLUMN_KINDS[column.type].is_grouped for column in case.dataset.columns)
    if not is_table or not case.dataset.target.labels or case.dataset.y.ndim > 1:
        return
    kept = train.take(np.flatnonzero(train.y != 1))
    fitted = case.candidate.fit(kept, kept.take(np.arange(20)), FitContext(SEED))
    values = fitted.predict(test.frame).values
    require(values.shape == case.values.shape, f"predictions are {values.shape}")
    require(values[:, 1].mean() < 0.1, "a class without training rows is predicted")  # noqa: PLR2004


def predicts_the_same_once_saved(case: CandidateCase) -> None:
    """Check that a loaded model knows its columns and target and predicts the same."""
    with TemporaryDirectory(prefix="dlrun-") as folder:
        case.fitted.save(Path(folder))
        loaded = load(Path(folder))
        known = (loaded.facts.candidate, loaded.facts.columns)
        expected = (case.candidate.name, case.dataset.columns)
        require(known == expected, "the saved model knows another name or other columns")
        require(loaded.facts.target == case.dataset.target, "the saved model has another target")
        values = loaded.fitted.predict(case.test).values
    is_equal = np.allclose(values, case.values, atol=1e-6)
    require(is_equal, "the saved model predicts something else")
    require(case.fitted.parameters > 0, "it has learned no numbers")
    is_same = loaded.fitted.parameters == case.fitted.parameters
    require(is_same, "the saved model has another number of parameters")


def can_be_sent_to_a_worker(case: CandidateCase) -> None:
    """Check that a pickled candidate has the same name, kind, family and settings."""
    again = pickle.loads(pickle.dumps(case.candidate))
    for name in ("name", "kind", "family", "settings"):
        is_same = getattr(again, name) == getattr(case.candidate, name)
        require(is_same, f"a worker gets another {name}")


def has_gradients_that_finite_differences_confirm(case: CandidateCase) -> None:
    """Check of a network from scratch that each layer's gradient is the slope of what it computes.

    The task changes the head alone, which is dlrun's: one task is enough.
    """
    is_first = case.dataset.target.task == next(iter(TASKS))
    if case.candidate.framework != "tensorflow" or case.candidate.kind == "pretrained":
        return
    from dlrun.deep.candidate import DeepCandidate
    from dlrun.deep.gradient_check import check_gradients

    if is_first and isinstance(case.candidate, DeepCandidate):
        faults = check_gradients(case.candidate.spec, case.dataset).faults
        require(not faults, "; ".join(map(str, faults)))


CANDIDATE_CHECKS: Final[tuple[Callable[[CandidateCase], None], ...]] = (
    leaves_its_rows_alone,
    predicts_finite_numbers,
    learns_the_signal,
    repeats_with_the_same_seed,
    predicts_each_row_alone,
    keeps_a_class_without_training_rows,
    predicts_the_same_once_saved,
    can_be_sent_to_a_worker,
)


NETWORK_CHECKS: Final = (*CANDIDATE_CHECKS, has_gradients_that_finite_differences_confirm)


def check_candidate(candidate: Candidate, dataset: Dataset) -> None:
    """Check all that the runner relies on.

    Args:
        candidate: deep or classic, not fitted.
        dataset: some hundred rows with a signal that it can learn; `dlrun.testing.samples` has
            one for each kind of column.

    Raises:
        CheckError: a promise is broken.
    """
    run_all(CANDIDATE_CHECKS, CandidateCase(candidate, dataset))
