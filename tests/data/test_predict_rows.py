from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from dlrun.contract.dataset import AUTO, Column, TextFormat
from dlrun.data.model_io import _read_format, write_format
from dlrun.data.predict_rows import printable, read_rows
from dlrun.data.types.cast import cast_columns
from dlrun.errors import DataError

PHOTO = Column("photo", "image", (4, 5, 1))
TABLE = (Column("zip", "category"), Column("x", "number"))


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for number, place in enumerate(("a/1.png", "a/2.png", "3.png")):
        path = tmp_path / "photos" / place
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (5, 4), 10 * number + 10).save(path)
    (tmp_path / "photos" / "notes.txt").write_text("not an image")
    with zipfile.ZipFile("photos.zip", "w") as archive:
        for path in sorted((tmp_path / "photos").rglob("*.png")):
            archive.write(path, path.relative_to(tmp_path))
    with zipfile.ZipFile("flat.zip", "w") as archive:
        archive.write(tmp_path / "photos" / "3.png", "3.png")
    return tmp_path


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("photos", ["photos/3.png", "photos/a/1.png", "photos/a/2.png"]),
        ("photos/**/*.png", ["photos/3.png", "photos/a/1.png", "photos/a/2.png"]),
        ("photos/a/2.png", ["photos/a/2.png"]),
        ("flat.zip", ["flat.zip/3.png"]),
        (
            "photos.zip",
            ["photos.zip/photos/3.png", "photos.zip/photos/a/1.png", "photos.zip/photos/a/2.png"],
        ),
    ],
)
def test_files_are_the_rows_of_a_model_that_reads_files(
    photos: Path, source: str, shown: list[str]
) -> None:
    rows, folder = read_rows(source, [PHOTO])
    assert printable(rows)["photo"].tolist() == shown
    cells = cast_columns(rows, [PHOTO], [folder])["photo"]
    shades = {"3.png": 30, "1.png": 10, "2.png": 20}
    assert [cell[0, 0, 0] for cell in cells] == [shades[Path(name).name] for name in shown]


def test_a_model_of_several_columns_needs_a_table(photos: Path) -> None:
    for source in ("photos", "photos/3.png", "photos/*.png", "photos.zip"):
        with pytest.raises(DataError) as caught:
            read_rows(source, [PHOTO, *TABLE])
        assert str(caught.value) == (
            f"{source} holds files, but the model reads the columns 'photo', 'zip', 'x'. Give it a "
            "table with these."
        )


def test_tables_keep_their_text_and_know_their_folder(photos: Path) -> None:
    Path("photos/t.csv").write_text("zip,x,photo\n007,1,3.png\n010,2,a/1.png\n")
    for source in ("photos/t.csv", "photos/t*.csv"):
        rows, folder = read_rows(source, [*TABLE, PHOTO])
        typed = cast_columns(rows, [*TABLE, PHOTO], [folder])
        assert typed["zip"].tolist() == ["007", "010"]
        assert [cell[0, 0, 0] for cell in typed["photo"]] == [30, 10]


def test_arrays_need_no_truth(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 4, 5), dtype=np.uint8)
    np.savez(tmp_path / "new.npz", x=pixels)
    rows, folder = read_rows(str(tmp_path / "new.npz"), [PHOTO])
    cells = cast_columns(rows, [PHOTO], [folder])["photo"]
    np.testing.assert_array_equal(np.stack(cells)[..., 0], pixels)
    assert printable(rows).shape == (3, 0)
    np.savez(tmp_path / "new.npz", x=np.arange(6.0).reshape(3, 2))
    rows, _ = read_rows(str(tmp_path / "new.npz"), [Column("x0", "number")])
    assert list(printable(rows)) == ["x0", "x1"]
    np.savez(tmp_path / "new.npz", z=pixels)
    with pytest.raises(DataError) as caught:
        read_rows(str(tmp_path / "new.npz"), [PHOTO])
    assert str(caught.value) == "new.npz: the archive must hold the array x, but holds z."


def test_arrays_and_bytes_are_not_written_into_answers() -> None:
    rows = pd.DataFrame(
        {"list": [None, [1, 2]], "file": [b"x", None], "name": ["a", "b"], "none": [None, None]}
    )
    assert list(printable(rows)) == ["name", "none"]


def test_files_in_cells_are_written_as_their_paths() -> None:
    named, nameless = {"bytes": b"x", "path": "1.png"}, {"bytes": b"x", "path": None}
    rows = pd.DataFrame({"a": [None, named, nameless], "b": [nameless] * 3})
    assert list(printable(rows)) == ["a"]
    assert printable(rows)["a"].dropna().to_dict() == {1: "1.png"}


def test_a_table_is_read_as_the_training_rows_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    form = TextFormat(separator=";", decimal=",", header="none", names=("zip", "x", "y"))
    for text in ("01;1,5;no\n", "zip;x;y\n01;1,5;no\n", "01;1,5\n", "zip,x\n01,1.5\n"):
        Path("t.txt").write_text(text)
        rows, _ = read_rows("t.txt", TABLE, form=form, target="y")
        assert rows[["zip", "x"]].to_dict("list") == {"zip": ["01"], "x": [1.5]}, text


def test_a_table_that_lacks_a_column_is_named_by_it(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text("zip;z\n01;1,5\n")
    rows, _ = read_rows(str(path), TABLE, form=TextFormat(separator=";", header="first"))
    with pytest.raises(DataError, match="the data lacks the column 'x'"):
        cast_columns(rows, TABLE)


def test_the_format_is_kept_with_a_model(tmp_path: Path) -> None:
    form = TextFormat(separator=";", header="none", names=("a", "b"), na=("?",))
    assert _read_format(tmp_path) == AUTO  # a model that was saved before formats were kept
    write_format(tmp_path, form)
    assert _read_format(tmp_path) == form
