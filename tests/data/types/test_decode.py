from __future__ import annotations

import base64
import zipfile
from io import BytesIO
from mmap import mmap
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import psutil
import pytest

from dlrun.contract.dataset import Column
from dlrun.data.types import decode as cells
from dlrun.data.types.decode import (
    CellError,
    allocate,
    as_cells,
    for_each,
    is_present,
    locate,
    to_array,
)
from dlrun.errors import DataError

PHOTO = Column("photo", "image")


def test_missing_cells_are_known_whatever_they_were_written_as() -> None:
    raw: list[Any] = ["a", "", None, np.nan, pd.NA, b"", b"x", [], [0], np.zeros(0), np.zeros(1)]
    raw += [{"bytes": None, "path": None}, {"bytes": None, "path": "a"}, Path("a")]
    expected = [1, 0, 0, 0, 0, 0, 1, 0, 1, 0, 1, 0, 1, 1]
    assert is_present(pd.Series(as_cells(raw, len(raw)))).tolist() == [bool(n) for n in expected]


@pytest.mark.parametrize(
    "nested",
    [
        [[1, 2, None], [4, 5, 6]],
        ((1.0, 2.0, None), (4.0, 5.0, 6.0)),
        as_cells([np.array([1.0, 2.0, np.nan]), np.array([4.0, 5.0, 6.0])], 2),
        [np.array([1, 2, np.nan]), [4, 5, 6]],
    ],
)
def test_nested_lists_become_arrays(nested: Any) -> None:
    expected = [[1, 2, np.nan], [4, 5, 6]]
    np.testing.assert_array_equal(to_array(nested).astype(float), expected)


@pytest.mark.parametrize(
    ("nested", "message"),
    [
        ([[1, 2], [3]], "has lists of different lengths, such as 1 and 2"),
        ([[1, 2], 3], "holds a list of something other than numbers"),
        (["a", "b"], "holds a list of something other than numbers"),
        ([{"a": 1}], "holds a list of something other than numbers"),
    ],
)
def test_what_is_no_array_is_refused(nested: Any, message: str) -> None:
    with pytest.raises(CellError) as caught:
        to_array(nested)
    assert str(caught.value) == message


def test_a_file_may_be_a_path_bytes_base64_or_a_place_in_a_zip(tmp_path: Path) -> None:
    data = bytes(range(256))
    (tmp_path / "ü.png").write_bytes(data)
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("in/b.png", data)
    text = base64.b64encode(data).decode()
    wrapped = "\n".join(text[start : start + 76] for start in range(0, len(text), 76))
    for cell in (
        "ü.png",
        str(tmp_path / "ü.png"),
        Path("ü.png"),
        data,
        bytearray(data),
        text,
        wrapped,
        f"data:image/png;base64,{text}",
        {"bytes": data, "path": None},
        {"path": "ü.png", "bytes": None},
        zipfile.Path(tmp_path / "a.zip", "in/b.png"),
    ):
        found = locate(cell, [tmp_path / "elsewhere", tmp_path])
        read = found.getvalue() if isinstance(found, BytesIO) else Path(found).read_bytes()
        assert read == data, cell


def test_the_first_folder_that_has_the_file_wins(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "x.png").write_text(name)
    assert locate("x.png", [tmp_path / "b", tmp_path / "a"]) == str(tmp_path / "b" / "x.png")


def failure(raw: list[Any], folders: list[Path], column: Column = PHOTO) -> str:
    values = pd.Series(as_cells(raw, len(raw)), index=range(10, 10 + len(raw)))
    with pytest.raises(DataError) as caught:
        for_each(values, column, folders, lambda _, cell: locate(cell, folders))
    return str(caught.value)


def test_the_first_bad_cell_is_named_with_its_row_in_the_source(tmp_path: Path) -> None:
    (tmp_path / "ok.png").write_text("x")
    assert failure(["ok.png", None, "no.png", 3, "gone.png"], [tmp_path, tmp_path / "b"]) == (
        "column 'photo' is of type image, but row 13 holds 'no.png', which does not exist in "
        f"{tmp_path} nor {tmp_path / 'b'} (3 such rows in all). Replace it or leave it out."
    )
    assert failure([7], [tmp_path]) == (
        "column 'photo' is of type image, but row 11 holds 7, which is neither a path nor the "
        "bytes of a file nor base64. Replace it or leave it out."
    )
    assert failure([f"data:image/png;base64,{'A' * 70}!"], [tmp_path]) == (
        f"column 'photo' is of type image, but row 11 holds 'data:image/png;base64,{'A' * 37}…, "
        "which is damaged base64: Only base64 data is allowed. Replace it or leave it out."
    )


class Memory(NamedTuple):
    available: int


def is_mapped(array: np.ndarray) -> bool:
    while isinstance(array.base, np.ndarray):
        array = array.base
    return isinstance(getattr(array.base, "obj", array.base), mmap)


def test_little_memory_sends_cells_to_a_file_that_leaves_no_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cells.tempfile, "tempdir", str(tmp_path))
    assert not is_mapped(allocate((4, 5), np.uint8, PHOTO))
    monkeypatch.setattr(psutil, "virtual_memory", lambda: Memory(39))
    assert not is_mapped(allocate((19,), np.uint8, PHOTO))
    mapped = allocate((4, 5), np.float32, PHOTO)
    assert is_mapped(mapped)
    mapped[:] = 7
    assert (mapped.shape, mapped.dtype, mapped.sum()) == ((4, 5), np.float32, 140)
    assert list(tmp_path.iterdir()) == []


def test_no_room_at_all_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Disk(NamedTuple):
        free: int

    monkeypatch.setattr(cells.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(psutil, "virtual_memory", lambda: Memory(0))
    monkeypatch.setattr(cells.shutil, "disk_usage", lambda _: Disk(2**30))
    with pytest.raises(DataError) as caught:
        allocate((3, 2**30), np.uint8, PHOTO)
    assert str(caught.value) == (
        "column 'photo': 3.0 GiB are needed for what is decoded, more than there are in memory, "
        f"and 1.0 GiB are free in {tmp_path}. Set TMPDIR to a folder with more room, "
        "data.max_rows, or preprocessing.image to smaller sizes."
    )


@pytest.mark.parametrize(("limit", "free"), [("max\n", 100), ("70\n", 50), ("900\n", 100)])
def test_the_memory_of_a_container_is_heeded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, free: int
) -> None:
    files = tmp_path / "memory.max", tmp_path / "memory.current"
    files[0].write_text(limit)
    files[1].write_text("20\n")
    monkeypatch.setattr(cells, "CGROUP_MEMORY", files)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: Memory(100))
    assert cells.free_memory() == free
    files[1].unlink()
    assert cells.free_memory() == 100
