from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dlrun.contract.dataset import Column
from dlrun.data.dataset import read_dataset
from dlrun.data.profile import describe
from dlrun.data.types.cast import cast_columns
from dlrun.data.types.decode import as_cells
from dlrun.errors import DataError

TEXT = Column("words", "text")


def read(raw: list[Any], folder: Path = Path()) -> list[str]:
    values = pd.Series(as_cells(raw, len(raw)), dtype=object)
    typed = cast_columns(pd.DataFrame({"words": values}), [TEXT], [folder])["words"]
    assert typed.dtype == "str"
    return typed.tolist()


def failure(raw: list[Any], folder: Path = Path()) -> str:
    with pytest.raises(DataError) as caught:
        read(raw, folder)
    return str(caught.value)


def test_texts_of_any_script_stay_as_they_are_and_missing_ones_are_empty() -> None:
    raw = [
        "naïve 青い 🙂👩‍👩‍👧",
        " \tmany  blanks\n",
        "e\u0301",
        "مرحبا",
        None,
        np.nan,
        pd.NA,
        "",
        7,
        2.5,
    ]
    assert read(raw) == [*raw[:4], "", "", "", "", "7", "2.5"]
    assert read([None, np.nan]) == ["", ""]


def test_half_a_character_does_not_reach_the_candidates() -> None:
    assert read(["a\ud83db", "ok"]) == ["a?b", "ok"]


def test_texts_may_stand_in_files(tmp_path: Path) -> None:
    (tmp_path / "1.txt").write_text("größe\n", encoding="utf-8")
    (tmp_path / "ü 2.TXT").write_text("\ufeff青", encoding="utf-8")
    assert read(["1.txt", None, "ü 2.TXT"], tmp_path) == ["größe\n", "", "青"]
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("1.txt", "here")
    assert read([zipfile.Path(tmp_path / "a.zip", "1.txt")]) == ["here"]


def test_a_text_that_ends_like_a_file_among_others_is_a_text() -> None:
    assert read(["see notes.txt", "nothing to see"]) == ["see notes.txt", "nothing to see"]


def test_what_is_no_text_is_named_with_its_row(tmp_path: Path) -> None:
    (tmp_path / "ok.txt").write_text("ok")
    (tmp_path / "latin.txt").write_bytes("grün".encode("latin-1"))
    assert failure(["ok.txt", "latin.txt"], tmp_path) == (
        "column 'words' is of type text, but row 2 holds 'latin.txt', which is not UTF-8 text: "
        "byte 3 is 0xfc. Save it in UTF-8. Replace it or leave it out."
    )
    assert failure(["ok.txt", None, "gone.txt"], tmp_path) == (
        "column 'words' is of type text, but row 3 holds 'gone.txt', which does not exist in "
        f"{tmp_path}. Replace it or leave it out."
    )
    for cell in (["a", "list"], b"bytes"):
        assert failure(["a text", cell]).endswith("which is no text. Replace it or leave it out.")


def test_texts_are_read_typed_and_described(make_recipe: Any, tmp_path: Path) -> None:
    table = pd.DataFrame(
        {
            "review": [f"The {n}th film 🙂 of this series" for n in range(8)] + [None, ""],
            "note": [f"notes/{n}.txt" for n in range(10)],
            "y": list("ab" * 5),
        }
    )
    (tmp_path / "notes").mkdir()
    for n in range(10):
        (tmp_path / "notes" / f"{n}.txt").write_text("same words" if n else "other")
    dataset = read_dataset(make_recipe({"target": "y"}, table=table))
    assert dataset.columns == (Column("review", "text"), Column("note", "text"))
    review, note = describe(dataset).columns
    assert (review.n_missing, review.n_unique, review.values) == (2, 8, "median 7 words")
    assert (note.n_missing, note.n_unique, note.values) == (0, 2, "median 2 words")


def test_a_column_of_empty_texts_is_dropped(make_recipe: Any) -> None:
    table = pd.DataFrame({"empty": ["", ""], "x": [1, 2], "y": ["a", "b"]})
    recipe = make_recipe(
        {"target": "y", "features": {"empty": "text", "x": "number"}}, table=table, suffix="parquet"
    )
    assert [column.name for column in read_dataset(recipe).columns] == ["x"]


def test_declared_texts_stay_as_they_are_written(make_recipe: Any, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("code,y\n007,a\n1.50,b\n")
    recipe = make_recipe({"source": "t.csv", "target": "y", "features": {"code": "text"}})
    assert read_dataset(recipe).frame["code"].tolist() == ["007", "1.50"]
