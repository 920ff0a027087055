from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from dlrun.catalog.notes import GUESSED_TASK
from dlrun.contract.dataset import Target
from dlrun.data.targets import target_kind
from dlrun.data.targets.read import read_target
from dlrun.errors import DataError


def is_present(found: Any) -> Any:
    return target_kind(found.target.task).is_present(found.y)


@pytest.fixture
def read(make_recipe: Any) -> Any:
    def typed(values: Any, task: str | None = None) -> Any:
        recipe = make_recipe({"source": "table.csv", "target": "y"}, task=task)
        return read_target(recipe, pd.Series(values, name="y"))

    return typed


@pytest.mark.parametrize(
    ("values", "labels", "dtype"),
    [
        (["no", "yes", "no"], ("no", "yes"), "str"),
        ([True, False, True], ("False", "True"), "bool"),
        ([True, None, False], ("False", "True"), "bool"),
        (pd.Categorical(["b", "a"], categories=["b", "a"]), ("a", "b"), "str"),
        (pd.Categorical([2, 10]), ("2", "10"), "int"),
        (["class10", "class9", "class1"], ("class1", "class9", "class10"), "str"),
        (["10", "9", "-1", "x", "1.5"], ("-1", "1.5", "9", "10", "x"), "str"),
        ([0, 1] * 5, ("0", "1"), "int"),
        ([0.0, 1.0, np.nan, 1.0], ("0", "1"), "int"),
        ([-1, 1, 1], ("-1", "1"), "int"),
        ([10, 2, 3] * 20, ("2", "3", "10"), "int"),
    ],
)
def test_words_booleans_and_few_whole_numbers_are_classes(
    read: Any, values: Any, labels: tuple[str, ...], dtype: str
) -> None:
    y = read(values)
    assert y.target == Target("y", "classification", labels, dtype)
    names = [labels[code] if code >= 0 else None for code in y.y]
    assert names == [
        None if pd.isna(value) else str(int(value) if dtype == "int" else value) for value in values
    ]
    assert is_present(y).tolist() == [name is not None for name in names]
    assert y.y.dtype == np.int64


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        (list(range(30)), "int"),
        ([1, 2, 3], "int"),  # three of three values: too many beside the rows
        ([*range(12)] * 30 + [12], "int"),  # a tail, as that of rings, rooms or grades
        ([0.5, 1.5, 0.5, 1.5], "float"),
        ([1.0, 2.0, 1.0, 2.0], "float"),
    ],
)
def test_other_numbers_are_numbers(read: Any, values: Any, dtype: str) -> None:
    y = read(values)
    assert y.target == Target("y", "regression", (), dtype)
    assert y.y.tolist() == values
    assert y.y.dtype == np.float64


def test_the_recipe_decides_the_task(read: Any) -> None:
    assert read([0, 1, 1], "regression").y.tolist() == [0.0, 1.0, 1.0]
    assert read(["1.5", "2"], "regression").y.tolist() == [1.5, 2.0]
    assert read([1.5, 2.0, 1.5], "classification").target.labels == ("1.5", "2")


def test_infinite_targets_are_missing(read: Any) -> None:
    assert is_present(read([1.5, np.inf, 2.5])).tolist() == [True, False, True]


def test_only_whole_numbers_taken_for_classes_are_worth_a_note(read: Any) -> None:
    assert read([1, 2, 3] * 20).notes == (
        GUESSED_TASK.note(
            "'y' has 3 different whole numbers, which are taken for classes; if they are "
            "amounts, set task: regression."
        ),
    )
    assert read([1, 2, 3] * 20, "classification").notes == ()
    assert read([0, 1] * 20).notes == ()


@pytest.mark.parametrize(
    ("values", "task", "message"),
    [
        ([None, None], None, "column 'y' is empty in every row."),
        ([np.inf, None], None, "column 'y' has no finite value."),
        (
            ["no", "no", None],
            None,
            "column 'y' is 'no' in every row: there is nothing to learn. It needs two different "
            "values at least.",
        ),
        (
            [3, 3],
            "regression",
            "column 'y' is '3.0' in every row: there is nothing to learn. It needs two different "
            "values at least.",
        ),
        (
            pd.to_datetime(["2013-01-31", "2013-02-01"]),
            None,
            "column 'y' holds dates, which cannot be predicted. A target holds classes or numbers.",
        ),
        (
            [[1, 2], [3, 4]],
            None,
            "column 'y' holds series, which cannot be predicted. A target holds classes or "
            "numbers.",
        ),
        (
            ["1.5", "cheap", None, "dear"],
            "regression",
            "column 'y' is of type number, but row 2 holds 'cheap' (2 such rows in all). Leave the "
            "cell empty where it is missing, or list what stands there in data.na. Or set task: "
            "classification.",
        ),
    ],
)
def test_targets_that_cannot_be_learned(
    read: Any, values: Any, task: str | None, message: str
) -> None:
    with pytest.raises(DataError) as caught:
        read(values, task)
    assert str(caught.value) == f"recipe.yaml:3: data.target: {message}"
