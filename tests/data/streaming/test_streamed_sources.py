"""Folders, zips, shards and repositories as streams: the same rows as in memory."""

from __future__ import annotations

import json
import zipfile
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from shard_files import as_members, make_samples, pack, picture

from dlrun.contract.dataset import Dataset
from dlrun.data.dataset import read_dataset
from dlrun.data.streaming import eligibility, file_blocks, shards
from dlrun.errors import DataError, RecipeError

N_EACH = 40
NAMES = ("class 9", "class 10", "Äpfel")


def write_folder(folder: Path, parts: tuple[str, ...] = ("",)) -> Path:
    for place, part in enumerate(parts):
        for number in range(N_EACH * len(NAMES)):
            path = folder / part / NAMES[number % 3] / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(picture(number + 120 * place))
    return folder


def zipped(folder: Path) -> Path:
    with zipfile.ZipFile(folder.with_suffix(".zip"), "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(folder.rglob("*.png")):
            archive.write(file, file.relative_to(folder).as_posix())
    return folder.with_suffix(".zip")


def write_texts(folder: Path) -> Path:
    for number in range(N_EACH * 2):
        path = folder / f"c{number % 2}" / f"{number}.txt"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"wörds of the {number}th text", encoding="utf-8")
    return folder


def write_shards(folder: Path) -> Path:
    for number, part in enumerate(("train", "train", "test")):
        samples = as_members(make_samples(50, 50 * number))
        pack(folder / f"{part}-{number:03d}.tar", samples)
    return folder


def write_repository(folder: Path) -> Path:
    (folder / "data").mkdir(parents=True)
    (folder / "README.md").write_text("# pets")
    label = {"names": list(NAMES), "_type": "ClassLabel"}
    info = json.dumps({"info": {"features": {"label": label}}}).encode()
    for number, name in enumerate(("train-00000-of-00001", "validation-00000-of-00001", "test")):
        rows = range(60 * number, 60 * number + 60)
        table = pa.table(
            {
                "img": [{"bytes": picture(row), "path": f"{row}.png"} for row in rows],
                "label": [row % 3 for row in rows],
            }
        ).replace_schema_metadata({b"huggingface": info})
        pq.write_table(table, folder / "data" / f"{name}.parquet", row_group_size=25)
    return folder


SOURCES = {
    "folder": write_folder,
    "folder of parts": lambda folder: write_folder(folder, ("train", "test")),
    "zip": lambda folder: zipped(write_folder(folder)),
    "texts": write_texts,
    "shards": write_shards,
    "repository": write_repository,
}


def rows_of(dataset: Dataset) -> Counter[tuple[Any, ...]]:
    """Return how many rows have these cells and this label; with their part where it is given."""
    cells = [
        [
            cell.tobytes() if isinstance(cell, np.ndarray) else str(cell)
            for cell in dataset.frame[name]
        ]
        for name in sorted(column.name for column in dataset.columns)
    ]
    labels = np.array(dataset.target.labels, object)[dataset.y]
    return Counter(zip(*cells, labels, strict=True))


def _written(cell: Any) -> Any:
    return cell.tobytes() if isinstance(cell, np.ndarray) else str(cell)


@pytest.mark.parametrize("kind", SOURCES)
def test_a_stream_has_the_rows_of_memory(
    make_recipe: Any, tmp_path: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_blocks, "BLOCK_FILES", 16)
    monkeypatch.setattr(shards, "BLOCK_SAMPLES", 16)
    source = SOURCES[kind](tmp_path / "set")
    memory, streamed = (
        read_dataset(make_recipe({"source": source.name, "stream": stream}))
        for stream in (False, True)
    )
    assert streamed.stream is not None
    assert memory.stream is None
    columns = tuple(replace(each, format="") for each in streamed.columns)  # texts are inline
    assert columns == memory.columns
    assert streamed.target == memory.target
    assert streamed.name == memory.name
    assert rows_of(streamed) == rows_of(memory)
    assert streamed.split_values is not None
    if memory.split_values is not None:
        for part in ("train", "test"):
            own = rows_of(memory.take(np.flatnonzero(memory.split_values == part)))
            found = streamed.split_values == part
            if part == "train" and kind != "repository":  # validation rows are drawn from it
                found |= streamed.split_values == "validation"
            assert rows_of(streamed.take(np.flatnonzero(found))) == own
    train = [rows_of(chunk) for chunk in streamed.stream.chunks(0, 1)]
    assert sum(train, Counter()) == rows_of(
        streamed.take(np.flatnonzero(streamed.split_values == "train"))
    )


@pytest.mark.parametrize("stream", [False, True], ids=["in memory", "streamed"])
@pytest.mark.parametrize("kind", ["zip", "shards"])
def test_a_damaged_image_in_an_archive_is_named(
    make_recipe: Any, tmp_path: Path, kind: str, stream: bool
) -> None:
    samples = {f"c{n % 2}/{n}": {"png": picture(n), "cls": str(n % 2)} for n in range(12)}
    samples["c1/7"]["png"] = b"no image"
    if kind == "shards":
        path = pack(tmp_path / "x.tar", as_members(samples))
    else:
        path = tmp_path / "x.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for key, sample in samples.items():
                archive.writestr(f"{key}.png", sample["png"])
    with pytest.raises(DataError, match=r"c1/7\.png', which is no image"):
        read_dataset(make_recipe({"source": path.name, "stream": stream}))


def test_what_is_damaged_is_said_of_the_source(make_recipe: Any, tmp_path: Path) -> None:
    zipped(write_folder(tmp_path / "set"))
    pq.write_table(pa.table({"y": [1, 2]}), tmp_path / "x-0.parquet")
    pq.write_table(pa.table({"z": [1, 2]}), tmp_path / "x-1.parquet")
    content = (tmp_path / "set.zip").read_bytes()
    member = content.index(b".png") + 10  # a byte of the first image
    for name, damaged in (
        ("cut.zip", content[:-9]),
        ("member.zip", content[:member] + b"X" + content[member + 1 :]),
        ("x-*.parquet", b""),
    ):
        if damaged:
            (tmp_path / name).write_bytes(damaged)
        with pytest.raises(DataError, match=r"recipe\.yaml.*: data\.source: "):
            read_dataset(make_recipe({"source": name, "target": "y", "stream": True}))


@pytest.mark.parametrize("stream", [False, True], ids=["in memory", "streamed"])
@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("x-{0..2}.tar", "no file matches x-{0..2}.tar in the folder"),
        ("set.zip", "set.zip does not exist in the folder"),
    ],
)
def test_a_missing_source_is_missing_whether_it_is_streamed_or_not(
    make_recipe: Any, source: str, message: str, stream: bool
) -> None:
    with pytest.raises(DataError) as caught:
        read_dataset(make_recipe({"source": source, "stream": stream}))
    assert message in str(caught.value)


def test_a_folder_that_does_not_fit_decoded_is_streamed_by_itself(
    make_recipe: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_folder(tmp_path / "set")
    decoded = N_EACH * len(NAMES) * 8 * 6
    for free, is_streamed in ((2 * decoded + 2, False), (2 * decoded - 2, True)):
        monkeypatch.setattr(eligibility, "free_memory", lambda free=free: free)
        dataset = read_dataset(make_recipe({"source": "set"}))
        assert (dataset.stream is not None) == is_streamed


def test_what_is_wrong_with_a_source_is_told_with_its_place(
    make_recipe: Any, tmp_path: Path
) -> None:
    pack(tmp_path / "a.tgz", as_members(make_samples(9)), "w:gz")
    with pytest.raises(RecipeError) as caught:
        read_dataset(make_recipe({"source": "a.tgz", "stream": True}))
    assert str(caught.value).endswith(
        "data.source: a.tgz is compressed, and its rows can be read from its beginning alone. "
        "Unpack it to a .tar. Set data.stream: false to hold the rows in memory."
    )
    pack(tmp_path / "b.tar", [("x.npy", b"1")])
    write_folder(tmp_path / "c")
    (tmp_path / "c" / "loose.png").write_bytes(picture(1))
    pack(tmp_path / "d-0.tar", as_members(make_samples(9)))
    for stream in (True, "auto", False):
        for source, said in (
            ("b.tar", "b.tar holds no samples"),
            ("c", "c: loose.png lies in no folder of a class"),
            ("d-{0..1}.tar", "d-1.tar does not exist"),
        ):
            with pytest.raises(DataError) as caught:  # type: ignore[assignment]
                read_dataset(make_recipe({"source": source, "stream": stream}))
            assert f"data.source: {said}" in str(caught.value)


def test_an_image_that_is_damaged_is_named(make_recipe: Any, tmp_path: Path) -> None:
    write_folder(tmp_path / "set")
    (tmp_path / "set" / NAMES[0] / "0.png").write_bytes(picture(0)[:40])
    for source in ("set", zipped(tmp_path / "set").name):
        with pytest.raises(DataError, match=r"cannot be decoded|is no image"):
            read_dataset(make_recipe({"source": source, "stream": True}))


def test_labels_of_other_names_are_predicted_too(make_recipe: Any, tmp_path: Path) -> None:
    write_folder(tmp_path / "set")
    dataset = read_dataset(make_recipe({"source": "set", "target": "fruit", "stream": True}))
    assert dataset.target.name == "fruit"
    pack(tmp_path / "x.tar", as_members(make_samples(60)))
    dataset = read_dataset(
        make_recipe(
            {"source": "x.tar", "target": "place", "features": ["image", "width"], "stream": True}
        )
    )
    assert dataset.target.labels == ("p0", "p1")
    widths = dataset.frame["width"].to_numpy().astype(int)
    assert (dataset.y == widths % 2).all()


def test_tables_name_files_relative_to_themselves(make_recipe: Any, tmp_path: Path) -> None:
    (tmp_path / "deep" / "pictures").mkdir(parents=True)
    lines = ["file,kind"]
    for number in range(60):
        (tmp_path / "deep" / "pictures" / f"{number}.png").write_bytes(picture(number))
        lines.append(f"pictures/{number}.png,{'ab'[number % 2]}")
    (tmp_path / "deep" / "table.csv").write_text("\n".join(lines))
    rows = [
        rows_of(
            read_dataset(
                make_recipe({"source": "deep/table.csv", "target": "kind", "stream": stream})
            )
        )
        for stream in (False, True)
    ]
    assert rows[0] == rows[1]
