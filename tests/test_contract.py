"""Every candidate passes the same checks: to add one, add it to CANDIDATES."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from modalities import LABELS, MODALITIES, N_ROWS

from dlrun.catalog.architectures import ARCHITECTURES
from dlrun.catalog.baselines import BASELINES
from dlrun.catalog.features import FEATURES
from dlrun.classic.candidates import make_candidates as make_classic
from dlrun.classic.estimators import builders
from dlrun.contract.candidate import Candidate, FitContext, Fitted
from dlrun.contract.dataset import Dataset, Task
from dlrun.data import model_io as saved
from dlrun.data.fingerprint import digest_dataset
from dlrun.deep.candidates import make_candidates as make_deep
from dlrun.recipe.schema import Recipe
from dlrun.study.feature_networks import with_features
from dlrun.system.cost import limited_threads

TRAIN, VALIDATION, TEST = np.split(np.random.default_rng(1).permutation(N_ROWS), [160, 200])
TASKS: tuple[Task, ...] = ("classification", "regression")
SMALLER = {"random_forest": {"n_estimators": 20}, "extra_trees": {"n_estimators": 20}}


HEAVY = {"mini_rocket", "multi_rocket", "catch22", "mfcc", "hog"}  # their libraries compile

# Features with an estimator and a modality; whether numbers are tried as well.
FEATURE_PAIRS = (
    ("linear pixels", "image", True),
    ("svm hog", "image", False),
    ("linear tfidf", "text", True),
    ("hist_gradient_boosting tfidf", "text", False),
    ("svm mfcc", "audio", True),
    ("knn flat", "series", False),
    ("linear summary", "series", False),
    ("random_forest catch22", "series", False),
    ("mini_rocket", "series", True),
    ("random_forest multi_rocket", "series", False),
    ("linear", "mixed", True),
    ("svm summary", "mixed", False),
)


def classic(name: str, dataset: Dataset, task: Task) -> Candidate:
    """Make the candidate of a baseline's name, or of `name features`."""
    name, _, features = name.partition(" ")
    baseline = {"name": name, **SMALLER.get(name, {}), "features": features.split()}
    recipe = Recipe.model_validate({"data": {"source": "made"}, "baselines": [baseline]})
    return make_classic(recipe, dataset)[-1]


def _slow_if(is_slow: object) -> tuple[pytest.MarkDecorator, ...]:
    return (pytest.mark.slow,) if is_slow else ()


def classic_cases() -> list[object]:
    """Tables with every baseline, and every feature on what it is made of."""
    assert {word for pair, *_ in FEATURE_PAIRS for word in pair.split()} >= {*FEATURES}
    cases = [
        (name, "table", task)
        for task in TASKS
        for name in builders(task)
        if not BASELINES[name].features
    ]
    cases += [
        (name, modality, task)
        for name, modality, is_number in FEATURE_PAIRS
        for task in TASKS[: 1 + is_number]
    ]
    return [
        pytest.param(
            (classic, *case), id="-".join(case), marks=_slow_if(HEAVY & {*case[0].split()})
        )
        for case in cases
    ]


# For each architecture: small settings, and the modalities that it is tried on beside those it
# claims alone.
DEEP: dict[str, tuple[dict[str, object], tuple[str, ...]]] = {
    "mlp": ({"hidden": [8]}, ("table", "text", "image", "audio", "series", "mixed")),
    "tabm": ({"members": 4, "hidden": [8]}, ("table", "mixed")),
    "ft_transformer": (
        {"width": 8, "heads": 2, "blocks": 1, "dropout": 0, "attention_dropout": 0},
        ("table",),
    ),
    "layers": ({"layers": [{"Dense": 8}, "ReLU"]}, ("table",)),
    "text_cnn": (
        {"embedding": 8, "filters": 8, "kernel_sizes": [1, 2], "dropout": 0.1},
        ("text",),
    ),
    "rnn": ({"cell": "gru", "units": [8], "embedding": 8}, ("text", "audio", "series")),
    "transformer": (
        {"blocks": 1, "width": 16, "heads": 2, "feedforward": 16},
        ("text", "image", "audio", "series", "mixed"),
    ),
    "fcn": ({"filters": [8, 8], "kernel_sizes": [5, 3]}, ("series", "audio")),
    "cnn": ({"filters": [8, 8], "dropout": 0.1}, ("image", "audio", "series")),
    "resnet": ({"depth": 8, "width": 8}, ("image", "audio")),
    "inception_time": (
        {"depth": 3, "filters": 4, "bottleneck": 4, "kernel_sizes": [3, 7]},
        ("series",),
    ),
}


def deep(name: str, dataset: Dataset, task: Task) -> Candidate:
    recipe = Recipe.model_validate(
        {
            "data": {"source": "made"},
            "model": {"architecture": name, **DEEP[name][0]},
            "training": {"epochs": 20, "learning_rate": 2e-2},
        }
    )
    return make_deep(recipe, dataset)[0]


def deep_cases() -> list[object]:
    """Classes with every modality, and numbers with the first."""
    assert set(DEEP) == set(ARCHITECTURES)
    cases = [
        (name, modality, task)
        for name, (_, modalities) in DEEP.items()
        for place, modality in enumerate(modalities)
        for task in TASKS[: 1 if place else 2]
    ]
    return [pytest.param((deep, *case), id="-".join(case), marks=pytest.mark.tf) for case in cases]


# Features that a network learns from, and a modality.
ENGINEERED = (
    ("hog", "image"),
    ("tfidf", "text"),
    ("mfcc", "audio"),
    ("catch22", "series"),
    ("tfidf summary", "mixed"),
)


def engineered(features: str, dataset: Dataset, task: Task) -> Candidate:
    recipe = Recipe.model_validate(
        {
            "data": {"source": "made"},
            "model": {"architecture": "mlp", "hidden": [8], "features": features.split()},
            "training": {"epochs": 20, "learning_rate": 2e-2},
        }
    )
    return with_features(make_deep(recipe, dataset), dataset.columns)[0]


def engineered_cases() -> list[object]:
    """Classes with every modality, and numbers with the last, which has all kinds of columns."""
    cases = [(*pair, "classification") for pair in ENGINEERED] + [(*ENGINEERED[-1], "regression")]
    return [
        pytest.param((engineered, *case), id="-".join(("mlp", *case)), marks=pytest.mark.tf)
        for case in cases
    ]


CANDIDATES = [*classic_cases(), *deep_cases(), *engineered_cases()]


@dataclass(frozen=True)
class Case:
    """A candidate, the rows it is tried on, and the candidate fitted to them."""

    candidate: Candidate
    dataset: Dataset
    fitted: Fitted

    @property
    def is_classification(self) -> bool:
        return self.dataset.target.task == "classification"

    @property
    def test(self) -> pd.DataFrame:
        return self.dataset.frame.iloc[TEST]


def fit(candidate: Candidate, dataset: Dataset) -> Fitted:
    train, validation = dataset.take(TRAIN), dataset.take(VALIDATION)
    return candidate.fit(train, validation, FitContext(3))


@cache
def make_case(
    make: Callable[[str, Dataset, Task], Candidate], name: str, modality: str, task: Task
) -> Case:
    dataset = MODALITIES[modality](task)
    candidate = make(name, dataset, task)
    fitted = fit(candidate, dataset)
    untouched = MODALITIES[modality](task)  # fitting leaves its rows alone
    assert digest_dataset(dataset) == digest_dataset(untouched)
    return Case(candidate, dataset, fitted)


@pytest.fixture(params=CANDIDATES)
def case(request: pytest.FixtureRequest) -> Case:
    return make_case(*request.param)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that wait for each other's turn are what makes small fits slow on a busy machine."""
    with limited_threads(1):
        yield


def test_one_finite_prediction_per_row(case: Case) -> None:
    values = case.fitted.predict(case.test).values
    assert values.dtype == np.float64
    assert np.isfinite(values).all()
    assert values.shape == ((len(TEST), len(LABELS)) if case.is_classification else (len(TEST),))


def test_probabilities_sum_to_one(case: Case) -> None:
    if case.is_classification:
        values = case.fitted.predict(case.test).values
        assert (values >= 0).all()
        np.testing.assert_allclose(values.sum(axis=1), 1, atol=1e-6)


def test_the_pattern_is_found(case: Case) -> None:
    """Only the floor says the same for every row."""
    values = case.fitted.predict(case.test).values
    if case.is_classification:
        values = values @ np.arange(len(LABELS))
    if case.candidate.name == "dummy":
        assert np.ptp(values) == pytest.approx(0)
    else:
        assert np.corrcoef(values, case.dataset.y[TEST])[0, 1] > 0.5


def test_the_same_seed_gives_the_same_predictions(case: Case) -> None:
    again = fit(case.candidate, case.dataset).predict(case.test)
    np.testing.assert_array_equal(again.values, case.fitted.predict(case.test).values)


def test_each_row_gets_its_own_prediction(case: Case) -> None:
    forward = case.fitted.predict(case.test).values
    backward = case.fitted.predict(case.test[::-1]).values
    alone = case.fitted.predict(case.test[:1]).values
    np.testing.assert_allclose(backward[::-1], forward, atol=1e-5)
    np.testing.assert_allclose(alone, forward[:1], atol=1e-5)


def test_predicting_leaves_the_frame_alone(case: Case) -> None:
    test = case.dataset.take(TEST)
    case.fitted.predict(test.frame)
    assert digest_dataset(test) == digest_dataset(case.dataset.take(TEST))


def test_unseen_and_missing_values_get_a_prediction(case: Case) -> None:
    if case.dataset.name != "table":
        return
    frame = case.dataset.frame.iloc[:2].copy()
    frame["colour"] = pd.Categorical(["ultraviolet", None])
    frame["town"] = pd.Categorical([None, None], categories=pd.Index([], dtype="str"))
    frame["size (µm)"], frame["noise"] = [1e6, np.nan], [-1e6, np.nan]
    frame["day"] = pd.Series(["2199-12-31", None], dtype="datetime64[us]")
    assert np.isfinite(case.fitted.predict(frame).values).all()


def test_a_class_without_training_rows_keeps_its_column(case: Case) -> None:
    if case.is_classification and case.dataset.name == "table":
        kept = case.dataset.take(np.flatnonzero(case.dataset.y != 1))
        fitted = case.candidate.fit(kept, kept.take(np.arange(20)), FitContext(0))
        values = fitted.predict(case.dataset.frame).values
        assert values.shape == (N_ROWS, 3)
        assert values[:, 1].mean() < 0.1


def test_a_saved_model_predicts_the_same(case: Case, tmp_path: Path) -> None:
    case.fitted.save(tmp_path)
    loaded = saved.load(tmp_path)
    assert (loaded.facts.candidate, loaded.facts.family) == (
        case.candidate.name,
        case.candidate.family,
    )
    assert (loaded.facts.columns, loaded.facts.target) == (
        case.dataset.columns,
        case.dataset.target,
    )
    np.testing.assert_allclose(
        loaded.fitted.predict(case.test).values, case.fitted.predict(case.test).values, atol=1e-6
    )
    assert loaded.fitted.parameters == case.fitted.parameters > 0


def test_a_worker_gets_the_same_candidate(case: Case) -> None:
    again = pickle.loads(pickle.dumps(case.candidate))
    assert (again.name, again.family, again.settings) == (
        case.candidate.name,
        case.candidate.family,
        case.candidate.settings,
    )
