from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import soundfile
from shard_files import picture

from dlrun.data.dataset import read_dataset
from dlrun.data.sources.hugging_face import class_names
from dlrun.data.sources.registry import read_source
from dlrun.data.streaming.blocks import SUBSET
from dlrun.data.streaming.partitions import cut_files, find_paths
from dlrun.errors import DataError

NAMES = ["ant", "bee", "cat"]


def sound(number: int) -> bytes:
    content = io.BytesIO()
    soundfile.write(content, np.sin(np.arange(80) * (number + 1) / 10), 8000, format="wav")
    return content.getvalue()


def make_table(numbers: range, codes: Any = None, names: Any = NAMES) -> pa.Table:
    """Return a table as the library `datasets` writes it."""
    features = {
        "image": {"_type": "Image"},
        "sound": {"_type": "Audio"},
        "label": {"names": names, "_type": "ClassLabel"},
        "tags": {"feature": {"dtype": "string", "_type": "Value"}, "_type": "Sequence"},
    }
    table = pa.table(
        {
            "image": [{"bytes": picture(n), "path": None} for n in numbers],
            "sound": [{"bytes": sound(n), "path": f"{n}.wav"} for n in numbers],
            "label": pa.array([n % 3 for n in numbers] if codes is None else codes, pa.int64()),
        }
    )
    info = json.dumps({"info": {"features": features}}).encode()
    return table.replace_schema_metadata({b"huggingface": info})


def write_repository(folder: Path) -> Path:
    """Write the repository of a data set with parts, as it is cloned."""
    (folder / "data").mkdir(parents=True)
    (folder / "README.md").write_text("---\nconfigs: []\n---")
    (folder / ".gitattributes").write_text("*")
    for name, numbers in (
        ("train-00000-of-00002", range(20)),
        ("train-00001-of-00002", range(20, 30)),
        ("validation-00000-of-00001", range(30, 36)),
        ("test-00000-of-00001", range(36, 48)),
    ):
        pq.write_table(make_table(numbers), folder / "data" / f"{name}.parquet", row_group_size=8)
    return folder


def test_images_sounds_and_names_of_classes_are_read(make_recipe: Any, tmp_path: Path) -> None:
    pq.write_table(make_table(range(24)), tmp_path / "x.parquet")
    dataset = read_dataset(make_recipe({"source": "x.parquet"}))
    assert {column.name: column.type for column in dataset.columns} == {
        "image": "image", "sound": "audio",
    }  # fmt: skip
    assert dataset.target.task == "classification"
    assert dataset.target.labels == tuple(NAMES)
    assert dataset.y.tolist() == [number % 3 for number in range(24)]
    assert [cell[0, 0, 0] for cell in dataset.frame["image"]] == list(range(24))


def test_a_repository_brings_its_parts(make_recipe: Any, tmp_path: Path) -> None:
    write_repository(tmp_path / "pets")
    for source in ("pets", "pets/data", "pets/data/*.parquet"):
        dataset = read_dataset(make_recipe({"source": source}))
        assert dataset.split_values is not None
        shades = [int(cell[0, 0, 0]) for cell in dataset.frame["image"]]
        parts = dict(zip(shades, dataset.split_values, strict=True))
        assert [parts[number] for number in range(48)] == (
            ["train"] * 30 + ["validation"] * 6 + ["test"] * 12
        )
    dataset = read_dataset(
        make_recipe({"source": "pets", "target": "label", "split": {"method": "random"}})
    )
    assert dataset.split_values is None


def test_blocks_have_the_names_of_classes_and_the_parts(tmp_path: Path) -> None:
    paths = find_paths(str(write_repository(tmp_path / "pets")), Path())
    blocks = cut_files("pets", paths, None)
    assert blocks.split_column == SUBSET
    assert blocks.names == ("image", "sound", "label", SUBSET)
    rows = pa.concat_tables(
        table.cast(pa.schema([("label", pa.string()), (SUBSET, pa.string())]))
        for block in blocks.blocks
        for table in blocks.read(block, ["label", SUBSET])
    )
    raw = read_source("pets", tmp_path)
    assert rows["label"].to_pylist() == raw.frame["label"].tolist()
    assert raw.subsets is not None
    assert rows[SUBSET].to_pylist() == raw.subsets.tolist()
    alone = [table for block in blocks.blocks for table in blocks.read(block, [SUBSET])]
    assert sum(map(len, alone)) == 48


def test_rows_without_a_class_are_missing_and_other_codes_are_faults(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(make_table(range(4), [0, -1, None, 2]), path)
    labels = read_source("x.parquet", tmp_path).frame["label"]
    assert labels.isna().tolist() == [False, True, True, False]
    assert labels.dropna().tolist() == ["ant", "cat"]
    blocks = cut_files("x", [path], None)
    (table,) = blocks.read(blocks.blocks[0], ["label"], ["label"])
    assert table["label"].to_pylist() == ["ant", None, None, "cat"]
    pq.write_table(make_table(range(2), [0, 3]), path)
    blocks = cut_files("x", [path], None)
    for read in (
        lambda: read_source("x.parquet", tmp_path),
        lambda: list(blocks.read(blocks.blocks[0], ["label"])),
    ):
        with pytest.raises(DataError) as caught:
            read()
        assert str(caught.value).endswith(
            "column 'label' holds the code 3, but its 3 classes have the codes 0 to 2"
        )


@pytest.mark.parametrize(
    "info",
    [b"", b"{", b"[]", b'{"info": 1}', b'{"info": {"features": []}}',
     b'{"info": {"features": {"x": {"_type": "ClassLabel", "names": ["a"]}}}}',
     b'{"info": {"features": {"label": {"_type": "ClassLabel", "num_classes": 3}}}}'],
)  # fmt: skip
def test_other_metadata_is_none(info: bytes) -> None:
    schema = pa.schema([("label", pa.int64())], {b"huggingface": info})
    assert class_names(schema) == {}


@pytest.mark.parametrize(
    ("other", "families"),
    [
        (pa.table({"label": ["ant", "bee"]}), ("texts", "numbers")),
        (pa.table({"label": [True, False]}), ("truth values", "numbers")),
        (make_table(range(2)).select(["label"]), ("texts", "numbers")),
        (pa.table({"label": pa.array([1, 2], pa.int8())}), None),
        (pa.table({"label": [1.5, 2]}), None),
        (pa.table({"label": pa.nulls(2)}), None),
        (pa.table({"label": pa.array([1, 2]).dictionary_encode()}), None),
    ],
    ids=["texts", "truth values", "names of classes", "int8", "floats", "missing", "dictionary"],
)
def test_files_of_a_table_have_columns_of_the_same_types(
    tmp_path: Path, other: pa.Table, families: tuple[str, str] | None
) -> None:
    pq.write_table(pa.table({"label": [1, 2]}), tmp_path / "x-0.parquet")
    pq.write_table(other, tmp_path / "x-1.parquet")
    for read in (
        lambda: read_source("x-*.parquet", tmp_path),
        lambda: cut_files("x", find_paths("x-*.parquet", tmp_path), None),
    ):
        if families is None:
            read()
            continue
        with pytest.raises(DataError) as caught:
            read()
        assert str(caught.value) == (
            "x-1.parquet and x-0.parquet must have columns of the same types, but 'label' holds "
            f"{families[0]} in x-1.parquet, and {families[1]} in x-0.parquet."
        )
