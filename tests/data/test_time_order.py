"""A table in the order of time is recognised, and a random split of it is warned about."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from dlrun.contract.note import Note
from dlrun.data.dataset import read_dataset
from dlrun.data.time_order import time_column

N = 80
RNG = np.random.default_rng(0)
DAYS = pd.Series(pd.date_range("2024-01-01", periods=N))
SHUFFLED = DAYS.sample(frac=1, random_state=0).to_numpy()
BIRTHDAYS = DAYS[0] + pd.to_timedelta(RNG.choice(20_000, N, replace=False), unit="D")


def table(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"x": RNG.normal(size=N), **columns, "y": RNG.normal(size=N)})


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ({"day": DAYS}, "day"),
        ({"day": DAYS[::-1].to_numpy()}, "day"),
        ({"day": DAYS.repeat(2).to_numpy()[:N]}, "day"),
        ({"day": SHUFFLED}, "day"),
        ({"Year": np.arange(N) // 4 + 1990}, "Year"),
        ({"born": BIRTHDAYS}, None),
        ({"counter": np.arange(N)}, None),
        ({"day": DAYS.where(DAYS.index != 5)}, None),
    ],
)
def test_the_column_that_orders_rows_in_time(
    make_recipe: Any, columns: dict[str, Any], expected: str | None
) -> None:
    dataset = read_dataset(make_recipe({"target": "y"}, table=table(**columns)))
    assert time_column(dataset) == expected


def test_a_random_split_of_rows_in_time_is_warned_about(make_recipe: Any) -> None:
    def notes(**split: str) -> list[Note]:
        recipe = make_recipe({"target": "y", "split": split}, table=table(day=DAYS))
        return [note for note in read_dataset(recipe).notes if note.code == "DLR030"]

    assert len(notes()) == len(notes(method="random")) == 1
    assert "Set data.split: {method: time, column: day}" in notes()[0].text
    assert not notes(method="time", column="day")
