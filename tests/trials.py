"""A small dataset, its splits and tasks for trials on them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from dlrun.classic.candidates import make_candidates
from dlrun.contract.candidate import Candidate
from dlrun.contract.dataset import Column, Dataset, Split, Target
from dlrun.recipe.schema import Recipe
from dlrun.study.trial import TrialTask

METRICS = ("roc_auc", "accuracy")


def make_dataset() -> Dataset:
    values = np.random.default_rng(0).normal(size=(90, 2))
    frame = pd.DataFrame(values, columns=["a", "b"])
    target = Target("y", "classification", ("no", "yes"))
    columns = (Column("a", "number"), Column("b", "number"))
    y = (values[:, 0] > 0).astype(np.int64)
    return Dataset("small", "by hand", columns, target, frame, y, np.arange(90) + 1000)


def make_splits(n: int) -> list[Split]:
    parts = np.array_split(np.random.default_rng(1).permutation(90), 6)
    return [
        Split(0, fold, fold, 10 + fold, np.concatenate(parts[:4]), parts[4], parts[5])
        for fold in range(n)
    ]


def baseline(dataset: Dataset, name: str = "linear") -> Candidate:
    recipe = Recipe.model_validate({"data": {"source": "small.csv"}, "baselines": [name]})
    return make_candidates(recipe, dataset)[-1]


def task(candidate: object, split: Split, **settings: object) -> TrialTask:
    return TrialTask(candidate, split.index, split, METRICS, **settings)  # type: ignore[arg-type]


def tasks(candidate: object, splits: list[Split], folder: Path) -> list[TrialTask]:
    """Make one task for each split; the last saves its model."""
    last = splits[-1]
    return [task(candidate, each, model_folder=folder if each is last else None) for each in splits]
