"""A text table is streamed in whatever format it comes, or refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dlrun.contract.dataset import Dataset
from dlrun.data.dataset import read_dataset
from dlrun.errors import DataError, RecipeError

N_ROWS = 2000


def make_table() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    days = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 500, N_ROWS), unit="D")
    return pd.DataFrame(
        {
            "größe": rng.normal(size=N_ROWS).round(3),
            "town": rng.choice(["Köln", "Bonn", "NA"], N_ROWS),
            "when": days.strftime("%d.%m.%Y"),
            "pulse": np.where(rng.random(N_ROWS) < 0.2, -999, rng.integers(40, 90, N_ROWS)),
            "late": rng.choice(["no", "yes"], N_ROWS),
        }
    )


@pytest.fixture
def read(make_recipe: Any, tmp_path: Path) -> Any:
    def read(*, stream: bool, target: str = "late", data: Any = None, **settings: Any) -> Dataset:
        is_padded = settings.pop("is_padded", False)
        path = tmp_path / "t.csv"
        make_table().to_csv(path, index=False, **settings)
        if is_padded:
            path.write_text(path.read_text(encoding="utf-8").replace(",", ", "), encoding="utf-8")
        recipe = make_recipe(
            {"source": "t.csv", "target": target, "stream": stream, "na": [-999], **(data or {})}
        )
        return read_dataset(recipe)

    return read


@pytest.mark.parametrize(
    ("settings", "data"),
    [
        ({"is_padded": True}, {}),
        ({"sep": ";", "decimal": ",", "encoding": "cp1252"}, {}),
        ({"sep": "|", "header": False}, {"names": ["größe", "town", "when", "pulse", "late"]}),
        ({"sep": "\t", "encoding": "utf-8-sig"}, {"separator": "tab"}),
    ],
)
def test_a_stream_reads_what_memory_reads(read: Any, settings: Any, data: Any) -> None:
    held = read(stream=False, data=data, **settings)
    streamed = read(stream=True, data=data, **settings)
    assert streamed.columns == held.columns
    assert streamed.format == held.format
    assert held.frame["pulse"].isna().sum() > 100
    order = np.argsort(streamed.row_ids)
    pd.testing.assert_frame_equal(streamed.take(order).frame, held.frame, check_categorical=False)
    (chunk,) = list(streamed.stream.chunks(0)) if streamed.stream else ()
    pd.testing.assert_series_equal(
        chunk.frame["when"], held.frame["when"].iloc[chunk.row_ids].reset_index(drop=True)
    )
    said = {note.code for note in streamed.notes}
    assert {note.code for note in held.notes if note.code < "DLR017"} <= said


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"encoding": "utf-16"}, "data.encoding: a file in UTF-16 cannot be cut where a row ends."),
        ({"sep": " "}, "data.separator: rows whose fields are separated by blanks cannot be"),
    ],
)
def test_what_cannot_be_cut_is_refused(read: Any, settings: Any, message: str) -> None:
    with pytest.raises(RecipeError) as caught:
        read(stream=True, **settings)
    assert message in str(caught.value)


def test_a_target_with_separators_is_refused(make_recipe: Any, tmp_path: Path) -> None:
    table = make_table().assign(price=[f"{n:,}" for n in range(N_ROWS)])
    table.to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(DataError, match="separators, signs or markers"):
        read_dataset(make_recipe({"source": "t.csv", "target": "price", "stream": True}))


@pytest.mark.parametrize("stream", [True, False])
def test_settings_of_text_tables_are_refused_elsewhere(
    make_recipe: Any, tmp_path: Path, stream: bool
) -> None:
    make_table().to_parquet(tmp_path / "t.parquet")
    data = {"source": "t.parquet", "target": "late", "stream": stream, "separator": ";"}
    with pytest.raises(DataError) as caught:
        read_dataset(make_recipe(data))
    assert str(caught.value) == (
        "recipe.yaml:5: data.separator: separator is for text tables, such as .csv, and t.parquet "
        "is none. Remove it."
    )


def test_what_marks_a_missing_target_is_missing_in_a_stream(
    make_recipe: Any, tmp_path: Path
) -> None:
    make_table().to_parquet(tmp_path / "t.parquet", index=False)
    data = {"source": "t.parquet", "target": "pulse", "stream": True, "na": [-999]}
    dataset = read_dataset(make_recipe(data, task="regression"))
    assert dataset.y.min() >= 40
