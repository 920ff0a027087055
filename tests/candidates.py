"""Candidates of both sides, for the checks of `dlrun.testing` that every one must pass."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from functools import cache
from importlib.util import find_spec

import numpy as np
import pandas as pd
import pytest
from modalities import MODALITIES
from toy_backbones import toys_in_place

from dlrun.catalog.architectures import ARCHITECTURES
from dlrun.catalog.baselines import BASELINES
from dlrun.catalog.features import FEATURES
from dlrun.classic.candidates import make_candidates as make_classic
from dlrun.classic.estimators import builders
from dlrun.classic.extras import is_installed
from dlrun.contract.candidate import Candidate
from dlrun.contract.dataset import Dataset
from dlrun.deep.candidates import make_candidates as make_deep
from dlrun.recipe.schema import Recipe
from dlrun.study.feature_networks import with_features
from dlrun.system.cost import limited_threads
from dlrun.testing.candidates import CANDIDATE_CHECKS, CandidateCase

TASKS = ("classification", "regression")
# One wrapper and one head serve all candidates of a label set; these differ in what they are given.
WITH_LABEL_SETS = ("dummy", "linear", "linear_svm", "knn", "lightgbm", "mlp", "tabm")
TRAINING = {"epochs": 20, "learning_rate": 2e-2, "deterministic": True}
FEWER_EPOCHS = {"rnn": 8, "transformer": 8}  # theirs take longest, and these are enough
SMALLER = {
    "random_forest": {"n_estimators": 20},
    "extra_trees": {"n_estimators": 20},
    "ebm": {"outer_bags": 1, "max_rounds": 300, "learning_rate": 0.1},
}


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


def classic(name: str, dataset: Dataset, task: str) -> Candidate:
    """Make the candidate of a baseline's name, or of `name features`."""
    name, _, features = name.partition(" ")
    baseline = {"name": name, **SMALLER.get(name, {}), "features": features.split()}
    recipe = Recipe.model_validate({"data": {"source": "made"}, "baselines": [baseline]})
    return make_classic(recipe, dataset)[-1]


def _marks(name: str) -> tuple[pytest.MarkDecorator, ...]:
    is_missing = name == "ebm" and not is_installed("interpret")
    without = (pytest.mark.skip(reason="interpret is not installed"),) if is_missing else ()
    return (*((pytest.mark.slow,) if HEAVY & {*name.split()} else ()), *without)


def classic_cases() -> list[object]:
    """Tables with every baseline, and every feature on what it is made of."""
    # From raw samples no estimator learns the tone of a sound.
    computed = {row.name for row in FEATURES.values() if not row.is_learned} - {"waveform"}
    assert {word for pair, *_ in FEATURE_PAIRS for word in pair.split()} >= computed
    cases = [
        (name, ("table", "ordered", "seasonal")[BASELINES[name].n_lags], task)
        for task in TASKS
        for name in builders(task)
        if not BASELINES[name].features
    ]
    cases += [(name, "table", "multilabel") for name in WITH_LABEL_SETS if name in BASELINES]
    cases += [
        (name, modality, task)
        for name, modality, is_number in FEATURE_PAIRS
        for task in TASKS[: 1 + is_number]
    ]
    return [
        pytest.param((classic, *case), id="-".join(case), marks=_marks(case[0])) for case in cases
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
        ("text", "image", "series", "mixed"),
    ),
    "fcn": ({"filters": [8, 8], "kernel_sizes": [5, 3]}, ("series", "audio")),
    "cnn": ({"filters": [8, 8], "dropout": 0.1}, ("image", "audio", "series")),
    "resnet": ({"depth": 8, "width": 8}, ("image",)),
    "pretrained": ({}, ("text", "image", "audio")),
    "inception_time": (
        {"depth": 3, "filters": 4, "bottleneck": 4, "kernel_sizes": [3, 7]},
        ("series",),
    ),
}


def deep(name: str, dataset: Dataset, task: str) -> Candidate:
    recipe = Recipe.model_validate(
        {
            "data": {"source": "made"},
            "model": {"architecture": name, **DEEP[name][0]},
            "training": {**TRAINING, "epochs": FEWER_EPOCHS.get(name, TRAINING["epochs"])},
        }
    )
    return make_deep(recipe, dataset)[0]


def deep_cases() -> list[object]:
    """Classes with every modality, and numbers with the first."""
    assert set(DEEP) == {row.name for row in ARCHITECTURES.values() if row.is_trained}
    cases = [
        (name, modality, task)
        for name, (_, modalities) in DEEP.items()
        for place, modality in enumerate(modalities)
        for task in TASKS[: 1 if place else 2]
    ]
    cases += [(name, "table", "multilabel") for name in WITH_LABEL_SETS if name in DEEP]
    return [pytest.param((deep, *case), id="-".join(case), marks=pytest.mark.tf) for case in cases]


# Features that a network learns from, and a modality.
ENGINEERED = (
    ("hog", "image"),
    ("tfidf", "text"),
    ("mfcc", "audio"),
    ("catch22", "series"),
    ("tfidf summary", "mixed"),
)


def engineered(features: str, dataset: Dataset, task: str) -> Candidate:
    recipe = Recipe.model_validate(
        {
            "data": {"source": "made"},
            "model": {"architecture": "mlp", "hidden": [8], "features": features.split()},
            "training": TRAINING,
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


@cache
def make_case(
    make: Callable[[str, Dataset, str], Candidate], name: str, modality: str, task: str
) -> CandidateCase:
    dataset = MODALITIES[modality](task)
    return CandidateCase(make(name, dataset, task), dataset)


def check_unseen_and_missing_values(case: CandidateCase) -> None:
    """Check that values which no training row has get a prediction."""
    if case.dataset.name != "table":
        return
    frame = case.dataset.frame.iloc[:2].copy()
    frame["colour"] = pd.Categorical(["ultraviolet", None])
    frame["town"] = pd.Categorical([None, None], categories=pd.Index([], dtype="str"))
    frame["size (µm)"], frame["noise"] = [1e6, np.nan], [-1e6, np.nan]
    frame["day"] = pd.Series(["2199-12-31", None], dtype="datetime64[us]")
    assert np.isfinite(case.fitted.predict(frame).values).all()


CHECKS = (*CANDIDATE_CHECKS, check_unseen_and_missing_values)


@pytest.fixture(scope="module")
def toys() -> Iterator[None]:
    """Weights of pretrained networks need not be installed."""
    with toys_in_place():
        yield


@pytest.fixture(scope="module")
def python_convolutions() -> None:
    """Convolutions of series run as Python: compiling them takes a minute."""
    if not find_spec("aeon"):
        return
    numba = pytest.importorskip("numba")
    importlib.import_module("aeon.transformations.collection")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(numba.config, "DISABLE_JIT", True)
        importlib.import_module("aeon.transformations.collection.convolution_based")


@pytest.fixture(scope="module")
def few_kernels(python_convolutions: None) -> Iterator[None]:
    """Python is slow, so there are few convolutions."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dlrun.classic.features.series.MAX_NUMBERS", 1)
        yield


@pytest.fixture(scope="module")
def one_thread() -> Iterator[None]:
    """Threads that wait for each other's turn are what makes small fits slow on a busy machine."""
    with limited_threads(1):
        yield
