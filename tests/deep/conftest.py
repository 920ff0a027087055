"""Small datasets and recipes for the deep room's tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from alone import KerasAlone
from alone import keras_alone as start_keras_alone

from dlrun.contract.candidate import Epoch, FitContext, OnEpoch, always_continue
from dlrun.contract.dataset import Column, Dataset, Target
from dlrun.deep.candidates import make_candidates
from dlrun.recipe.schema import Recipe


def _dataset(frame: pd.DataFrame, types: dict[str, str], target: Target, y) -> Dataset:
    columns = tuple(Column(name, kind) for name, kind in types.items())
    rows = np.arange(len(frame))
    return Dataset("small", "by hand", columns, target, frame, np.asarray(y), rows)


@pytest.fixture(scope="session")
def breast_cancer() -> Dataset:
    """569 rows of 30 numbers, two classes."""
    from sklearn.datasets import load_breast_cancer

    data = load_breast_cancer(as_frame=True)
    frame = data.data.astype(np.float64)
    target = Target("target", "classification", ("malignant", "benign"))
    return _dataset(frame, dict.fromkeys(frame, "number"), target, data.target.astype(np.int64))


@pytest.fixture(scope="session")
def diabetes() -> Dataset:
    """442 rows of 10 numbers, the target a number from 25 to 346."""
    from sklearn.datasets import load_diabetes

    data = load_diabetes(as_frame=True)
    frame = data.data.astype(np.float64)
    target = Target("target", "regression")
    return _dataset(frame, dict.fromkeys(frame, "number"), target, data.target.astype(np.float64))


def make_mixed(n_rows: int = 240) -> Dataset:
    """Rows of every column type with missing values and awkward names, three classes."""
    rng = np.random.default_rng(7)
    colours = rng.choice(["red", "grün", "青", ""], n_rows)
    towns = np.array([f"town {i}" for i in rng.integers(0, 30, n_rows)], dtype=object)
    width = rng.normal(5e9, 3.0, n_rows)
    seconds = rng.integers(0, 10**9, n_rows)
    code = (width > 5e9).astype(np.int64) + (colours == "red")
    width[::11], towns[::7] = np.nan, None
    dates = pd.Series(seconds.astype("datetime64[s]").astype("datetime64[us]"))
    dates[::13] = pd.NaT
    frame = pd.DataFrame(
        {
            "a/b": width,
            "a_b": rng.normal(size=n_rows),
            "Größe (µm)": np.full(n_rows, np.nan),
            "colour": pd.Categorical(pd.Series(colours).replace("", None)),
            "town": pd.Categorical(towns),
            "only one": pd.Categorical(["x"] * n_rows),
            "when?": dates,
        }
    )
    types = dict(zip(frame, ["number"] * 3 + ["category"] * 3 + ["datetime"], strict=True))
    target = Target("kind", "classification", ("low", "middle", "high"))
    return _dataset(frame, types, target, code)


@pytest.fixture(scope="session")
def mixed() -> Dataset:
    return make_mixed()


def make_recipe(**sections: Any) -> Recipe:
    """Make a recipe that trains a tiny network for an epoch."""
    model = sections.pop("model", {"architecture": "mlp", "hidden": [4]})
    training = {"epochs": 1, "batch_size": 64, **sections.pop("training", {})}
    values = {"data": {"source": "small.csv", "target": "y"}, **sections}
    return Recipe.model_validate({**values, "model": model, "training": training})


@pytest.fixture(scope="session")
def recipe() -> Callable[..., Recipe]:
    return make_recipe


def train(
    dataset: Dataset,
    *,
    seed: int = 0,
    recipe: Recipe | None = None,
    on_epoch: OnEpoch = always_continue,
    seconds: float | None = None,
    **sections: Any,
) -> Any:
    """Train the recipe's only model on two thirds of the rows.

    Returns:
        fitted, epochs, and the datasets train, validation and test.
    """
    (candidate,) = make_candidates(recipe or make_recipe(**sections), dataset)
    order = np.random.default_rng(3).permutation(len(dataset))
    cuts = [len(order) * 4 // 6, len(order) * 5 // 6]
    parts = [dataset.take(rows) for rows in np.split(order, cuts)]
    epochs: list[Epoch] = []

    def record(epoch: Epoch) -> bool:
        epochs.append(epoch)
        return on_epoch(epoch)

    fitted = candidate.fit(parts[0], parts[1], FitContext(seed, record, seconds=seconds))
    named = dict(zip(("train", "validation", "test"), parts, strict=True))
    return SimpleNamespace(fitted=fitted, epochs=epochs, **named)


@pytest.fixture(scope="session")
def trained() -> Callable[..., Any]:
    return train


@pytest.fixture(scope="session")
def keras_alone() -> Iterator[KerasAlone]:
    """A process in which Keras loads networks without dlrun."""
    with start_keras_alone() as process:
        yield process
