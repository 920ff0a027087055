"""Recipes and small tables for the classic room's tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import numpy as np
import pandas as pd
import pytest

from dlrun.contract.dataset import Column, Dataset, Target
from dlrun.recipe.load import load_recipe
from dlrun.recipe.schema import Recipe
from dlrun.system.cost import limited_threads


@pytest.fixture(scope="package", autouse=True)
def one_thread() -> Iterator[None]:
    """Threads that wait for each other's turn are what makes small fits slow on a busy machine."""
    with limited_threads(1):
        yield


@pytest.fixture
def recipe(tmp_path: Path) -> Callable[[str], Recipe]:
    """Load a recipe whose first three lines are data, source and target."""

    def load(text: str) -> Recipe:
        path = tmp_path / "small.yaml"
        start = "data:\n  source: small.csv\n  target: y\n"
        path.write_text(start + dedent(text), encoding="utf-8")
        return load_recipe(path)

    return load


def numbers_only(target: Target, y: np.ndarray, values: np.ndarray) -> Dataset:
    frame = pd.DataFrame(values, columns=[f"x{i}" for i in range(values.shape[1])])
    columns = tuple(Column(name, "number") for name in frame)
    return Dataset("small", "by hand", columns, target, frame, y, np.arange(len(frame)))


@pytest.fixture
def classes() -> Dataset:
    """60 rows of three numbers and two classes, separated by the first number."""
    values = np.random.default_rng(0).normal(size=(60, 3))
    y = (values[:, 0] > 0).astype(np.int64)
    return numbers_only(Target("y", "classification", ("no", "yes")), y, values)


@pytest.fixture
def prices() -> Dataset:
    """60 rows of three numbers and a price that follows the first two."""
    values = np.random.default_rng(0).normal(size=(60, 3))
    y = 40_000 + 9_000 * values[:, 0] - 3_000 * values[:, 1]
    return numbers_only(Target("y", "regression", dtype="float"), y, values)
