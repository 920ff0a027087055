"""Lags are earlier values in the order of time, computed alike when training and predicting."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dlrun.contract.candidate import FitContext
from dlrun.contract.dataset import Column, Lag
from dlrun.data.dataset import read_dataset
from dlrun.data.lags import seasons, with_lags
from dlrun.data.model_io import load
from dlrun.data.splits.make import make_splits
from dlrun.errors import DataError, RecipeError

N = 120
DAYS = pd.date_range("2024-01-01", periods=N).strftime("%Y-%m-%d")
TEMPS = pd.DataFrame({"day": DAYS, "temp": np.arange(N) + 0.5})
SPLIT = {"method": "time", "column": "day"}
BY_TIME = {"target": "temp", "split": SPLIT, "lags": {"columns": ["temp"], "steps": [1, 7]}}
YESTERDAY = (Column("t_lag_1", "number", lag=Lag("t", 1, "day")),)


def test_a_lag_is_the_value_some_rows_earlier_in_time(make_recipe: Any) -> None:
    shuffled = TEMPS.sample(frac=1, random_state=1)
    dataset = read_dataset(make_recipe(BY_TIME, table=shuffled))
    assert [column.name for column in dataset.columns] == ["temp_lag_1", "temp_lag_7"]
    for name, steps in (("temp_lag_1", 1), ("temp_lag_7", 7)):
        earlier = dataset.frame[name].to_numpy()
        assert np.isnan(earlier).sum() == steps
        known = ~np.isnan(earlier)
        assert (dataset.y[known] - earlier[known] == steps).all()


def test_no_lag_looks_ahead(make_recipe: Any) -> None:
    changed = TEMPS.assign(temp=TEMPS["temp"].where(TEMPS.index < 60, -1e6))
    before, after = (
        read_dataset(make_recipe(BY_TIME, table=table)).frame[:61] for table in (TEMPS, changed)
    )
    pd.testing.assert_frame_equal(before, after)


def test_a_missing_value_is_replaced_by_the_last_one_before_it() -> None:
    rows = pd.DataFrame({"day": [1, 2, 3, 4], "t": [5.0, np.nan, np.nan, 8.0]})
    assert with_lags(rows, YESTERDAY)["t_lag_1"].tolist()[1:] == [5.0, 5.0, 5.0]


def test_the_order_is_that_of_the_format_of_the_times() -> None:
    rows = pd.DataFrame({"day": ["02/01/2024", "01/02/2024", "03/01/2024"], "t": [2.0, 9.0, 3.0]})
    day = Column("day", "datetime", format="%d/%m/%Y")
    assert with_lags(rows, (day, *YESTERDAY))["t_lag_1"].tolist()[1:] == [3.0, 2.0]


def test_rows_that_have_the_lag_keep_it() -> None:
    rows = pd.DataFrame({"t_lag_1": [3.0]})
    assert with_lags(rows, YESTERDAY) is rows


def test_rows_without_history_are_refused() -> None:
    with pytest.raises(DataError) as caught:
        with_lags(pd.DataFrame({"day": [1], "t": [5.0]}), YESTERDAY)
    assert str(caught.value) == (
        "'t_lag_1' is the value of 't' 1 row earlier, by 'day', and the rows hold no value so much "
        "earlier. Put the 1 row before those to predict into the table too, or a column 't_lag_1'."
    )
    with pytest.raises(DataError, match="and the rows lack 'day'"):
        with_lags(pd.DataFrame({"t": [5.0, 6.0]}), YESTERDAY)


def test_lags_need_a_split_by_time(make_recipe: Any) -> None:
    with pytest.raises(RecipeError, match="which needs a split by time"):
        make_recipe({"target": "temp", "lags": BY_TIME["lags"]}, table=TEMPS)


@pytest.mark.parametrize(
    ("lags", "table", "message"),
    [
        ({"columns": ["tmp"]}, TEMPS, "data.lags.columns: there is no column 'tmp'. Did you mean"),
        ({}, pd.concat([TEMPS, TEMPS]), "in several rows. Remove the lags"),
        ({}, TEMPS.assign(temp_lag_1=0), "the table has the columns 'temp_lag_1' already"),
        ({"columns": ["day"]}, TEMPS, "'day' is of the type datetime. Lags take number and"),
        ({"steps": [N]}, TEMPS, f"{N} rows have no value {N} rows earlier"),
    ],
)
def test_lags_that_cannot_be_are_refused(
    make_recipe: Any, lags: dict[str, Any], table: pd.DataFrame, message: str
) -> None:
    chosen = {**BY_TIME, "lags": {**BY_TIME["lags"], **lags}}
    with pytest.raises(DataError) as caught:
        read_dataset(make_recipe(chosen, table=table))
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("freq", "expected"),
    [("D", [7, 365]), ("h", [24, 168]), ("MS", [12]), ("B", [5, 261]), ("QS", [4]), ("YS", [])],
)
def test_seasons_are_days_weeks_and_years(freq: str, expected: list[int]) -> None:
    assert seasons(pd.date_range("2001-01-01", periods=1100, freq=freq)[:200].to_numpy()) in (
        expected,
        [n for n in expected if n <= 200 / 3],
    )


@pytest.mark.parametrize("text", [False, True])
def test_naive_predicts_the_last_value_once_saved(
    make_recipe: Any, tmp_path: Path, text: bool
) -> None:
    values = np.where(TEMPS.index // 5 % 2, "dry", "wet") if text else TEMPS["temp"]
    table = TEMPS.assign(temp=values)
    recipe = make_recipe(
        {"target": "temp", "split": SPLIT, "features": ["day"]},
        table=table,
        baselines=["naive", "seasonal_naive"],
    )
    from dlrun.classic.candidates import make_candidates

    dataset = read_dataset(recipe)
    split = make_splits(recipe, dataset).splits[-1]
    train, test = dataset.take(split.train), dataset.take(split.test)
    _, naive, seasonal = make_candidates(recipe, dataset)
    fitted = naive.fit(train, test, FitContext(0))
    earlier = table["temp"][split.test - 1].to_numpy()
    fitted.save(tmp_path)
    answers = load(tmp_path).predict(table)["prediction"][split.test]
    assert answers.tolist() == earlier.tolist()
    assert load(tmp_path).predict(table[-2:])["prediction"].iloc[-1] == earlier[-1]
    assert seasonal.fit(train, test, FitContext(0)).estimator.lag_ > 0


def test_auto_has_the_naive_forecasts_as_a_floor_for_time_splits(make_recipe: Any) -> None:
    from dlrun.classic.defaults import choose_baselines

    def chosen(**split: str) -> list[str]:
        recipe = make_recipe({"target": "temp", "features": ["day"], "split": split}, table=TEMPS)
        return [str(one.name) for one in choose_baselines(read_dataset(recipe))[0]]

    assert chosen(**SPLIT)[:3] == ["dummy", "naive", "seasonal_naive"]
    assert "naive" not in chosen(method="random")


def test_naive_needs_the_order_of_time(make_recipe: Any) -> None:
    from dlrun.classic.candidates import make_candidates

    recipe = make_recipe({"target": "temp"}, table=TEMPS, baselines=["naive"])
    with pytest.raises(RecipeError, match="naive reads the target of earlier rows"):
        make_candidates(recipe, read_dataset(recipe))
