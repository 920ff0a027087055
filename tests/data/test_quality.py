from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from dlrun.data.dataset import read_dataset

N = 2000
RNG = np.random.default_rng(0)
BASE = pd.DataFrame(
    {"x": RNG.normal(size=N), "c": RNG.choice(list("abc"), N), "y": RNG.choice(["no", "yes"], N)}
)


def notes_of(make_recipe: Any, target: str = "y", **columns: Any) -> list[str]:
    table = BASE.assign(**columns)
    return [note.text for note in read_dataset(make_recipe({"target": target}, table=table)).notes]


def test_sound_data_has_no_notes(make_recipe: Any) -> None:
    assert notes_of(make_recipe) == []
    assert notes_of(make_recipe, target="x") == []


def test_constant_columns_are_named(make_recipe: Any) -> None:
    late = np.where(np.arange(N) == N - 1, 1, 0)
    assert notes_of(make_recipe, one=1.5, word="w", gap=["w", *[None] * (N - 1)], late=late) == [
        "Constant, so of no help: 'one', 'word', 'gap'."
    ]


def test_counters_and_names_of_rows_are_named(make_recipe: Any) -> None:
    counter = np.arange(N) + 17
    broken = np.where(np.arange(N) == N - 1, 0, counter)
    names = [f"n{n}" for n in range(N)]
    twice = [f"n{n // 2}" for n in range(N)]
    assert notes_of(make_recipe, id=counter, name=names, broken=broken, twice=twice) == [
        "Different in every row, as a name or a counter is: 'id', 'name'. If they identify rows, "
        "set them in data.exclude."
    ]


NOISE = RNG.normal(size=N)
IS_YES = (BASE["y"] == "yes").to_numpy()
LEAK = (
    "Column 'leak' alone gives the target {!r}: a leak, unless it is known before the target is. "
    "See data.exclude."
)


@pytest.mark.parametrize(
    "leak",
    [
        BASE["y"].map({"no": "a", "yes": "b"}),
        BASE["y"].map({"no": 7.5, "yes": 1.5}),
        IS_YES ^ (np.arange(N) == N - 1),
        np.where(IS_YES, "paid in " + BASE["c"], "late"),
        np.where(IS_YES, 3 + abs(NOISE), abs(NOISE)),
        np.where(IS_YES, NOISE, np.nan),
    ],
    ids=["words", "numbers", "but for a row", "several words", "a threshold", "where missing"],
)
def test_a_column_that_separates_the_classes_is_a_leak(make_recipe: Any, leak: Any) -> None:
    assert notes_of(make_recipe, leak=leak) == [LEAK.format("y")]


@pytest.mark.parametrize(
    "strong",
    [IS_YES ^ (np.arange(N) < 0.05 * N), np.where(IS_YES, NOISE + 3, NOISE)],
    ids=["5 % differ", "the classes overlap"],
)
def test_a_strong_column_is_no_leak(make_recipe: Any, strong: Any) -> None:
    assert notes_of(make_recipe, strong=strong) == []


@pytest.mark.parametrize("leak", [BASE["x"], 32 + 1.8 * BASE["x"], np.exp(3 * BASE["x"])])
def test_a_column_that_follows_the_numbers_is_a_leak(make_recipe: Any, leak: Any) -> None:
    assert notes_of(make_recipe, target="x", leak=leak) == [LEAK.format("x")]


def test_a_column_that_nearly_follows_the_numbers_is_no_leak(make_recipe: Any) -> None:
    assert notes_of(make_recipe, target="x", strong=BASE["x"] + 0.1 * NOISE) == []


def test_cells_of_arrays_and_texts_are_looked_at_too(make_recipe: Any) -> None:
    rows = range(20)
    table = pd.DataFrame(
        {
            "flat": ["[1, 2, 3]"] * 20,
            "curve": [f"[{n}, 2, 3]" for n in rows],
            "words": ["the same in every row"] * 20,
            "leak": ["it says no here" if n % 2 else "it says yes here" for n in rows],
            "y": ["no" if n % 2 else "yes" for n in rows],
        }
    )
    features = {"flat": "series", "curve": "series", "words": "text", "leak": "text"}
    recipe = make_recipe({"target": "y", "features": features}, table=table)
    assert [note.text for note in read_dataset(recipe).notes] == [
        "Constant, so of no help: 'flat', 'words'.",
        LEAK.format("y"),
    ]


def test_very_many_categories_say_what_they_cost(make_recipe: Any) -> None:
    many = [f"n{n % 1001}" for n in range(N)]
    nearly = [f"n{n}" if n % 10 else "often" for n in range(N)]
    assert notes_of(make_recipe, enough=[f"n{n % 1000}" for n in range(N)]) == []
    first, second = notes_of(make_recipe, many=many, nearly=nearly)
    assert first.startswith(
        "Column 'many' has 1,001 different categories, 2 of them in one row only, of which nothing "
        "is learned. One-hot they take 15 MB where an estimator needs them dense"
    )
    assert second.startswith("Column 'nearly' has 1,801 different categories, 1,800 of them in one")
