"""Every candidate passes the same checks: to add one, add it to CANDIDATES."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from dlrun import saved
from dlrun.classic.candidates import make_candidates as make_classic
from dlrun.classic.estimators import CLASSIFIERS, REGRESSORS
from dlrun.contract import Candidate, Column, Dataset, Epoch, Fitted, Target, Task
from dlrun.recipe.model import Recipe

TRAIN, VALIDATION, TEST = np.split(np.random.default_rng(1).permutation(240), [160, 200])
LABELS = ("low", "middle", "high")


def mixed(task: Task) -> Dataset:
    """240 rows of every column type, with missing values, and a pattern to be found."""
    rng = np.random.default_rng(0)
    size, days = rng.normal(50, 20, 240), rng.integers(0, 700, 240)
    colour = rng.choice(["red", "grün", "青"], 240)
    signal = size / 20 + (colour == "red") + days / 700
    frame = pd.DataFrame(
        {
            "size (µm)": np.where(np.arange(240) % 11 == 0, np.nan, size),
            "noise": rng.normal(size=240),
            "colour": pd.Categorical(np.where(np.arange(240) % 7 == 0, None, colour)),
            "town": pd.Categorical([f"town {i}" for i in rng.integers(0, 40, 240)]),
            "day": pd.to_datetime("2024-01-01").as_unit("us") + pd.to_timedelta(days, "D"),
        }
    )
    frame.loc[::13, "day"] = pd.NaT
    types = ("number", "number", "category", "category", "datetime")
    columns = tuple(Column(name, kind) for name, kind in zip(frame, types, strict=True))
    is_class = task == "classification"
    target = Target("kind", task, LABELS if is_class else (), "str" if is_class else "float")
    truth = np.digitize(signal, np.quantile(signal, [0.3, 0.6])).astype(np.int64)
    return Dataset(
        "mixed", "by hand", columns, target, frame, truth if is_class else signal, np.arange(240)
    )


def classic(name: str, task: Task) -> Candidate:
    recipe = Recipe.model_validate({"data": {"source": "mixed.csv"}, "baselines": [name]})
    return make_classic(recipe, mixed(task))[-1]


def classic_cases() -> list[object]:
    cases = [(name, "classification") for name in CLASSIFIERS]
    cases += [(name, "regression") for name in REGRESSORS]
    return [pytest.param(classic, *case, id="-".join(case)) for case in cases]


CANDIDATES = classic_cases()


def nobody(epoch: Epoch) -> None:
    """Take an epoch and do nothing."""


def fit(candidate: Candidate, dataset: Dataset, seed: int = 3) -> Fitted:
    train, validation = dataset.take(TRAIN), dataset.take(VALIDATION)
    return candidate.fit(train, validation, seed=seed, on_epoch=nobody)


def check_predictions(candidate: Candidate, dataset: Dataset) -> None:
    """One finite value per row, or probabilities of every class that sum to one."""
    values = fit(candidate, dataset).predict(dataset.frame.iloc[TEST]).values
    assert values.dtype == np.float64
    assert np.isfinite(values).all()
    if dataset.target.task == "regression":
        assert values.shape == (len(TEST),)
    else:
        assert values.shape == (len(TEST), len(LABELS))
        assert (values >= 0).all()
        np.testing.assert_allclose(values.sum(axis=1), 1, atol=1e-6)


def check_learns(candidate: Candidate, dataset: Dataset) -> None:
    """The prediction follows the truth, unless it is the floor's."""
    predictions = fit(candidate, dataset).predict(dataset.frame.iloc[TEST])
    is_class = dataset.target.task == "classification"
    values = predictions.values @ np.arange(len(LABELS)) if is_class else predictions.values
    if candidate.name == "dummy":
        assert np.ptp(values) == pytest.approx(0)
    else:
        assert np.corrcoef(values, dataset.truth[TEST])[0, 1] > 0.5


def check_same_seed_same_predictions(candidate: Candidate, dataset: Dataset) -> None:
    frame = dataset.frame.iloc[TEST]
    first, second = (fit(candidate, dataset).predict(frame).values for _ in range(2))
    np.testing.assert_array_equal(first, second)


def check_row_order(candidate: Candidate, dataset: Dataset) -> None:
    """Each row gets its own prediction, whatever stands before it."""
    fitted, frame = fit(candidate, dataset), dataset.frame.iloc[TEST]
    forward = fitted.predict(frame).values
    np.testing.assert_allclose(fitted.predict(frame[::-1]).values[::-1], forward, atol=1e-5)
    np.testing.assert_allclose(fitted.predict(frame[:1]).values, forward[:1], atol=1e-5)


def check_inputs_unmutated(candidate: Candidate, dataset: Dataset) -> None:
    before = dataset.frame.copy(deep=True), dataset.truth.copy()
    fit(candidate, dataset).predict(dataset.frame)
    pd.testing.assert_frame_equal(dataset.frame, before[0])
    np.testing.assert_array_equal(dataset.truth, before[1])


def check_unseen_and_missing(candidate: Candidate, dataset: Dataset) -> None:
    """A value that was never seen and a row in which all is missing get a prediction."""
    frame = dataset.frame.iloc[:2].copy()
    frame["colour"] = pd.Categorical(["ultraviolet", None])
    frame["town"] = pd.Categorical([None, None], categories=pd.Index([], dtype="str"))
    frame["size (µm)"], frame["noise"] = [1e6, np.nan], [-1e6, np.nan]
    frame["day"] = pd.Series(["2199-12-31", None], dtype="datetime64[us]")
    assert np.isfinite(fit(candidate, dataset).predict(frame).values).all()


def check_absent_class(candidate: Candidate, dataset: Dataset) -> None:
    """A class without training rows keeps its column."""
    if dataset.target.task == "classification":
        kept = dataset.take(np.flatnonzero(dataset.truth != 1))
        fitted = candidate.fit(kept, kept.take(np.arange(20)), seed=0, on_epoch=nobody)
        values = fitted.predict(dataset.frame).values
        assert values.shape == (240, 3)
        assert values[:, 1].mean() < 0.1


def check_saved(candidate: Candidate, dataset: Dataset, folder: Path) -> None:
    fitted = fit(candidate, dataset)
    fitted.save(folder)
    loaded = saved.load(folder)
    assert (loaded.candidate, loaded.family) == (candidate.name, candidate.family)
    assert (loaded.columns, loaded.target) == (dataset.columns, dataset.target)
    frame = dataset.frame.iloc[TEST]
    np.testing.assert_allclose(
        loaded.fitted.predict(frame).values, fitted.predict(frame).values, atol=1e-6
    )
    assert loaded.fitted.parameters == fitted.parameters > 0


def check_pickled(candidate: Candidate, dataset: Dataset) -> None:
    """A worker gets the same candidate."""
    again = pickle.loads(pickle.dumps(candidate))
    assert (again.name, again.family, again.settings) == (
        candidate.name,
        candidate.family,
        candidate.settings,
    )


CHECKS = [
    check_predictions,
    check_learns,
    check_same_seed_same_predictions,
    check_row_order,
    check_inputs_unmutated,
    check_unseen_and_missing,
    check_absent_class,
    check_pickled,
]


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize(("make", "name", "task"), CANDIDATES)
def test_contract(
    check: Callable[[Candidate, Dataset], None],
    make: Callable[[str, Task], Candidate],
    name: str,
    task: Task,
) -> None:
    check(make(name, task), mixed(task))


@pytest.mark.parametrize(("make", "name", "task"), CANDIDATES)
def test_saved(make: Callable[[str, Task], Candidate], name: str, task: Task, tmp_path: Path):
    check_saved(make(name, task), mixed(task), tmp_path)
