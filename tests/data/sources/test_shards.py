from __future__ import annotations

import gzip
import io
import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from shard_files import as_members, make_samples, pack, picture

from dlrun.data.dataset import read_dataset
from dlrun.data.sources import archives
from dlrun.data.sources.registry import read_source
from dlrun.data.sources.shards import read_shards, to_arrow
from dlrun.data.sources.tar_samples import BLOCK
from dlrun.errors import DataError


def test_samples_are_rows_and_extensions_are_columns(make_recipe: Any, tmp_path: Path) -> None:
    pack(tmp_path / "shards.tar", as_members(make_samples(12)))
    raw = read_source("shards.tar", tmp_path)
    assert list(raw.frame) == ["label", "image", "text", "width", "place", "isGood"]
    assert raw.target == "label"
    assert raw.types == {"image": "image", "text": "text"}
    assert raw.frame["label"].tolist() == ["0", "1", "2"] * 4  # a class, whatever it is called
    assert raw.frame["width"].tolist() == list(range(12))
    assert raw.frame["text"][3] == "a picture of shade 3"
    assert raw.frame["image"][3] == {"bytes": picture(3), "path": "d/00003.png"}
    dataset = read_dataset(make_recipe({"source": "shards.tar"}))
    assert {column.name: column.type for column in dataset.columns} == {
        "image": "image", "text": "text", "width": "number", "place": "category",
        "isGood": "category",
    }  # fmt: skip
    assert [cell[0, 0, 0] for cell in dataset.frame["image"]] == list(range(12))
    assert dataset.target.labels == ("0", "1", "2")


@pytest.mark.parametrize(
    "source",
    ["set", "set/*.tar", "set/t-{0..2}.tar", "set/t-{0,1,2}.tar", "set/t-{000..002}.tar"],
)
def test_many_shards_are_one_table(tmp_path: Path, source: str) -> None:
    width = 3 if "000" in source else 1
    for number in range(3):
        name = f"t-{number:0{width}d}.tar"
        pack(tmp_path / "set" / name, as_members(make_samples(4, 4 * number)))
    (tmp_path / "set" / "README.md").write_text("shards")
    raw = read_source(source, tmp_path)
    assert raw.frame["width"].tolist() == list(range(12))
    assert raw.name == ("t" if "t-" in source else "set")
    assert raw.subsets is None


def test_a_missing_shard_of_a_range_is_named(tmp_path: Path) -> None:
    for number in (0, 2):
        pack(tmp_path / f"t-{number}.tar", as_members(make_samples(2)))
    with pytest.raises(DataError) as caught:
        read_source("t-{0..3}.tar", tmp_path)
    assert str(caught.value) == (
        f"t-1.tar does not exist in the folder {tmp_path}: 2 of the 4 names that t-{{0..3}}.tar "
        "stands for are missing."
    )


@pytest.mark.parametrize("name", ["a.tar.gz", "a.tgz"])
def test_compressed_shards_are_read_through(tmp_path: Path, name: str) -> None:
    pack(tmp_path / "a.tar", as_members(make_samples(5)))
    pack(tmp_path / name, as_members(make_samples(5)), "w:gz")
    pd.testing.assert_frame_equal(
        read_source(name, tmp_path).frame, read_source("a.tar", tmp_path).frame
    )


def test_shards_named_after_parts_bring_these(make_recipe: Any, tmp_path: Path) -> None:
    for name, first, n in (
        ("train-000", 0, 9),
        ("train-001", 9, 6),
        ("val-0", 15, 3),
        ("test", 18, 3),
    ):
        pack(tmp_path / "set" / f"x-{name}.tar", as_members(make_samples(n, first)))
    dataset = read_dataset(make_recipe({"source": "set"}))
    assert dataset.split_values is not None
    found = dict(zip(dataset.frame["width"], dataset.split_values, strict=True))
    expected = ["train"] * 15 + ["validation"] * 3 + ["test"] * 3
    assert [found[number] for number in range(21)] == expected


def test_members_may_be_missing_or_of_other_kinds(tmp_path: Path) -> None:
    members = as_members(
        {
            "./a": {"jpg": picture(1, "jpeg"), "cls": "cat"},
            "./b": {"JPG": picture(2, "jpeg"), "npy": b"1"},
            "./c": {"cls": "dog", "score": "0.5", "left.png": picture(3)},
            "./d": {"npy": b"1"},
        }
    )
    raw = read_source(str(pack(tmp_path / "x.tar", members)), Path())
    assert len(raw.frame) == 3
    assert raw.frame["label"].tolist()[::2] == ["cat", "dog"]
    assert raw.frame["label"].isna().tolist() == [False, True, False]
    assert [cell and cell["path"] for cell in raw.frame["image"]] == ["a.jpg", "b.jpg", None]
    assert raw.frame["left"].tolist() == [None, None, {"bytes": picture(3), "path": "c.left.png"}]
    assert raw.frame["score"].tolist()[2] == 0.5
    assert [note.text for note in raw.notes] == ["Files in the shards that are not read: .npy (2)."]


def test_names_and_kinds_of_members_do_no_harm(tmp_path: Path) -> None:
    path = tmp_path / "x.tar"
    with tarfile.open(path, "w") as archive:
        for kind, name, target in (
            (tarfile.DIRTYPE, "d", ""),
            (tarfile.SYMTYPE, "d/0.png", "/etc/passwd"),
            (tarfile.LNKTYPE, "d/1.png", "d/0.png"),
            (tarfile.FIFOTYPE, "d/2.png", ""),
        ):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, target
            archive.addfile(info)
        for name in ("/etc/a", "../../b", "._c", "d/.hidden", "long" * 60):
            info = tarfile.TarInfo(f"{name}.txt")
            info.size = 2
            archive.addfile(info, io.BytesIO(b"hi"))
    raw = read_shards("x.tar", [path])
    assert raw.frame["text"].tolist() == ["hi"] * 3
    assert list(tmp_path.iterdir()) == [path]


SAMPLE = as_members(make_samples(3))


@pytest.mark.parametrize(
    ("members", "message"),
    [
        (
            [],
            "x.tar holds no samples: files such as 0001.jpg and 0001.cls",
        ),
        ([("a.npy", b"1"), ("b", b"2")], "It holds .npy."),
        ([*SAMPLE, SAMPLE[0]], "the files of the sample 'd/00000' do not follow each other"),
        ([*SAMPLE, SAMPLE[-1]], "the sample 'd/00002' has two files .json"),
        ([("a.jpg", b"1"), ("a.png", b"2")], "several files for the column 'image', such as .png"),
        ([("a.txt", b"\xff")], "the sample 'a' has a file .txt, which is not UTF-8 text"),
        ([("a.json", b'{"\\ud800": 1}')], "x.tar: the column '\\ud800' is not UTF-8. Rename"),
        ([("a.\udcff.png", b"1")], "x.tar: the column '\\udcff' is not UTF-8. Rename"),
        (
            [("a.json", b"{")],
            "the file .json of the sample 'a' is damaged: Expecting",
        ),
    ],
)
def test_faults_of_samples_are_named(tmp_path: Path, members: Any, message: str) -> None:
    path = pack(tmp_path / "x.tar", members)
    with pytest.raises(DataError) as caught:
        read_shards("x.tar", [path])
    assert message in str(caught.value)


def test_a_damaged_shard_is_told_from_one_that_ends(tmp_path: Path) -> None:
    whole = pack(tmp_path / "x.tar", as_members(make_samples(40))).read_bytes()
    path = tmp_path / "x.tar"
    n_rows = len(read_shards("x", [path]).frame)
    with tarfile.open(path) as archive:
        starts = [info.offset for info in archive]
    for damage in (whole[:100], whole[: starts[50] + 520], _flipped(whole, starts[50] + 150), b""):
        path.write_bytes(damage)
        with pytest.raises(DataError, match=r"x\.tar: cannot be read"):
            read_shards("x", [path])
    rng = np.random.default_rng(0)
    for _ in range(200):  # no other error, and no row lost without one
        path.write_bytes(_flipped(whole, int(rng.integers(len(whole)))))
        try:
            assert len(read_shards("x", [path]).frame) >= n_rows - 1
        except DataError:
            pass


@pytest.mark.parametrize(
    ("name", "kind", "size"),
    [
        (".hidden", tarfile.REGTYPE, -BLOCK),
        ("name", tarfile.XHDTYPE, 2**62),
        ("name", tarfile.XHDTYPE, 2**80),
    ],
    ids=["back to itself", "beyond memory", "beyond numbers"],
)
def test_sizes_that_no_file_has_are_damage(
    tmp_path: Path, name: str, kind: bytes, size: int
) -> None:
    path = pack(tmp_path / "x.tar", SAMPLE)
    with tarfile.open(path) as archive:
        end = max(info.offset_data + -(-info.size // BLOCK) * BLOCK for info in archive)
    info = tarfile.TarInfo(name)
    info.type, info.size = kind, size
    path.write_bytes(path.read_bytes()[:end] + info.tobuf(tarfile.GNU_FORMAT))
    with pytest.raises(DataError, match=r"x\.tar: cannot be read: (a|the) header .*is damaged"):
        read_shards("x", [path])


def test_an_empty_image_is_missing_whatever_lies_where_its_name_points(
    make_recipe: Any, tmp_path: Path
) -> None:
    pack(tmp_path / "x.tar", [*SAMPLE, ("a.png", b""), ("a.cls", b"1")])
    (tmp_path / "a.png").write_bytes(picture(9))
    dataset = read_dataset(make_recipe({"source": "x.tar"}))
    assert [cell.max() for cell in dataset.frame["image"]] == [0, 1, 2, 0]


def _flipped(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 0x55]) + content[place + 1 :]


def test_a_shard_that_unpacks_to_far_more_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack(tmp_path / "x.tar", [("a.txt", b"0" * 10**6)])
    (tmp_path / "x.tar.gz").write_bytes(gzip.compress((tmp_path / "x.tar").read_bytes()))
    monkeypatch.setattr(archives, "MAX_BYTES", 2**16)
    monkeypatch.setattr(archives, "CHUNK", 2**15)
    with pytest.raises(DataError, match="unpack it yourself"):
        read_source("x.tar.gz", tmp_path)


@pytest.mark.parametrize(
    ("cells", "content", "expected"),
    [
        (["1", None, "20"], "value", [1, None, 20]),
        (["1", "2.5"], "value", [1.0, 2.5]),
        (["007", "1"], "value", ["007", "1"]),
        (["1", "cat"], "value", ["1", "cat"]),
        ([1, 2.5, None], "json", [1.0, 2.5, None]),
        ([True, None], "json", [True, None]),
        ([1, "b", True], "json", ["1", "b", "true"]),
        ([2**70, 1], "json", [str(2**70), "1"]),
        (["\ud800"], "json", ["?"]),
        ([None], "text", [None]),
    ],
)
def test_cells_are_numbers_where_all_are(cells: Any, content: str, expected: Any) -> None:
    assert to_arrow(cells, content).to_pylist() == expected
    if content == "value":
        assert to_arrow(cells, content, is_verbatim=True).to_pylist() == cells
