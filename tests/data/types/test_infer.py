from __future__ import annotations

import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dlrun.contract.dataset import Column
from dlrun.data.types.cast import cast_columns
from dlrun.data.types.category import category_name
from dlrun.data.types.infer import infer_type
from dlrun.errors import DataError

PROSE = [f"The {n}th film of this series is worth a look" for n in range(10)]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2, 3], "number"),
        ([0, 1, 0], "number"),
        ([1.5, None], "number"),
        ([Decimal("1.5"), None], "number"),
        ([datetime.timedelta(hours=1)], "number"),
        ([None, None], "number"),
        ([True, False], "category"),
        ([True, None], "category"),
        (["a", "b", None], "category"),
        (["1", "2", "3"], "category"),
        (["1", 2, True], "category"),
        ([f"{n:05}" for n in range(50)], "category"),
        ([datetime.time(9, 30)], "category"),
        (pd.Categorical(["2013-01-01"]), "category"),
        ([datetime.date(2013, 1, 31), None], "datetime"),
        ([datetime.datetime(2013, 1, 31), None], "datetime"),
        (["2013-01-31", None], "datetime"),
        (["2013-01-31 09:30", "2013-01-31T09:30:00.5+02:00"], "datetime"),
        (["2013-01-31", "2013-02-31"], "category"),
        (["2013", "2014"], "category"),
        (["31/01/2013", "01/02/2013"], "datetime"),
        (PROSE, "text"),
        (PROSE[:1] * 10, "category"),
        (["b/1.txt", "b/2.txt"], "text"),
        (["a/1.png", "a/2.JPG"], "image"),
        ([b"\x89PNG"], "image"),
        (["1.wav", "2.flac"], "audio"),
        ([[1, 2], [3]], "series"),
        ([np.array([1.0, 2.0]), None], "series"),
        (["[1, 2.5e-3]", "[[-1, NaN], [null, 4]]", "[]"], "series"),
        (["[fatal]", "[1, x]"], "category"),
        (["[" + "1" * 5000], "category"),
        ([[[1, 2], [3, 4]]], "series"),
        ([np.zeros((2, 2), dtype=np.uint8)], "image"),
        ([np.zeros((2, 2, 3))], "image"),
        ([[[[1, 2, 3]]]], "image"),
        ([b"RIFF....WAVE"], "audio"),
        ([b"OggS..."], "audio"),
        ([{"bytes": b"fLaC...", "path": None}], "audio"),
        ([{"bytes": None, "path": "a.mp3"}], "audio"),
        ([{"bytes": b"\x89PNG", "path": "a"}], "image"),
        (["data:image/png;base64,iVBORw0K"], "image"),
        (["data:audio/wav;base64,UklGRg=="], "audio"),
        ([Path("a.png"), Path("b.png")], "image"),
    ],
)
def test_types_are_inferred_from_what_a_column_holds(values: Any, kind: str) -> None:
    assert infer_type(pd.Series(values)) == kind
    if not isinstance(values, pd.Categorical):
        assert infer_type(pd.Series(values, dtype=object)) == kind


def conformed(values: Any, kind: Any) -> pd.Series[Any]:
    return cast_columns(pd.DataFrame({"x": values}), [Column("x", kind)])["x"]


@pytest.mark.parametrize(
    "values",
    [
        [1, None, 3],
        [1.0, np.nan, 3.0],
        ["1", None, "3.0"],
        pd.array([1, None, 3], dtype="Int64"),
        pd.Categorical([1, None, 3]),
        [Decimal(1), None, Decimal(3)],
        [1, np.inf, 3],
        ["1", "-inf", " 3 "],
    ],
)
def test_numbers_become_float64(values: Any) -> None:
    column = conformed(values, "number")
    assert column.dtype == "float64"
    assert column.tolist()[::2] == [1.0, 3.0]
    assert np.isnan(column[1])


def test_durations_become_seconds_and_booleans_zero_and_one() -> None:
    assert conformed([datetime.timedelta(minutes=1)], "number").tolist() == [60.0]
    assert conformed([True, False], "number").tolist() == [1.0, 0.0]


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ([1, 2, 2], ["1", "2", "2"]),
        ([1.0, 2.0, np.nan], ["1", "2", None]),
        (["1", "2.0", None], ["1", "2", None]),
        ([1.0, 2.5], ["1", "2.5"]),
        (pd.array([1, 2, None], dtype="Int64"), ["1", "2", None]),
        ([True, None, False], ["True", None, "False"]),
        (["true", "FALSE"], ["True", "False"]),
        (["007", "b", "a"], ["007", "b", "a"]),
        (pd.Categorical(["z", "a"], categories=["z", "y", "a"]), ["z", "a"]),
        ([None, None], [None, None]),
    ],
)
def test_categories_are_written_the_same_way_everywhere(values: Any, names: list[str]) -> None:
    column = conformed(values, "category")
    assert [None if pd.isna(value) else value for value in column] == names
    present = sorted({name for name in names if name is not None})
    assert column.cat.categories.tolist() == present


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(-(10**12), 10**12) | st.none(), min_size=1))
def test_whole_numbers_are_the_same_category_as_int_float_or_text(
    values: list[int | None],
) -> None:
    as_float = conformed(np.array(values, dtype="float64"), "category")
    as_int = conformed(pd.array(values, dtype="Int64"), "category")
    as_text = conformed([None if v is None else f"{v}.0" for v in values], "category")
    pd.testing.assert_series_equal(as_float, as_int)
    pd.testing.assert_series_equal(as_float, as_text)


@settings(deadline=None)
@given(st.one_of(st.text(), st.floats(), st.integers(), st.booleans()))
def test_the_name_of_a_category_names_itself(value: object) -> None:
    assert category_name(category_name(value)) == category_name(value)


@pytest.mark.parametrize(
    "values",
    [
        ["2013-01-31 09:30:00", None],
        ["2013-01-31T10:30:00+01:00", None],
        pd.to_datetime(["2013-01-31 09:30", None]),
        pd.to_datetime(["2013-01-31 09:30", None]).tz_localize("UTC").tz_convert("Asia/Tokyo"),
        [datetime.datetime(2013, 1, 31, 9, 30), None],
    ],
)
def test_dates_become_naive_utc_microseconds(values: Any) -> None:
    column = conformed(values, "datetime")
    assert column.dtype == "datetime64[us]"
    assert column[0] == pd.Timestamp("2013-01-31 09:30")
    assert column[1] is pd.NaT


@pytest.mark.parametrize("empty", [[None], [np.nan], [pd.NaT], pd.array([None], dtype="Int64")])
@pytest.mark.parametrize("kind", ["number", "category", "datetime"])
def test_a_column_without_values_fits_every_type(empty: Any, kind: str) -> None:
    assert conformed(empty, kind).isna().all()
    assert conformed(pd.Series(empty, dtype=object), kind).isna().all()


def test_conform_takes_the_columns_in_order_and_leaves_the_rows_alone() -> None:
    raw = pd.DataFrame({"c": [1, 2], "b": ["x", "y"], "a": [np.inf, 1.0]}, index=[5, 9])
    before = raw.copy(deep=True)
    typed = cast_columns(raw, [Column("a", "number"), Column("b", "category")])
    assert list(typed) == ["a", "b"]
    assert typed.index.equals(pd.RangeIndex(2))
    pd.testing.assert_frame_equal(raw, before)


def test_all_missing_columns_are_named_at_once() -> None:
    columns = [Column(name, "number") for name in ("a", "b", "c")]
    with pytest.raises(DataError) as caught:
        cast_columns(pd.DataFrame({"b": [1], "z": [2]}), columns)
    assert str(caught.value) == "the data lacks the columns 'a', 'c'. It has: b, z"


@pytest.mark.parametrize(
    ("values", "kind", "message"),
    [
        (
            ["1", None, "abc", "x"],
            "number",
            "column 'x' is of type number, but row 3 holds 'abc' (2 such rows in all). Leave the "
            "cell empty where it is missing, or list what stands there in data.na.",
        ),
        (
            [None, "2013-01-31"],
            "number",
            "column 'x' is of type number, but row 2 holds '2013-01-31'. Leave the cell empty "
            "where it is missing, or list what stands there in data.na.",
        ),
        (
            pd.to_datetime(["2013-01-31"]),
            "number",
            "column 'x' is of type number, but row 1 holds '2013-01-31 00:00:00'. Leave the cell "
            "empty where it is missing, or list what stands there in data.na.",
        ),
        (
            ["2013-01-31", "31/01/2013"],
            "datetime",
            "column 'x' is of type datetime, but row 2 holds '31/01/2013'. Write dates as "
            "2013-01-31 or 2013-01-31 09:30:00.",
        ),
        (
            [20130131],
            "datetime",
            "column 'x' is of type datetime, but row 1 holds '20130131'. Write dates as 2013-01-31 "
            "or 2013-01-31 09:30:00.",
        ),
        (
            ["a", [1, 2]],
            "category",
            "column 'x' is of type category, but row 2 holds '[1, 2]'. Write one value in each "
            "cell.",
        ),
        (
            [[1, 2]],
            "number",
            "column 'x' is of type number, but row 1 holds '[1, 2]'. Leave the cell empty where "
            "it is missing, or list what stands there in data.na.",
        ),
    ],
)
def test_the_first_offending_row_is_named(values: Any, kind: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        conformed(values, kind)
    assert str(caught.value) == message
