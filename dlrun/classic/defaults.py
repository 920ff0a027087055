"""`baselines: auto`: pairs of an estimator and features that are strong on the type of data."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from dlrun.catalog.baselines import BASELINES, DUMMY
from dlrun.catalog.columns import COLUMN_KINDS
from dlrun.catalog.notes import MISSING_PACKAGES
from dlrun.classic import extras
from dlrun.contract.dataset import Column, Dataset
from dlrun.contract.note import Note
from dlrun.recipe.baseline import BaselineSettings
from dlrun.recipe.features import features_of

TABLE: Final = ("linear", "random_forest", "hist_gradient_boosting")
SMALL_TABLE: Final = (*TABLE, "svm", "extra_trees", "slow_gradient_boosting")
MAX_ROWS: Final = 10_000  # of a small table: up to here a fit of each takes two seconds or less
MAX_CELLS: Final = 1_000_000
AUTO: Final = {
    # Boosting one tree per class on every pixel takes many times a forest's time.
    "image": ("linear pixels", "random_forest pixels", "svm pixels", "svm hog"),
    "text": ("linear tfidf", "linear_svm tfidf", "hist_gradient_boosting tfidf"),
    "audio": ("linear mfcc", "random_forest mfcc", "svm mfcc"),
    "series": (
        "linear flat", "random_forest flat", "svm flat", "random_forest catch22", "mini_rocket",
    ),
}  # fmt: skip
"""For columns of one type, baselines and their features; any other table gets `TABLE`, and a
small one of single values `SMALL_TABLE`."""


def choose_baselines(dataset: Dataset) -> tuple[list[BaselineSettings], list[Note]]:
    """Choose the baselines for a dataset, of those whose packages are installed.

    Returns:
        The baselines, and a note for each missing package that names what it excludes.
    """
    types = {column.type for column in dataset.columns}
    listed = AUTO.get(next(iter(types)), ()) if len(types) == 1 else ()
    listed = listed or (SMALL_TABLE if _is_small_table(dataset) else TABLE)
    n_lags = len(dataset.history)
    naive = [row.name for row in BASELINES.values() if 0 < row.n_lags <= n_lags]
    chosen = [BaselineSettings(name=name) for name in (DUMMY, *naive)]
    left_out = dict[str, list[str]]()
    for name, _, feature in (one.partition(" ") for one in listed):
        baseline = BaselineSettings(name=name, features=[feature] if feature else None)
        errors = extras.missing(features_made(baseline, dataset.columns))
        if errors:
            left_out.setdefault(str(errors[0]), []).append(baseline.title)
        else:
            chosen.append(baseline)
    return chosen, [
        MISSING_PACKAGES.note(f"Baselines left out: {', '.join(out)}. {why}")
        for why, out in left_out.items()
    ]


def _is_small_table(dataset: Dataset) -> bool:
    is_table = all(COLUMN_KINDS[column.type].is_grouped for column in dataset.columns)
    is_single = dataset.y.ndim == 1  # not a classifier for every label
    is_small = len(dataset) <= MAX_ROWS and len(dataset) * len(dataset.columns) <= MAX_CELLS
    return is_table and is_single and is_small and not dataset.stream


def features_made(baseline: BaselineSettings, columns: Iterable[Column]) -> tuple[str, ...]:
    """Return the features that a baseline computes from columns; none if it ignores them."""
    row = BASELINES.get(baseline.estimator_name)
    ignores = baseline.estimator_name == DUMMY or (row and row.n_lags)
    types = () if ignores else (column.type for column in columns)
    return features_of(types, baseline.all_features)
