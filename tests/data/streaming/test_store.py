"""The store of decoded cells: what is read back, and what becomes of it when writing fails."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from collections import namedtuple
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from dlrun.contract.dataset import Column
from dlrun.data.streaming import store as rows_store
from dlrun.data.streaming.blocks import Block
from dlrun.data.streaming.store import (
    CellCheck,
    CellStore,
    CellWriter,
    StaleCellsError,
    StoredCells,
    note_cells,
    open_cells,
    opened,
)
from dlrun.errors import DataError

IMAGE, SOUND = Column("x", "image", (3, 2, 3)), Column("y", "audio", (5,), rate=8000)
COLUMNS = (Column("n", "number"), IMAGE, SOUND)
Usage = namedtuple("Usage", "free")


@pytest.fixture(autouse=True)
def room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DLRUN_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache" / "cells"


def files(path: str = "table.parquet", n_blocks: int = 2) -> SimpleNamespace:
    return SimpleNamespace(blocks=tuple(Block(Path(path), number) for number in range(n_blocks)))


def rows(n_rows: int, seed: int = 0) -> tuple[pd.DataFrame, np.ndarray]:
    """Return typed rows, the third of which has neither image nor sound, and digests."""
    rng = np.random.default_rng(seed)
    images, sounds = np.empty(n_rows, object), np.empty(n_rows, object)
    for row in range(n_rows):
        images[row] = rng.integers(1, 256, IMAGE.shape).astype(np.uint8)
        sounds[row] = rng.normal(size=rng.integers(1, 6)).astype(np.float32)
    if n_rows > 2:
        images[2], sounds[2] = np.zeros(IMAGE.shape, np.uint8), np.zeros(0, np.float32)
    digests = rng.integers(0, 2**64, (n_rows, 2), dtype=np.uint64)
    return pd.DataFrame({"n": np.arange(n_rows), "x": images, "y": sounds}), digests


def write(source: SimpleNamespace, *parts) -> CellWriter:
    with open_cells(source, COLUMNS) as cells:
        assert isinstance(cells, CellWriter)
        for frame, digests in parts:
            cells.add(frame, digests)
    return cells


def found(source: SimpleNamespace) -> CellWriter | CellCheck:
    with open_cells(source, COLUMNS) as cells:
        if isinstance(cells, CellWriter):
            cells.give_up("only asked for")
    return cells


def read(source: SimpleNamespace, chosen: list[int]) -> StoredCells:
    with opened(found(source).store) as cells:
        return cells.take(np.array(chosen))


def test_cells_come_back_as_they_were() -> None:
    parts = rows(7), rows(4, seed=1)
    write(files(), *parts)
    expected = pd.concat([frame for frame, _ in parts], ignore_index=True)
    digests = np.concatenate([each for _, each in parts])
    for chosen in ([*range(11)], [0], [10], [1, 2, 6, 8]):
        cells = read(files(), chosen)
        assert np.array_equal(cells.digests, digests[chosen])
        assert set(cells.cells) == {"x", "y"}
        for name, column in cells.cells.items():
            for row, cell in zip(chosen, column, strict=True):
                assert cell.dtype == expected[name][row].dtype
                assert np.array_equal(cell, expected[name][row])


def test_a_store_that_is_cut_off_is_an_error() -> None:
    write(files(), rows(7))
    with pytest.raises(DataError, match="has been changed"):
        read(files(), [6, 7])


def test_a_store_of_other_content_is_removed(room: Path) -> None:
    frame, digests = rows(3)
    write(files(), (frame, digests))
    with open_cells(files(), COLUMNS) as cells:
        assert isinstance(cells, CellCheck)
        cells.add(frame, digests, digests.copy())
        cells.add(frame, digests, None)  # the file was removed by another process
    with pytest.raises(StaleCellsError), open_cells(files(), COLUMNS) as cells:
        cells.add(frame, digests, digests + np.uint64(1))
    assert not [*room.glob("*.cells")]


def test_rows_without_arrays_need_no_store(room: Path) -> None:
    with open_cells(files(), COLUMNS[:1]) as cells:
        assert cells is None
    assert not room.exists()


def test_only_this_user_can_read_the_cells(room: Path) -> None:
    write(files(), rows(1))
    (path,) = room.glob("*.cells")
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("changed", ["file", "blocks", "shape", "missing"])
def test_other_cells_have_another_store(changed: str) -> None:
    write(files(), rows(1))
    source, columns = files(), list(COLUMNS)
    if changed == "file":
        source = files("other.parquet")
    elif changed == "blocks":
        source = files(n_blocks=3)
    elif changed == "shape":
        columns[1] = Column("x", "image", (2, 3, 3))
    else:
        columns[2] = Column("y", "audio", (5,), rate=8000, missing=("?",))
    with open_cells(source, columns) as cells:
        assert isinstance(cells, CellWriter)


def test_a_scan_that_fails_leaves_nothing(room: Path) -> None:
    with pytest.raises(ValueError, match="damaged"), open_cells(files(), COLUMNS) as cells:
        cells.add(*rows(3))
        int("damaged")
    assert not [*room.glob("*.cells"), *room.glob("*.part")]
    assert isinstance(found(files()), CellWriter)


@pytest.mark.parametrize("when", ["first", "later", "sync", "rename"])
def test_a_full_disk_ends_the_store_and_leaves_nothing(
    when: str, room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with open_cells(files(), COLUMNS) as cells:
        if when == "later":
            cells.add(*rows(3))
        if when in ("first", "later"):
            monkeypatch.setattr(rows_store, "make_room", fail)
        elif when == "sync":
            monkeypatch.setattr(os, "fsync", fail)
        else:
            monkeypatch.setattr(Path, "replace", fail)
        cells.add(*rows(3))
        cells.add(*rows(3))
    assert cells.fault == "No space left on device"
    assert not [*room.glob("*.cells"), *room.glob("*.part")]
    assert "decoded anew in every epoch" in note_cells(cells).text
    assert str(room) in note_cells(cells).text


def test_a_cache_that_cannot_be_written_is_no_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setattr(rows_store, "cache_folder", tmp_path.joinpath("file").joinpath)
    cells = write(files(), rows(2))
    assert cells.fault == "Not a directory"


def test_stores_take_half_of_the_free_disk_at_most(
    room: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = CellStore(Path(), (IMAGE, SOUND)).record.itemsize
    monkeypatch.setattr(rows_store.shutil, "disk_usage", lambda _: Usage(100 * size - taken(room)))
    write(files("a"), rows(20))
    write(files("b"), rows(20))
    for number, name in enumerate("ab"):
        (path,) = (found(files(name)).store.path,)
        os.utime(path, (time.time(), time.time() - 100 + number))
    with opened(found(files("a")).store):  # a is used again, so b is the oldest
        pass
    write(files("c"), rows(15))
    assert isinstance(found(files("a")), CellCheck)
    assert isinstance(found(files("b")), CellWriter)
    assert isinstance(found(files("c")), CellCheck)
    large = write(files("d"), rows(30), rows(30))
    assert "more than 50% of the free disk" in large.fault
    assert not [*room.glob("*.part")]


def taken(room: Path) -> int:
    paths = [*room.glob("*.cells"), *room.glob("*.part")]
    return sum(path.stat().st_size for path in paths)


KILLED = """\
import os, signal, sys
sys.path[:0] = [{here!r}]
from test_store import COLUMNS, files, open_cells, rows
with open_cells(files("killed"), COLUMNS) as cells:
    cells.add(*rows(3))
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_has_begun_is_no_store_and_is_removed(room: Path) -> None:
    code = KILLED.format(here=str(Path(__file__).parent))
    subprocess.run([sys.executable, "-c", code], check=False)
    assert [*room.glob("*.part")]
    assert isinstance(found(files("other")), CellWriter)
    assert not [*room.glob("*.part")]


def test_processes_at_once_write_one_store(room: Path) -> None:
    """Each waits for the other; the second one finds what the first has written."""
    code = f"""\
import sys, time
sys.path[:0] = [{str(Path(__file__).parent)!r}]
from test_store import COLUMNS, CellWriter, files, open_cells, rows
with open_cells(files(), COLUMNS) as cells:
    print(type(cells).__name__)
    if isinstance(cells, CellWriter):
        for number in range(20):
            cells.add(*rows(5, seed=number))
            time.sleep(0.01)
"""
    both = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    assert sorted(each.communicate()[0].strip() for each in both) == ["CellCheck", "CellWriter"]
    expected = np.concatenate([rows(5, seed=number)[1] for number in range(20)])
    assert np.array_equal(read(files(), [*range(100)]).digests, expected)


def test_a_store_that_is_removed_stays_readable_where_it_is_open() -> None:
    write(files(), rows(3))
    store = found(files()).store
    with opened(store) as cells:
        store.path.unlink()
        assert len(cells.take(np.arange(3)).digests) == 3
    with opened(store) as cells:
        assert cells is None
