from __future__ import annotations

from typing import Any

import pandas as pd

from dlrun.data.dataset import read_dataset
from dlrun.data.profile import ColumnFacts, DataFacts, describe

TABLE = pd.DataFrame(
    {
        "age": [31, None, 27, 62, 27],
        "city": ["Bonn", "Köln", "Bonn", None, "Ulm"],
        "since": ["2013-01-31", "2014-02-28", None, "2013-01-31", "2015-03-31"],
        "late": ["no", "yes", "no", "yes", "no"],
    }
)


def test_columns_and_classes_are_counted(make_recipe: Any) -> None:
    dataset = read_dataset(make_recipe({"target": "late"}, table=TABLE))
    assert describe(dataset) == DataFacts(
        n_rows=5,
        columns=(
            ColumnFacts("age", "number", 1, 3, "27 … 62"),
            ColumnFacts("city", "category", 1, 3, "Bonn, Köln, Ulm"),
            ColumnFacts("since", "datetime", 1, 3, "2013-01-31 00:00:00 … 2015-03-31 00:00:00"),
        ),
        target={"no": 3, "yes": 2},
    )


def test_categories_that_no_kept_row_has_are_not_counted(make_recipe: Any) -> None:
    table = TABLE.assign(late=["no", "yes", "no", "yes", None])
    dataset = read_dataset(make_recipe({"target": "late"}, table=table))
    assert describe(dataset).columns[1] == ColumnFacts("city", "category", 1, 2, "Bonn, Köln")


def test_a_number_is_shown_by_its_quantiles(make_recipe: Any) -> None:
    table = pd.DataFrame({"x": range(5), "y": [0.5, 1.5, 2.5, 3.5, 4.5]})
    dataset = read_dataset(make_recipe({"target": "y"}, table=table))
    assert describe(dataset).target == {
        "min": 0.5, "25 %": 1.5, "median": 2.5, "75 %": 3.5, "max": 4.5,
    }  # fmt: skip
