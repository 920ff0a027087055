from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dlrun.contract.dataset import Column, Target
from dlrun.data.dataset import read_dataset
from dlrun.data.model_io import ModelInfo, read_facts
from dlrun.data.types.cast import cast_columns
from dlrun.errors import DataError

ROWS = range(300)
Y = ["no", "yes"] * 150


def read(make_recipe: Any, suffix: str = "csv", **columns: Any) -> Any:
    data = {"target": columns.pop("target", "y"), **columns.pop("data", {})}
    table = pd.DataFrame({"y": Y, "x": np.arange(300) % 7, **columns})
    return read_dataset(make_recipe(data, table=table, suffix=suffix))


def texts(dataset: Any) -> tuple[str, ...]:
    return tuple(note.text for note in dataset.notes)


def column(dataset: Any, name: str) -> Column:
    found: Column = next(each for each in dataset.columns if each.name == name)
    return found


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_markers_among_numbers_are_missing_values_and_said(make_recipe: Any, suffix: str) -> None:
    pulse = ["?" if n % 3 == 0 else str(n) for n in ROWS]
    kind = ["-" if n % 3 else "none" for n in ROWS]
    dataset = read(make_recipe, suffix, pulse=pulse, kind=kind)
    assert column(dataset, "pulse") == Column("pulse", "number", missing=("?",))
    assert dataset.frame["pulse"].isna().sum() == 100
    assert dataset.frame["kind"].cat.categories.tolist() == ["-", "none"]
    assert texts(dataset) == ("'?' counts as missing in 'pulse' (100).",)


def test_two_bad_cells_are_a_note_and_no_category_of_299_values(make_recipe: Any) -> None:
    size = [f"{n / 4}" for n in ROWS]
    size[7], size[90] = "broken", "see p. 4"
    dataset = read(make_recipe, size=size)
    assert column(dataset, "size").type == "number"
    assert np.flatnonzero(dataset.frame["size"].isna()).tolist() == [7, 90]
    assert texts(dataset) == (
        "Column 'size': 2 of 300 values are no numbers and count as missing: 'broken', "
        "'see p. 4'. If they mean something, set the type by hand in data.features.",
    )


def test_amounts_with_separators_and_signs_are_numbers(make_recipe: Any) -> None:
    dataset = read(make_recipe, price=[f"${n * 1000.5:,.2f}" for n in ROWS])
    assert column(dataset, "price").format == "."
    assert dataset.frame["price"].tolist() == [n * 1000.5 for n in ROWS]
    assert texts(dataset) == ("Column 'price': numbers are written as '$0.00', which is 0.",)


def test_dates_are_dates_and_no_categories_to_leave_out(make_recipe: Any) -> None:
    days = pd.date_range("2024-01-01", periods=300)
    dataset = read(make_recipe, when=days.strftime("%d.%m.%Y"))
    assert column(dataset, "when") == Column("when", "datetime", format="%d.%m.%Y")
    assert dataset.frame["when"].tolist() == days.tolist()
    assert texts(dataset)[0] == (
        "Column 'when': dates are written as '31.01.2024', which is 2024-01-31."
    )


def test_an_ambiguous_order_of_day_and_month_is_said_and_set_by_hand(make_recipe: Any) -> None:
    when = [f"0{1 + n % 9}/0{1 + n % 7}/2024" for n in ROWS]
    dataset = read(make_recipe, when=when)
    assert column(dataset, "when").format == "%m/%d/%Y"
    assert "Every value fits %d/%m/%Y, too: if that is meant, set it." in texts(dataset)[0]
    dataset = read(
        make_recipe, when=when, data={"features": {"when": {"datetime": "%d/%m/%Y"}, "x": "number"}}
    )
    assert column(dataset, "when") == Column("when", "datetime", format="%d/%m/%Y")
    assert dataset.frame["when"].iloc[1] == pd.Timestamp("2024-02-02")
    assert dataset.frame["when"].iloc[8] == pd.Timestamp("2024-02-09")
    assert texts(dataset) == ()


def test_a_declared_format_that_does_not_fit_names_the_row(make_recipe: Any) -> None:
    features = {"when": {"datetime": "%d/%m/%Y"}}
    with pytest.raises(DataError) as caught:
        read(make_recipe, when=["31.12.2024"] * 300, data={"features": features})
    assert str(caught.value).endswith(
        "column 'when' is of type datetime, but row 1 holds '31.12.2024' (300 such rows in all). "
        "Write dates as %d/%m/%Y (data.features)."
    )


def test_a_declared_number_must_be_one_in_every_row(make_recipe: Any) -> None:
    size = [*map(str, range(299)), "broken"]
    with pytest.raises(DataError, match="row 300 holds 'broken'"):
        read(make_recipe, size=size, data={"features": {"size": "number"}})


def test_a_target_may_be_written_so_too(make_recipe: Any) -> None:
    price = [f"{n * 1000:,}" for n in ROWS]
    price[3] = "n.d."
    dataset = read(make_recipe, target="price", price=price)
    assert dataset.target == Target("price", "regression", dtype="int")
    assert dataset.y.tolist() == [n * 1000 for n in ROWS if n != 3]
    assert "'n.d.' counts as missing in 'price' (1)." in texts(dataset)


def test_times_of_a_split_may_be_written_so_too(make_recipe: Any) -> None:
    days = pd.date_range("2024-01-01", periods=300)
    split = {"method": "time", "column": "when"}
    when = days.strftime("%d.%m.%Y")
    dataset = read(make_recipe, when=when, data={"split": split})
    assert dataset.split_values.tolist() == days.as_unit("us").to_numpy().tolist()


def test_a_format_set_by_hand_orders_a_split_by_time(make_recipe: Any) -> None:
    when = [f"{1 + n % 12:02}/{1 + n // 12 % 12:02}/{2000 + n // 144}" for n in ROWS]
    data = {
        "features": {"when": {"datetime": "%m/%d/%Y"}, "x": "number"},
        "split": {"method": "time", "column": "when"},
    }
    dataset = read(make_recipe, when=when, data=data)
    assert pd.Timestamp(dataset.split_values[1]) == pd.Timestamp("2000-02-01")


def test_a_marker_that_training_rows_lacked_is_missing_too() -> None:
    rows = pd.DataFrame({"x": ["1", "?", "n/a"], "t": ["2024-01-31", "-", "none"]})
    typed = cast_columns(rows, [Column("x", "number"), Column("t", "datetime")])
    assert typed.isna().to_numpy().tolist() == [[False, False], [True, True], [True, True]]


def test_long_identifiers_are_not_constant(make_recipe: Any) -> None:
    dataset = read(make_recipe, "parquet", id=[2**60 + n for n in ROWS])
    assert column(dataset, "id").type == "category"
    assert dataset.frame["id"].nunique() == 300
    (note,) = texts(dataset)
    assert note.startswith("Different in every row, as a name or a counter is: 'id'.")


def test_a_saved_model_casts_new_rows_in_the_same_way(make_recipe: Any, tmp_path: Path) -> None:
    price = [f"{n:,}.5" for n in range(900, 1200)]
    price[7] = "broken"
    when = pd.date_range("2024-01-01", periods=300).strftime("%d/%m/%Y")
    dataset = read(make_recipe, price=price, when=when)
    ModelInfo("it", "classic", dataset.columns, dataset.target).write(tmp_path)
    columns = read_facts(tmp_path).columns
    assert columns == dataset.columns
    rows = pd.DataFrame({"price": ["1,234.5", "broken", 7], "when": ["03/04/2024"] * 3, "x": 1})
    typed = cast_columns(rows, columns)
    assert typed["price"].tolist()[::2] == [1234.5, 7.0]
    assert np.isnan(typed["price"][1])
    assert typed["when"][0] == pd.Timestamp("2024-04-03")


def test_a_model_saved_before_there_were_formats_is_read(tmp_path: Path) -> None:
    old = (
        '{"candidate": "it", "family": "classic", "columns": [{"name": "x", "type": "number", '
        '"shape": [], "rate": 0}], "target": {"name": "y", "task": "regression", "labels": [], '
        '"dtype": "float"}}'
    )
    (tmp_path / "model.json").write_text(old)
    assert read_facts(tmp_path).columns == (Column("x", "number"),)


def test_a_category_that_is_nearly_numbers_is_said(make_recipe: Any) -> None:
    code = [f"V{n}" if n % 10 == 0 else str(n % 7) for n in ROWS]
    dataset = read(make_recipe, code=code)
    assert column(dataset, "code").type == "category"
    assert texts(dataset) == (
        "Column 'code' is read as categories, although 90% of its values are numbers; 'V0', 'V10', "
        "'V20' and 27 more are none. If these mark missing values, list them in data.na.",
    )
    dataset = read(make_recipe, code=code, data={"na": [f"V{n}" for n in ROWS]})
    assert column(dataset, "code").type == "number"
