"""`baselines: auto`: the pairs of features and estimator that are strong on the kind of data."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from dlrun.classic import extras
from dlrun.contract.dataset import Column, Dataset
from dlrun.recipe.features import features_of
from dlrun.recipe.schema import Baseline

TABLE: Final = ("dummy", "linear", "random_forest", "hist_gradient_boosting")
AUTO: Final[Mapping[str, tuple[str | dict[str, Any], ...]]] = {
    # Boosting one tree per class on every pixel takes many times a forest's time.
    "image": (
        "dummy",
        {"name": "linear", "features": "pixels"},
        {"name": "random_forest", "features": "pixels"},
        {"name": "svm", "features": "pixels"},
        {"name": "svm", "features": "hog"},
    ),
    "text": (
        "dummy",
        {"name": "linear", "features": "tfidf"},
        {"name": "linear_svm", "features": "tfidf"},
        {"name": "hist_gradient_boosting", "features": "tfidf"},
    ),
    "audio": (
        "dummy",
        {"name": "linear", "features": "mfcc"},
        {"name": "random_forest", "features": "mfcc"},
        {"name": "svm", "features": "mfcc"},
    ),
    "series": (
        "dummy",
        {"name": "linear", "features": "flat"},
        {"name": "random_forest", "features": "flat"},
        {"name": "svm", "features": "flat"},
        {"name": "random_forest", "features": "catch22"},
        "mini_rocket",
    ),
}
"""For columns of one type. Tables and mixtures of types get `TABLE`, on everything there is."""


def choose_baselines(dataset: Dataset) -> tuple[list[Baseline], list[str]]:
    """Choose the baselines for a dataset out of those whose packages are installed.

    Returns:
        The baselines, and a sentence for each package that keeps some of them out.
    """
    kinds = {column.type for column in dataset.columns}
    listed = AUTO.get(kinds.pop(), TABLE) if len(kinds) == 1 else TABLE
    chosen, left_out = [], dict[str, list[str]]()
    for one in listed:
        baseline = Baseline.model_validate({"name": one} if isinstance(one, str) else one)
        errors = extras.missing(features_made(baseline, dataset.columns))
        if errors:
            left_out.setdefault(str(errors[0]), []).append(baseline.title)
        else:
            chosen.append(baseline)
    notes = [f"Baselines left out: {', '.join(out)}. {why}" for why, out in left_out.items()]
    return chosen, notes


def features_made(baseline: Baseline, columns: Iterable[Column]) -> tuple[str, ...]:
    """Return what a baseline makes of columns; the floor looks at nothing."""
    kinds = () if baseline.name == "dummy" else (column.type for column in columns)
    return features_of(kinds, baseline.all_features)
