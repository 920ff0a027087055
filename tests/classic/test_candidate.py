"""The classic candidate: an error of an estimator is a failed trial, described in one line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from textwrap import dedent
from typing import Any

import numpy as np
import pytest

from dlrun.classic.candidate import ClassicCandidate
from dlrun.classic.fitted import ClassicFitted
from dlrun.contract.candidate import FitContext
from dlrun.contract.dataset import Dataset
from dlrun.errors import TrainingError
from dlrun.recipe.preprocessing import Preprocessing

OWN = """
    import numpy as np

    class Plain:
        '''Not scikit-learn's, and no probabilities.'''
        def __init__(self, shift=0): self.shift = shift
        def fit(self, X, y): self.means_ = [X[y == k].mean(axis=0) for k in np.unique(y)]
        def predict(self, X):
            distances = [((X - mean) ** 2).sum(axis=1) for mean in self.means_]
            return np.argmin(distances, axis=0) + self.shift

    class Column(Plain):
        def fit(self, X, y): self.mean_ = y.mean()
        def predict(self, X): return np.full((len(X), 1), self.mean_)

    class Infinite(Plain):
        def predict(self, X): return np.full(len(X), np.inf)

    class Fails(Plain):
        def fit(self, X, y): raise RuntimeError("no luck\\nsecond line")

    class FailsLater(Plain):
        def predict(self, X): return self.nothing

    class Hungry(Plain):
        def fit(self, X, y): raise MemoryError

    class Stopped(Plain):
        def fit(self, X, y): raise KeyboardInterrupt
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own_classes.py").write_text(dedent(OWN), encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)


def fit(kind: str, dataset: Dataset, **options: Any) -> ClassicFitted:
    candidate = ClassicCandidate("it", kind, options, Preprocessing())
    return candidate.fit(dataset, dataset.take(np.arange(9)), FitContext(0))


@pytest.mark.usefixtures("own")
def test_hard_answers_become_certain_probabilities(classes: Dataset) -> None:
    values = fit("own_classes.Plain", classes).predict(classes.frame).values
    assert set(values.ravel()) == {0.0, 1.0}
    assert (values.argmax(axis=1) == classes.y).mean() > 0.8


@pytest.mark.usefixtures("own")
def test_a_column_of_numbers_becomes_a_row(prices: Dataset) -> None:
    values = fit("own_classes.Column", prices).predict(prices.frame).values
    np.testing.assert_allclose(values, np.full(60, prices.y.mean()))


@pytest.mark.usefixtures("own")
def test_an_estimator_that_fails_is_a_failed_trial(classes: Dataset) -> None:
    with pytest.raises(TrainingError) as caught:
        fit("own_classes.Fails", classes)
    assert str(caught.value) == "it: RuntimeError: no luck"
    assert isinstance(caught.value.__cause__, RuntimeError)


@pytest.mark.usefixtures("own")
def test_it_may_also_fail_later(classes: Dataset) -> None:
    fitted = fit("own_classes.FailsLater", classes)
    with pytest.raises(TrainingError) as caught:
        fitted.predict(classes.frame)
    assert str(caught.value) == (
        "it: AttributeError: 'FailsLater' object has no attribute 'nothing'"
    )


@pytest.mark.usefixtures("own")
def test_infinite_predictions_are_a_failed_trial(prices: Dataset) -> None:
    fitted = fit("own_classes.Infinite", prices)
    with pytest.raises(TrainingError) as caught:
        fitted.predict(prices.frame)
    assert str(caught.value) == "it: 60 of 60 predicted numbers are not finite"


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize("failure", [MemoryError, KeyboardInterrupt])
def test_what_is_not_the_estimators_fault_passes(
    classes: Dataset, failure: type[BaseException]
) -> None:
    kind = {MemoryError: "Hungry", KeyboardInterrupt: "Stopped"}[failure]
    with pytest.raises(failure):
        fit(f"own_classes.{kind}", classes)


def test_one_class_alone_is_a_failed_trial(classes: Dataset) -> None:
    with pytest.raises(TrainingError, match=r"^it: ValueError: This solver needs samples of at "):
        fit("linear", classes.take(np.flatnonzero(classes.y)))


def test_a_solver_that_stops_early_has_been_fitted(classes: Dataset) -> None:
    fitted = fit("linear", classes, max_iter=1)
    assert (fitted.predict(classes.frame).class_indices == classes.y).mean() > 0.8


def test_a_regression_on_a_large_scale_is_found(prices: Dataset) -> None:
    """An SVR on plain prices would predict their mean: its C is far too small for them."""
    values = fit("svm", prices).predict(prices.frame).values
    assert np.corrcoef(values, prices.y)[0, 1] > 0.9
    assert values.std() > 0.5 * prices.y.std()


def test_validation_rows_change_nothing(classes: Dataset) -> None:
    candidate = ClassicCandidate("it", "linear", {}, Preprocessing())
    values = [
        candidate.fit(classes, classes.take(np.arange(n)), FitContext(0))
        .predict(classes.frame)
        .values
        for n in (5, 40)
    ]
    np.testing.assert_array_equal(*values)


def test_slow_boosting_stops_by_the_validation_rows(classes: Dataset) -> None:
    candidate = ClassicCandidate("it", "slow_gradient_boosting", {}, Preprocessing())
    rows = np.arange(len(classes))
    train, held_out = classes.take(rows[::2]), classes.take(rows[1::2])
    guessing = replace(held_out, y=np.random.default_rng(0).permutation(held_out.y))
    rounds = [
        candidate.fit(train, part, FitContext(0)).estimator.n_iter_ for part in (held_out, guessing)
    ]
    assert rounds[1] < rounds[0] < 1000
    assert candidate.needs_validation
    assert not ClassicCandidate("it", "svm", {}, Preprocessing()).needs_validation


def test_slow_boosting_takes_its_rounds_from_elsewhere(classes: Dataset, prices: Dataset) -> None:
    """As where all rows are trained on, and none are left to stop by."""
    candidate = ClassicCandidate("it", "slow_gradient_boosting", {}, Preprocessing())
    nothing = np.arange(0)
    for dataset in (classes, prices):
        stopped = candidate.fit(dataset, dataset.take(np.arange(0, 40)), FitContext(0))
        assert stopped.best_epoch == stopped.estimator.n_iter_
        fixed = candidate.fit(dataset, dataset.take(nothing), FitContext(0, epochs=7))
        assert fixed.estimator.n_iter_ == 7
        assert fixed.best_epoch is None


def test_there_are_no_epochs(classes: Dataset) -> None:
    assert fit("dummy", classes).best_epoch is None
