"""Packed files that are damaged, or far larger than they look, are one clear error in seconds."""

from __future__ import annotations

import gzip
import time
import zipfile
from pathlib import Path

import pandas as pd
import pytest

from dlrun.data.sources import archives
from dlrun.data.sources.registry import read_source
from dlrun.errors import DataError


@pytest.fixture
def _small_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "MAX_BYTES", 2**20)


def write(path: Path, content: bytes, member: str = "table.csv") -> None:
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(content))
    else:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(member, content)


@pytest.mark.usefixtures("_small_limit")
@pytest.mark.parametrize("name", ["a.csv.gz", "a.csv.zip", "a.npz", "pictures.zip"])
def test_a_bomb_is_not_unpacked(name: str, tmp_path: Path) -> None:
    member = {"a.npz": "x.npy", "pictures.zip": "yes/a.png"}.get(name, "table.csv")
    write(tmp_path / name, b"0" * 2**25, member)
    start = time.process_time()
    with pytest.raises(DataError) as caught:
        read_source(name, tmp_path)
    assert time.process_time() - start < 5
    assert "0.0 MiB that unpack to 0.0 GiB or more" in str(caught.value)
    assert str(caught.value).endswith(
        "If that is no mistake, unpack it yourself, and name what was in it."
    )


@pytest.mark.usefixtures("_small_limit")
def test_what_packs_well_is_read(tmp_path: Path) -> None:
    rows = "".join(f"{number},red\n" for number in range(2**18))
    write(tmp_path / "a.csv.gz", f"a,b\n{rows}".encode())
    assert len(read_source("a.csv.gz", tmp_path).frame) == 2**18


@pytest.mark.parametrize("name", ["a.csv.gz", "a.csv.zip", "a.npz", "pictures.zip"])
def test_a_damaged_archive_is_named(name: str, tmp_path: Path) -> None:
    member = {"a.npz": "x.npy", "pictures.zip": "yes/a.png"}.get(name, "table.csv")
    content = "a,b\n" + "".join(f"{n},{n * n % 97}\n" for n in range(999))
    write(tmp_path / name, content.encode(), member)
    whole = (tmp_path / name).read_bytes()
    for at in range(0, len(whole), len(whole) // 23):
        (tmp_path / name).write_bytes(whole[:at] + b"\xff\x00\xff" + whole[at + 3 :])
        try:
            read_source(name, tmp_path)
        except DataError:
            continue


@pytest.mark.parametrize("name", ["a.csv.zip", "a.npz", "pictures.zip"])
def test_a_zip_without_its_beginning_is_named(name: str, tmp_path: Path) -> None:
    write(tmp_path / name, b"0" * 999, "yes/a.png" if name == "pictures.zip" else "table.csv")
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[9:])
    with pytest.raises(DataError, match=rf"{name}: .*its beginning was cut off"):
        read_source(name, tmp_path)


def test_wrong_offsets_in_a_feather_file_do_not_end_the_process(tmp_path: Path) -> None:
    words = pd.DataFrame({"a": ["one", "two", "three"] * 20})
    words.to_feather(tmp_path / "a.feather", compression="uncompressed")
    content = (tmp_path / "a.feather").read_bytes()
    for width in (4, 8):  # bytes of an offset; those of the first words are 0, 3, 6
        three, six, far = (number.to_bytes(width, "little") for number in (3, 6, 2**30))
        content = content.replace(three + six, three + far)
    (tmp_path / "a.feather").write_bytes(content)
    with pytest.raises(DataError, match=r"cannot be read as \.feather: "):
        read_source("a.feather", tmp_path)


def test_a_table_beyond_memory_is_one_message(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.csv").write_text("a\n1\n")

    def full(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr("dlrun.data.sources.tables.read_text", full)
    with pytest.raises(DataError, match="the memory of this machine does not suffice for it"):
        read_source("a.csv", tmp_path)
