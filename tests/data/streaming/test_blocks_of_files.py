from __future__ import annotations

import pickle
import threading
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import soundfile
from shard_files import as_members, make_samples, pack, picture

from dlrun.data.sources.folders import read_folder
from dlrun.data.sources.shards import read_shards
from dlrun.data.streaming import file_blocks, shards
from dlrun.data.streaming.blocks import SUBSET, Blocks
from dlrun.data.streaming.file_blocks import cut_folder
from dlrun.data.streaming.shards import cut_shards
from dlrun.data.types.decode import locate
from dlrun.errors import DataError


def rows_of(blocks: Blocks) -> pd.DataFrame:
    tables = [table for block in blocks.blocks for table in blocks.read(block, blocks.names)]
    assert sum(map(len, tables)) == blocks.n_rows
    frames = [table.to_pandas().astype(object) for table in tables]
    return pd.concat(frames, ignore_index=True)


def content(cell: Any, folder: Path) -> bytes:
    source = locate(cell, (folder,))
    return Path(source).read_bytes() if isinstance(source, str) else source.getvalue()


def write_image(path: Path, number: int) -> None:
    path.write_bytes(picture(number))


def write_sound(path: Path, number: int) -> None:
    soundfile.write(path, np.sin(np.arange(80) * (number + 1) / 10), 8000)


def write_text(path: Path, number: int) -> None:
    path.write_text(f"wörd {number}", encoding="utf-8")


def write_classes(folder: Path, write: Callable[[Path, int], None], suffix: str) -> Path:
    for place, name in enumerate(("Äpfel", "b", "c c")):
        (folder / name).mkdir(parents=True)
        for number in range(20):
            write(folder / name / f"{number}{suffix}", 20 * place + number)
    (folder / ".hidden.png").write_text("x")
    return folder


def zipped(folder: Path) -> Path:
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, file in enumerate(sorted(folder.rglob("*"))):
            kind = zipfile.ZIP_STORED if number % 2 else zipfile.ZIP_DEFLATED
            name = f"top/{file.relative_to(folder).as_posix()}"
            if file.is_file():
                archive.write(file, name, kind)
    return path


@pytest.mark.parametrize(
    ("write", "suffix", "kind"),
    [(write_image, ".png", "image"), (write_sound, ".wav", "audio"), (write_text, ".txt", "text")],
    ids=["image", "audio", "text"],
)
@pytest.mark.parametrize("is_zipped", [False, True])
def test_files_in_blocks_are_those_in_memory(
    tmp_path: Path, write: Any, suffix: str, kind: str, is_zipped: bool, monkeypatch: Any
) -> None:
    folder = write_classes(tmp_path / "x", write, suffix)
    path = zipped(folder) if is_zipped else folder
    monkeypatch.setattr(file_blocks, "BLOCK_FILES", 7)
    monkeypatch.setattr(file_blocks, "BATCH_BYTES", 300)
    blocks = cut_folder(path)
    assert len(blocks.blocks) == 9
    assert (blocks.name, blocks.target, dict(blocks.kinds)) == ("x", "label", {kind: kind})
    assert blocks.split_column is None
    rows, raw = rows_of(pickle.loads(pickle.dumps(blocks))), read_folder(path).frame
    if kind == "text" and is_zipped:
        raw[kind] = [content(cell, folder).decode() for cell in raw[kind]]
        pairs = (sorted(zip(frame[kind], frame["label"], strict=True)) for frame in (rows, raw))
        assert next(pairs) == next(pairs)
        return
    for frame in (rows, raw):
        frame["bytes"] = [content(cell, folder) for cell in frame[kind]]
    assert sorted(zip(rows["bytes"], rows["label"], strict=True)) == sorted(
        zip(raw["bytes"], raw["label"], strict=True)
    )


def test_classes_are_mixed_in_each_block_in_the_same_order_everywhere(tmp_path: Path) -> None:
    write_classes(tmp_path / "a", write_text, ".txt")
    write_classes(tmp_path / "b", write_text, ".txt")
    orders = [cut_folder(tmp_path / name).files.names for name in "ab"]
    assert orders[0] == orders[1]
    assert len({name.split("/")[0] for name in orders[0][:12]}) == 3


def test_folders_of_parts_are_a_column(tmp_path: Path) -> None:
    for name in ("train", "Val", "test"):
        write_classes(tmp_path / "x" / name, write_text, ".txt")
    for path in (tmp_path / "x", zipped(tmp_path / "x")):
        blocks = cut_folder(path, "kind")
        assert blocks.split_column == SUBSET
        assert blocks.target == "kind"
        rows = rows_of(blocks)
        counts = rows.groupby([SUBSET, "kind"]).size()
        assert counts.to_dict() == {
            (part, name): 20
            for part in ("train", "validation", "test")
            for name in ("Äpfel", "b", "c c")
        }


def test_a_zip_is_read_by_many_threads_at_once(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(file_blocks, "BLOCK_FILES", 5)
    blocks = cut_folder(zipped(write_classes(tmp_path / "x", write_image, ".png")))
    expected = rows_of(blocks)
    found: list[pd.DataFrame] = []
    threads = [threading.Thread(target=lambda: found.append(rows_of(blocks))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    for rows in found:
        pd.testing.assert_frame_equal(rows, expected)


def test_a_zip_that_is_damaged_changed_or_packed_otherwise_is_refused(tmp_path: Path) -> None:
    path = zipped(write_classes(tmp_path / "x", write_image, ".png"))
    blocks = cut_folder(path)
    whole = path.read_bytes()
    start = int(blocks.members["start"][0])  # type: ignore[index]
    for place in (start, start + 80):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        with pytest.raises(DataError, match=r"x\.zip: cannot be unpacked"):
            rows_of(blocks)
    path.write_bytes(whole[:2000])
    with pytest.raises(DataError, match=r"x\.zip: cannot be unpacked"):
        rows_of(blocks)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a/1.png", picture(1))
    with pytest.raises(DataError, match="packed by other means than deflate"):
        cut_folder(path)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a/1.txt", b"\xff")
    with pytest.raises(DataError, match=r"a/1\.txt, which is not UTF-8 text"):
        rows_of(cut_folder(path))


# ---------------------------------------------------------------------------------- shards


def write_shards(folder: Path, names: tuple[str, ...] = ("a-0.tar", "a-1.tar")) -> list[Path]:
    samples = [as_members(make_samples(33, 40 * number)) for number in range(len(names))]
    samples[-1] += [("late.cls", b"1"), ("z.npy", b"1"), ("last.txt", b"a text alone")]
    return [pack(folder / name, each) for name, each in zip(names, samples, strict=True)]


def test_shards_in_blocks_are_those_in_memory(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(shards, "BLOCK_SAMPLES", 10)
    monkeypatch.setattr(shards, "BATCH_BYTES", 700)
    paths = write_shards(tmp_path)
    blocks = cut_shards("a-*.tar", paths)
    raw = read_shards("a-*.tar", paths)
    assert len(blocks.blocks) == 8
    assert blocks.names == tuple(raw.frame)
    assert (blocks.name, blocks.target, blocks.kinds) == (raw.name, raw.target, raw.types)
    assert [note.text for note in blocks.notes] == [note.text for note in raw.notes]
    rows = rows_of(pickle.loads(pickle.dumps(blocks)))
    assert len(rows) == 68
    for name in raw.frame:
        expected, found = raw.frame[name], rows[name]
        assert found.isna().tolist() == expected.isna().tolist()
        assert found.dropna().tolist() == expected.dropna().tolist()


def test_blocks_of_shards_are_read_in_any_order_and_by_column(tmp_path: Path) -> None:
    paths = write_shards(tmp_path, ("train-0.tar", "test-0.tar"))
    blocks = cut_shards(str(tmp_path), paths)
    assert blocks.split_column == SUBSET
    for number, part in reversed(list(enumerate(("train", "test")))):
        table = pa.concat_tables(blocks.read(blocks.blocks[number], [SUBSET, "width", "label"]))
        assert set(table[SUBSET].to_pylist()) == {part}
        assert table["width"][0].as_py() == 40 * number
    (table,) = blocks.read(blocks.blocks[0], ["label"], ["label"])
    assert pa.types.is_dictionary(table["label"].type)
    assert table["label"].to_pylist() == [str(number % 3) for number in range(33)]


def test_large_samples_are_cut_into_more_blocks(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(shards, "BLOCK_BYTES", 1000)
    blocks = cut_shards("a", write_shards(tmp_path))
    assert len(blocks.blocks) == 10
    assert len(rows_of(blocks)) == 68


def test_shards_without_samples_or_cut_off_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no samples"):
        cut_shards("x", [pack(tmp_path / "y.tar", [("a.npy", b"1")])])
    (path,) = write_shards(tmp_path, ("z.tar",))
    blocks = cut_shards("z", [path])
    path.write_bytes(path.read_bytes()[:9000])
    with pytest.raises(DataError, match=r"z\.tar: cannot be read: unexpected end of data"):
        rows_of(blocks)
