"""A new recipe says what an expert would write after one look at the data, and is valid."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dlrun.data.dataset import read_dataset
from dlrun.deep.defaults import choose_network
from dlrun.recipe.data import Data
from dlrun.recipe.load import load_recipe
from dlrun.recipe.schema import Recipe
from dlrun.study.new_recipe import write_recipe
from dlrun.study.plan import StudyPlan, prepare

N = 300
RNG = np.random.default_rng(0)
KIND = RNG.choice(["no", "yes"], N)
X = RNG.normal(size=N)


def proposed(folder: Path, target: str = "y", **columns: Any) -> tuple[str, StudyPlan]:
    """Return the text of a new recipe, and its plan, which has read the data by it."""
    pd.DataFrame({"x": X, "y": KIND} | columns).to_csv(folder / "table.csv", index=False)
    recipe = Recipe(name="table", data=Data(source=str(folder / "table.csv"), target=target))
    file = folder / "table.yaml"
    file.write_text(write_recipe(read_dataset(recipe), "table.csv", file), encoding="utf-8")
    return file.read_text(encoding="utf-8"), prepare(load_recipe(file, ["baselines=[linear]"]))


def names(plan: StudyPlan) -> list[str]:
    return [column.name for column in plan.dataset.columns]


def test_rows_in_time_get_a_time_split_and_the_last_values(tmp_path: Path) -> None:
    days = pd.date_range("2021-01-01", periods=N)
    text, plan = proposed(tmp_path, target="x", day=days, y=KIND)
    assert "task: regression\n" in text
    assert plan.recipe.data.split.method == "time"
    assert names(plan) == ["y", "day", "x_lag_1", "x_lag_2", "x_lag_7"]
    assert plan.recipe.preprocessing.datetime.parts == ["weekday"]  # no year of data: no month


def test_a_time_alone_leaves_the_last_values(tmp_path: Path) -> None:
    years = pd.DataFrame({"year": np.arange(1700, 1700 + N), "spots": X})
    years.to_csv(tmp_path / "sun.csv", index=False)
    recipe = Recipe(name="sun", data=Data(source=str(tmp_path / "sun.csv"), target="spots"))
    file = tmp_path / "sun.yaml"
    file.write_text(write_recipe(read_dataset(recipe), "sun.csv", file), encoding="utf-8")
    plan = prepare(load_recipe(file, ["baselines=[naive]"]))
    assert names(plan) == ["spots_lag_1", "spots_lag_2"]


def test_parts_of_the_table_are_recognised(tmp_path: Path) -> None:
    part = np.where(np.arange(N) < 200, "Train", "test")
    text, plan = proposed(tmp_path, part=part)
    assert "split: {method: predefined, column: part}" in text
    assert len(plan.splits.splits) == 1
    assert len(plan.splits.splits[0].test) == 100
    assert names(plan) == ["x"]


def test_repeated_ids_are_groups_and_others_are_left_out(tmp_path: Path) -> None:
    text, plan = proposed(
        tmp_path, patient_id=np.arange(N) // 5, visitId=RNG.permutation(N), paid=X.round(0)
    )
    assert "split: {method: group, column: patient_id}" in text
    assert "- visitId  # different in every row: it names them" in text
    assert names(plan) == ["x", "paid"]


def test_leaks_constants_and_names_are_left_out_with_the_reason(tmp_path: Path) -> None:
    people = [f"Mr. No {row} of the List" for row in range(N)]
    text, plan = proposed(tmp_path, alive=np.where(KIND == "yes", 1, 0), one=1, Name=people)
    assert "- alive  # gives the target: a leak" in text
    assert "- one  # the same in every row" in text
    assert names(plan) == ["x"]


def test_smooth_numbered_columns_are_one_series(tmp_path: Path) -> None:
    phase = RNG.random((N, 1))
    waves = np.sin(2 * np.pi * (np.linspace(0, 2, 40) + phase)) + RNG.normal(0, 0.1, (N, 40))
    noise = RNG.normal(size=(N, 20))
    level = X[:, None] + RNG.normal(0, 0.3, (N, 20))  # alike, and without an order
    columns = {f"t{i}": waves[:, i] for i in range(40)}
    columns |= {f"pc{i}": noise[:, i] for i in range(20)} | {
        f"q{i}": level[:, i] for i in range(20)
    }
    text, plan = proposed(tmp_path, **columns)
    assert "    t: {series: [t0…t39]}" in text
    assert [column.type for column in plan.dataset.columns].count("series") == 1
    assert plan.recipe.model[0].architecture == "fcn"


def test_a_guessed_task_is_said(tmp_path: Path) -> None:
    text, _ = proposed(tmp_path, target="grade", grade=RNG.integers(0, 6, N))
    assert "task: classification  # 6 whole numbers, taken for classes; regression if" in text


@pytest.mark.parametrize(
    ("types", "n_rows", "architecture", "encode"),
    [
        (["number", "category"], 1000, "tabm", None),
        (["number"], 50_000, "mlp", "ple"),
        (["category"], 1000, "mlp", None),
        (["number"] * 500, 1000, "mlp", None),
        (["number", "text"], 1000, "text_cnn", None),
        (["series"], 1000, "fcn", None),
    ],
)
def test_the_network_suits_columns_and_size(
    types: list[str], n_rows: int, architecture: str, encode: str | None
) -> None:
    from dlrun.contract.dataset import Column

    chosen = choose_network([Column(f"c{i}", kind) for i, kind in enumerate(types)], n_rows)
    assert (chosen["architecture"], chosen.get("encode")) == (architecture, encode)


def test_a_recipe_without_a_model_trains_one_that_suits(tmp_path: Path) -> None:
    pd.DataFrame({"x": X, "y": KIND}).to_csv(tmp_path / "table.csv", index=False)
    file = tmp_path / "r.yaml"
    file.write_text("data: {source: table.csv, target: y}\nbaselines: [linear]\n")
    plan = prepare(load_recipe(file))
    assert [candidate.name for candidate in plan.networks] == ["tabm"]
    (note,) = [note for note in plan.dataset.notes if note.code == "DLR031"]
    assert note.text.startswith("The recipe has no model, so tabm is trained")
    assert prepare(load_recipe(file, ["model=none"])).networks == ()
