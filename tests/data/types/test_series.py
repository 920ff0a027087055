from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dlrun.contract.dataset import Column
from dlrun.data.dataset import read_dataset
from dlrun.data.profile import describe
from dlrun.data.types.cast import cast_columns, find_shapes
from dlrun.data.types.decode import as_cells
from dlrun.errors import DataError
from dlrun.recipe.preprocessing import Preprocessing

LONG = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]  # two channels of three steps
SHORT = [[7.0], [8.0]]


def read(raw: list[Any], **settings: Any) -> tuple[Column, list[np.ndarray], list[str]]:
    frame = pd.DataFrame({"curve": as_cells(raw, len(raw))})
    preprocessing = Preprocessing.model_validate({"series": settings})
    columns, notes = find_shapes([Column("curve", "series")], frame, [], preprocessing)
    typed = cast_columns(frame, columns)["curve"].tolist()
    for cell in typed:
        assert cell.dtype == np.float32
        assert cell.shape[1:] == columns[0].shape[1:]
        assert len(cell) <= columns[0].shape[0]
    return columns[0], typed, [note.text for note in notes]


@pytest.mark.parametrize(
    "write", [list, np.array, tuple, json.dumps, lambda x: as_cells(map(np.array, x), len(x))]
)
def test_lists_of_channels_become_steps(write: Any) -> None:
    column, cells, notes = read([write(LONG), write(SHORT), None])
    assert column == Column("curve", "series", (3, 2))
    np.testing.assert_array_equal(cells[0], [[1, 4], [2, 5], [3, 6]])
    np.testing.assert_array_equal(cells[1], [[7, 8]])
    assert cells[2].shape == (0, 2)
    assert notes == []


def test_plain_lists_are_one_channel() -> None:
    column, cells, _ = read([[1, 2, None], np.array([5.0]), "[1, NaN, -Infinity]", []])
    assert column == Column("curve", "series", (3, 1))
    np.testing.assert_array_equal(cells[0], [[1], [2], [np.nan]])
    np.testing.assert_array_equal(cells[1], [[5]])
    np.testing.assert_array_equal(cells[2], [[1], [np.nan], [np.nan]])
    assert cells[3].shape == (0, 1)


def test_a_length_that_is_set_cuts() -> None:
    column, cells, notes = read([LONG, SHORT, LONG], length=2)
    assert column.shape == (2, 2)
    np.testing.assert_array_equal(cells[0], [[1, 4], [2, 5]])
    assert notes == [
        "Column 'curve': 2 of 3 series are cut after 2 steps (preprocessing.series.length)."
    ]
    column, cells, notes = read([LONG], length=9)
    assert (column.shape, len(cells[0]), notes) == ((9, 2), 3, [])


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        (
            [[1.0], [2.0], [3.0]],
            "holds [[1.0], [2.0], [3.0]], which has 3 channels, but must have 2, as a list of "
            "channels, each a list of steps",
        ),
        ([[1.0], [2.0, 3.0]], "which has lists of different lengths, such as 1 and 2"),
        ("a, b", "holds 'a, b', which is neither a list of numbers nor one in JSON"),
        ('{"a": 1}', "which is no list of numbers"),
        (3.5, "holds 3.5, which is no list of numbers"),
        ([[[1.0]]], "which has the shape (1, 1, 1), but must be (channels, steps) or (steps,)"),
        (["x"], "which holds a list of something other than numbers"),
    ],
)
def test_what_is_no_series_is_named_with_its_row(cell: Any, message: str) -> None:
    with pytest.raises(DataError) as caught:
        read([LONG, LONG, cell])
    assert str(caught.value).startswith("column 'curve' is of type series, but row 3 holds ")
    assert message in str(caught.value)
    assert str(caught.value).endswith(". Replace it or leave it out.")


@pytest.mark.parametrize("suffix", ["parquet", "csv"])
def test_list_columns_come_from_tables(make_recipe: Any, suffix: str) -> None:
    table = pd.DataFrame({"curve": [LONG, SHORT, None, LONG], "y": list("abab")})
    if suffix == "csv":
        table["curve"] = [cell and json.dumps(cell) for cell in table["curve"]]
    dataset = read_dataset(make_recipe({"target": "y"}, table=table, suffix=suffix))
    assert dataset.columns == (Column("curve", "series", (3, 2)),)
    assert [len(cell) for cell in dataset.frame["curve"]] == [3, 1, 0, 3]
    facts = describe(dataset).columns[0]
    assert (facts.n_missing, facts.n_unique, facts.values) == (1, 2, "1–3 steps, 2 channels")


# ------------------------------------------------------------------------- series in columns

WIDE = pd.DataFrame(
    {
        "t0": [1.0, 2.0, None, 4.0],
        "t1": [5, 6, 7, 8],
        "t2": [9.0, None, None, np.inf],
        "age": [30, 40, 50, 60],
        "y": list("abab"),
    }
)


@pytest.mark.parametrize("steps", [["t0…t2"], ["t0...t2"], ["t0", "t1", "t2"], ["t0…t1", "t2"]])
def test_columns_become_the_steps_of_a_series(make_recipe: Any, steps: list[str]) -> None:
    features = {"ecg": {"series": steps}, "age": "number"}
    dataset = read_dataset(make_recipe({"target": "y", "features": features}, table=WIDE))
    ecg, age = dataset.columns
    assert ecg == Column("ecg", "series", (3, 1), parts=("t0", "t1", "t2"))
    assert age == Column("age", "number")
    cells = [cell[:, 0].tolist() for cell in dataset.frame["ecg"]]
    assert cells[:2] == [[1, 5, 9], [2, 6]]  # what is missing at the end is padding
    np.testing.assert_array_equal(cells[2], [np.nan, 7])
    assert cells[3] == [4, 8]
    assert dataset.notes == ()


def test_the_short_way_to_write_it_names_the_series_so(make_recipe: Any) -> None:
    recipe = make_recipe({"target": "y", "features": {"series": ["t0…t2"]}}, table=WIDE)
    dataset = read_dataset(recipe)
    assert [column.name for column in dataset.columns] == ["series"]
    assert [note.text for note in dataset.notes] == [
        "Not listed in data.features, so not used: 'age'."
    ]


def test_a_wide_series_is_cut_at_the_length_that_is_set(make_recipe: Any) -> None:
    recipe = make_recipe(
        {"target": "y", "features": {"series": ["t0…t2"]}},
        table=WIDE,
        preprocessing={"series": {"length": 2}},
    )
    dataset = read_dataset(recipe)
    assert dataset.columns[0].shape == (2, 1)
    assert [len(cell) for cell in dataset.frame["series"]] == [2, 2, 2, 2]
    assert dataset.notes[1].text == (
        "Column 'series': all series are cut after 2 steps (preprocessing.series.length)."
    )


def test_a_row_without_any_step_is_missing(make_recipe: Any) -> None:
    table = WIDE.assign(t0=[None, 2, 3, 4], t1=[None, 2, 3, 4], t2=[None, 2, 3, 4])
    recipe = make_recipe({"target": "y", "features": {"series": ["t0…t2"]}}, table=table)
    cells = read_dataset(recipe).frame["series"]
    assert cells[0].shape == (0, 1)


@pytest.mark.parametrize(
    ("features", "message"),
    [
        (
            {"ecg": {"series": ["t0…t3"]}},
            "recipe.yaml:5: data.features.ecg: there is no column 't3'. "
            "Columns: t0, t1, t2, age, y",
        ),
        (
            {"ecg": {"series": ["t0", "y"]}},
            "recipe.yaml:4: data.features: 'y' is the target. Take it off this list.",
        ),
        (
            {"ecg": {"series": ["t0", "word"]}},
            "recipe.yaml:4: data.features: column 'word' is of type number, but row 1 holds 'a' "
            "(4 such rows in all). Leave the cell empty where it is missing, or list what stands "
            "there in data.na.",
        ),
    ],
)
def test_columns_that_make_no_series(
    make_recipe: Any, features: dict[str, Any], message: str
) -> None:
    table = WIDE if "word" not in features["ecg"]["series"] else WIDE.assign(word=list("abcd"))
    with pytest.raises(DataError) as caught:
        read_dataset(make_recipe({"target": "y", "features": features}, table=table))
    assert str(caught.value) == message
