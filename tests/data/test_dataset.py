from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import soundfile
from PIL import Image
from sklearn.datasets import load_wine

from dlrun.contract.dataset import Column, Dataset, Target
from dlrun.data.dataset import read_dataset
from dlrun.data.types.cast import cast_columns
from dlrun.errors import DataError
from dlrun.recipe.load import parse_recipe

TABLE = pd.DataFrame(
    {
        "age": [31, 45, 27, 62],
        "city": ["Köln", None, "Bonn", "Köln"],
        "since": ["2013-01-31", "2014-02-28", None, "2015-03-31"],
        "vip": [True, False, True, True],
        "late": ["no", "yes", "no", "yes"],
    }
)


def read(make_recipe: Any, table: pd.DataFrame = TABLE, suffix: str = "csv", **data: Any) -> Any:
    return read_dataset(make_recipe({"target": "late", **data}, table=table, suffix=suffix))


def texts(dataset: Dataset) -> list[str]:
    return [note.text for note in dataset.notes]


def failure(make_recipe: Any, table: pd.DataFrame = TABLE, **data: Any) -> str:
    with pytest.raises(DataError) as caught:
        read(make_recipe, table, **data)
    return str(caught.value)


def test_a_table_becomes_typed_columns_and_the_truth(make_recipe: Any) -> None:
    dataset = read(make_recipe)
    assert dataset.name == "table"
    assert dataset.source == "table.csv"
    assert dataset.columns == (
        Column("age", "number"),
        Column("city", "category"),
        Column("since", "datetime"),
        Column("vip", "category"),
    )
    assert [str(dtype) for dtype in dataset.frame.dtypes] == [
        "float64", "category", "datetime64[us]", "category",
    ]  # fmt: skip
    assert dataset.target == Target("late", "classification", ("no", "yes"), "str")
    assert dataset.y.tolist() == [0, 1, 0, 1]
    assert dataset.row_ids.tolist() == [0, 1, 2, 3]
    assert dataset.split_values is None
    assert len(dataset.digest) == 36


def test_rows_without_a_target_are_dropped_and_counted(make_recipe: Any) -> None:
    table = TABLE.assign(late=["no", None, "no", "yes"])
    dataset = read(make_recipe, table)
    assert dataset.y.tolist() == [0, 0, 1]
    assert dataset.row_ids.tolist() == [0, 2, 3]
    assert dataset.frame["age"].tolist() == [31.0, 27.0, 62.0]
    assert "Dropped 1 of 4 rows that have no 'late'." in texts(dataset)


def test_infinite_numbers_become_missing_and_are_counted(make_recipe: Any) -> None:
    table = TABLE.assign(age=[31.0, np.inf, -np.inf, np.nan])
    dataset = read(make_recipe, table, suffix="parquet")
    assert dataset.frame["age"].isna().tolist() == [False, True, True, True]
    assert "Column 'age': 2 infinite values are taken as missing." in [
        note.text for note in dataset.notes
    ]


def test_columns_without_any_value_are_dropped(make_recipe: Any) -> None:
    table = TABLE.assign(gone=None, partly=[None, 1.0, None, None], late=["no", None, "no", "yes"])
    dataset = read(make_recipe, table)
    assert [column.name for column in dataset.columns] == ["age", "city", "since", "vip"]
    assert list(dataset.frame) == ["age", "city", "since", "vip"]
    assert "Dropped columns without any value: 'gone', 'partly'." in [
        note.text for note in dataset.notes
    ]


def test_features_are_taken_in_the_order_of_the_recipe(make_recipe: Any) -> None:
    dataset = read(make_recipe, features=["vip", "age"])
    assert list(dataset.frame) == ["vip", "age"]
    assert list(read(make_recipe, exclude=["age", "city"]).frame) == ["since", "vip"]


def test_a_mapping_of_features_sets_types_and_leaves_the_others_out(make_recipe: Any) -> None:
    dataset = read(make_recipe, features={"age": "category", "since": "category"})
    assert dataset.columns == (Column("age", "category"), Column("since", "category"))
    assert dataset.frame["age"].tolist() == ["31", "45", "27", "62"]
    assert dataset.frame["since"].iloc[0] == "2013-01-31"
    assert "Not listed in data.features, so not used: 'city', 'vip'." in [
        note.text for note in dataset.notes
    ]


def test_a_mapping_need_not_list_the_target_nor_the_split_column(make_recipe: Any) -> None:
    features = dict.fromkeys(load_wine().feature_names[1:], "number")
    split = {"method": "time", "column": "alcohol"}
    dataset = read_dataset(
        make_recipe({"source": "sklearn:wine", "features": features, "split": split})
    )
    assert dataset.notes == ()


def test_declared_categories_keep_their_leading_zeros(make_recipe: Any, tmp_path: Path) -> None:
    (tmp_path / "zip.csv").write_text("zip,y\n01234,a\n00777,b\n")
    recipe = make_recipe({"source": "zip.csv", "target": "y", "features": {"zip": "category"}})
    assert read_dataset(recipe).frame["zip"].tolist() == ["01234", "00777"]


def test_the_same_content_has_the_same_digest_in_csv_and_parquet(make_recipe: Any) -> None:
    table = TABLE.assign(since=pd.to_datetime(TABLE["since"]), weight=[0.1, 1 / 3, -0.0, 1e300])
    from_csv = read(make_recipe, table)
    from_parquet = read(make_recipe, table, suffix="parquet")
    pd.testing.assert_frame_equal(from_csv.frame, from_parquet.frame)
    assert from_csv.digest == from_parquet.digest


def test_named_sets_bring_their_target(make_recipe: Any) -> None:
    dataset = read_dataset(make_recipe({"source": "sklearn:wine"}))
    wine = load_wine()
    assert dataset.target.labels == ("class_0", "class_1", "class_2")
    assert dataset.y.tolist() == wine.target.tolist()
    np.testing.assert_array_equal(dataset.frame.to_numpy(), wine.data)


# ----------------------------------------------------------------------------------- samples


def test_a_sample_keeps_the_share_of_every_class(make_recipe: Any) -> None:
    table = pd.DataFrame({"a": range(1000), "late": ["no"] * 900 + ["yes"] * 100})
    dataset = read(make_recipe, table, max_rows=100)
    assert len(dataset) == 100
    assert 9 <= dataset.y.sum() <= 11
    assert (np.diff(dataset.row_ids) > 0).all()
    assert dataset.frame["a"].tolist() == dataset.row_ids.tolist()
    assert "A sample of 100 of 1,000 rows (data.max_rows)." in texts(dataset)
    again = read(make_recipe, table, max_rows=100)
    assert again.digest == dataset.digest
    assert again.row_ids.tolist() == dataset.row_ids.tolist()


def test_a_sample_depends_on_the_seed_and_not_on_a_larger_limit(make_recipe: Any) -> None:
    table = pd.DataFrame({"a": range(100), "late": ["no", "yes"] * 50})
    data = {"target": "late", "max_rows": 10}
    one, two = (
        read_dataset(make_recipe(data, table=table, seed=seed)).row_ids.tolist() for seed in (1, 2)
    )
    assert one != two
    assert len(read(make_recipe, table, max_rows=100)) == 100


# ------------------------------------------------------------------------------ split columns


def test_the_split_column_is_no_feature_unless_listed(make_recipe: Any) -> None:
    split = {"method": "group", "column": "city"}
    table = TABLE.assign(city=["a", "b", "a", "c"])
    dataset = read(make_recipe, table, split=split)
    assert "city" not in dataset.frame
    assert dataset.split_values.tolist() == ["a", "b", "a", "c"]
    assert list(read(make_recipe, table, split=split, features=["city"]).frame) == ["city"]


def test_split_values_follow_the_rows_that_are_kept(make_recipe: Any) -> None:
    table = TABLE.assign(late=[None, "no", "yes", "no"], part=[None, " Train", "TEST", "val"])
    dataset = read(make_recipe, table, split={"method": "predefined", "column": "part"})
    assert dataset.split_values.tolist() == ["train", "test", "validation"]


@pytest.mark.parametrize(
    ("values", "dtype"), [([3, 1, 2, 1], "float64"), (TABLE["age"] * 1e9, "float64")]
)
def test_times_may_be_numbers(make_recipe: Any, values: Any, dtype: str) -> None:
    split = {"method": "time", "column": "at"}
    dataset = read(make_recipe, TABLE.assign(at=values), split=split)
    assert dataset.split_values.dtype == dtype


def test_times_may_be_dates(make_recipe: Any) -> None:
    table = TABLE.assign(since=["2013-01-31", "2012-01-31 10:00:00", "2014-01-01", "2012-01-01"])
    dataset = read(make_recipe, table, split={"method": "time", "column": "since"})
    assert dataset.split_values.dtype == "datetime64[us]"
    assert dataset.split_values.argsort().tolist() == [3, 1, 0, 2]


def test_arrays_keep_their_parts_unless_the_recipe_parts_anew(
    make_recipe: Any, tmp_path: Path
) -> None:
    x, y = np.eye(4), np.array([0, 1, 0, 1])
    np.savez(tmp_path / "set.npz", x_train=x, y_train=y, x_test=x[:2], y_test=y[:2])
    own = read_dataset(make_recipe({"source": "set.npz"}))
    assert own.split_values is not None
    assert own.split_values.tolist() == ["train"] * 4 + ["test"] * 2
    anew = read_dataset(make_recipe({"source": "set.npz", "split": {"method": "random"}}))
    assert anew.split_values is None


# ----------------------------------------------------------------------------------- bad data

COLUMNS = "Columns: age, city, since, vip, late"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            {"target": "lat"},
            f"3: data.target: there is no column 'lat'. Did you mean 'late'? {COLUMNS}",
        ),
        (
            {"target": None},
            "3: data.target: the source brings no target: name the column to predict (dlrun init: "
            f"--target). {COLUMNS}",
        ),
        (
            {"features": ["age", "Citi"]},
            f"4: data.features: there is no column 'Citi'. Did you mean 'city'? {COLUMNS}",
        ),
        (
            {"features": ["x", "y"]},
            f"4: data.features: there is no column 'x', 'y'. {COLUMNS}",
        ),
        (
            {"exclude": ["agee"]},
            f"4: data.exclude: there is no column 'agee'. Did you mean 'age'? {COLUMNS}",
        ),
        (
            {"features": ["age", "late"]},
            "4: data.features: 'late' is the target. Take it off this list.",
        ),
        ({"exclude": ["late"]}, "4: data.exclude: 'late' is the target. Take it off this list."),
        (
            {"split": {"method": "group", "column": "town"}},
            f"6: data.split.column: there is no column 'town'. {COLUMNS}",
        ),
        (
            {"split": {"method": "group", "column": "late"}},
            "6: data.split.column: 'late' is the target.",
        ),
        (
            {"split": {"method": "group", "column": "city"}},
            "6: data.split.column: column 'city' must not be empty, but is in row 2 (1 in all).",
        ),
        (
            {"split": {"method": "predefined", "column": "vip"}},
            "6: data.split.column: 'False', 'True' is no part of the data. Allowed: train, "
            "validation, test",
        ),
        (
            {"split": {"method": "time", "column": "vip"}},
            "6: data.split.column: a time split needs dates or numbers: column 'vip' is of type "
            "datetime, but row 1 holds 'True' (4 such rows in all). Write dates as 2013-01-31 or "
            "2013-01-31 09:30:00.",
        ),
        (
            {"exclude": ["age", "city", "since", "vip"]},
            "1: data.features: no column is left to learn from.",
        ),
        (
            {"features": {"city": "number"}},
            "4: data.features: column 'city' is of type number, but row 1 holds 'Köln' (3 such "
            "rows in all). Leave the cell empty where it is missing, or list what stands there in "
            "data.na.",
        ),
    ],
)
def test_names_and_types_that_do_not_fit(
    make_recipe: Any, data: dict[str, Any], message: str
) -> None:
    assert failure(make_recipe, **data) == f"recipe.yaml:{message}"


def test_only_a_time_is_left_as_a_column(make_recipe: Any) -> None:
    table = pd.DataFrame({"ts": ["2013-01-31", "2013-02-01"], "y": [1.5, 2.5]})
    said = failure(make_recipe, table, target="y", split={"method": "time", "column": "ts"})
    assert said == (
        "recipe.yaml:1: data.features: no column is left to learn from. The split column "
        "'ts' is one only if data.features lists it."
    )


def test_all_types_of_columns_go_together(make_recipe: Any, tmp_path: Path) -> None:
    for n in range(4):
        Image.new("L", (5, 4), 40 * n + 10).save(tmp_path / f"{n}.png")
        soundfile.write(tmp_path / f"{n}.wav", np.full(60 + n, 0.5), 8000)
    table = TABLE.assign(
        photo=[f"{n}.png" for n in range(4)],
        call=[f"{n}.wav" for n in range(4)],
        review=[f"This is the {n}th review of the product" for n in range(4)],
        curve=["[[1, 2], [3, 4]]", "[[1], [2]]", None, "[[5, 6], [7, 8]]"],
    )
    dataset = read(make_recipe, table)
    assert dataset.columns[4:] == (
        Column("photo", "image", (4, 5, 1)),
        Column("call", "audio", (63,), 8000),
        Column("review", "text"),
        Column("curve", "series", (2, 2)),
    )
    part = dataset.take(np.array([3, 1]))
    assert part.frame["photo"][0][0, 0, 0] == 130
    assert [len(cell) for cell in part.frame["call"]] == [63, 61]
    assert part.frame["review"][1].startswith("This is the 1th")
    assert [len(cell) for cell in part.frame["curve"]] == [2, 1]
    assert dataset.notes == ()


def test_files_start_at_the_table_and_then_at_the_recipe(make_recipe: Any, tmp_path: Path) -> None:
    for folder, shade in ((tmp_path, 10), (tmp_path / "deep", 20)):
        folder.mkdir(exist_ok=True)
        Image.new("L", (5, 4), shade).save(folder / "both.png")
    Image.new("L", (5, 4), 30).save(tmp_path / "one.png")
    (tmp_path / "deep" / "t.csv").write_text("photo,y\nboth.png,a\none.png,b\n")
    dataset = read_dataset(make_recipe({"source": "deep/t.csv", "target": "y"}))
    assert [cell[0, 0, 0] for cell in dataset.frame["photo"]] == [20, 30]


def test_rows_are_numbered_as_in_the_source(make_recipe: Any, tmp_path: Path) -> None:
    for n in range(4):
        Image.new("L", (5, 4), n + 1).save(tmp_path / f"{n}.png")
    (tmp_path / "2.png").write_text("broken")
    table = TABLE.assign(photo=[f"{n}.png" for n in range(4)], late=["no", None, "no", "yes"])
    assert failure(make_recipe, table) == (
        "recipe.yaml:1: data.features: column 'photo' is of type image, but row 3 holds '2.png', "
        "which is no image of a kind that Pillow knows. Replace it or leave it out."
    )
    table["late"] = ["no", "yes", None, "yes"]
    assert len(read(make_recipe, table)) == 3


def test_columns_of_black_images_and_empty_series_are_dropped(make_recipe: Any) -> None:
    table = pd.DataFrame(
        {
            "black": [np.zeros((2, 2), dtype=np.uint8).tolist()] * 4,
            "none": [[]] * 4,
            "x": [1, 2, 2, 4],
            "late": TABLE["late"],
        }
    )
    features = {"black": "image", "none": "series", "x": "number"}
    dataset = read(make_recipe, table, suffix="parquet", features=features)
    assert [column.name for column in dataset.columns] == ["x"]
    assert texts(dataset) == ["Dropped columns without any value: 'black', 'none'."]


def test_errors_of_the_source_say_where_it_is_set(make_recipe: Any, tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read_dataset(make_recipe({"source": "none.csv", "target": "y"}))
    assert str(caught.value) == (
        f"recipe.yaml:2: data.source: none.csv does not exist in the folder {tmp_path}. It holds: "
        "recipe.yaml"
    )
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(DataError) as caught:
        read_dataset(make_recipe({"source": "empty.csv", "target": "y"}))
    assert str(caught.value) == (
        f"recipe.yaml:2: data.source: {tmp_path / 'empty.csv'}: the file is empty."
    )


def test_what_is_missing_in_a_wide_series_is_missing_in_new_rows_too(tmp_path):
    rows = pd.DataFrame({"a": [1.0, -999.0, 3.0] * 10, "b": [4.0, 5.0, 6.0] * 10})
    rows.assign(y=["n", "y", "n"] * 10).to_csv(tmp_path / "wide.csv", index=False)
    data = {"source": "wide.csv", "target": "y", "na": ["-999"]}
    text = json.dumps({"data": {**data, "features": {"curve": {"series": ["a", "b"]}}}})
    dataset = read_dataset(parse_recipe(text, tmp_path / "recipe.yaml"))
    cells = cast_columns(rows, dataset.columns, [tmp_path])["curve"]
    np.testing.assert_array_equal(np.ravel(cells.iloc[1]), [np.nan, 5.0])
    np.testing.assert_array_equal(np.ravel(dataset.frame["curve"].iloc[1]), [np.nan, 5.0])
