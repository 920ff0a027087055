"""Images of a stream: decoded once, read in every epoch and by the next study, or decoded anew."""

from __future__ import annotations

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from PIL import Image

from dlrun.contract.dataset import Dataset
from dlrun.data.dataset import read_dataset
from dlrun.data.streaming import reader as streamed
from dlrun.data.streaming import store
from dlrun.data.types import image
from dlrun.recipe.schema import Recipe

N_ROWS, GROUP = 120, 30
SHAPE = (6, 5, 3)


def drawn(seed: int) -> bytes:
    file = BytesIO()
    pixels = np.random.default_rng(seed).integers(0, 256, SHAPE).astype(np.uint8)
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def write(path: Path, seeds: list[int]) -> None:
    cells = [{"bytes": drawn(seed), "path": None} if seed % 9 else None for seed in seeds]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    labels = ["cat" if seed % 2 else "dog" for seed in seeds]
    columns = {"n": np.array(seeds, float), "image": pa.array(cells, kind), "label": labels}
    pyarrow.parquet.write_table(pa.table(columns), path, row_group_size=GROUP)


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DLRUN_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr(streamed, "BATCH_BYTES", 7 * np.prod(SHAPE))  # a batch is 7 rows
    path = tmp_path / "table.parquet"
    write(path, [*range(1, N_ROWS + 1)])
    return path


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that grows with each image that is decoded."""
    calls = []

    def count(*arguments):
        calls.append(1)
        return decode_image(*arguments)

    decode_image = image.decode_image
    monkeypatch.setattr(image, "decode_image", count)
    return calls


def read(path: Path) -> Dataset:
    data = {"source": str(path), "target": "label", "stream": True}
    recipe = {"data": data, "model": {"architecture": "cnn"}, "evaluation": {"folds": 1}}
    return read_dataset(Recipe.model_validate(recipe))


def rows(dataset: Dataset, epoch: int = 1) -> list[tuple[int, float, str, bytes]]:
    return [
        (int(number), n, int(y), pixels.tobytes())
        for chunk in dataset.stream.chunks(0, epoch)
        for number, n, y, pixels in zip(
            chunk.row_ids, chunk.frame["n"], chunk.y, chunk.frame["image"], strict=True
        )
    ]


def test_every_image_is_decoded_once(table: Path, decoded: list[int]) -> None:
    dataset = read(table)
    assert len(decoded) == N_ROWS - N_ROWS // 9
    first, second = rows(dataset, 1), rows(dataset, 2)
    assert len(decoded) == N_ROWS - N_ROWS // 9
    assert first != second
    assert sorted(first) == sorted(second)
    assert len(first) == dataset.stream.sizes[0]
    for number, n, y, pixels in first:
        assert number == n - 1
        assert y == 1 - n % 2
        content = drawn(int(n))
        expected = np.asarray(Image.open(BytesIO(content))) if n % 9 else np.zeros(SHAPE, np.uint8)
        assert pixels == expected.tobytes()


def test_the_next_study_decodes_nothing(table: Path, decoded: list[int]) -> None:
    first = read(table)
    decoded.clear()
    again = read(table)
    assert not decoded
    assert rows(again) == rows(first)
    assert again.digest == first.digest
    assert again.stream.digest == first.stream.digest
    for ours, theirs in zip(again.frame["image"], first.frame["image"], strict=True):
        assert np.array_equal(ours, theirs)


def test_without_room_the_rows_are_the_same_in_the_same_order(
    table: Path, decoded: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = read(table)
    expected = rows(kept)
    monkeypatch.setattr(store, "DISK_SHARE", 0)
    monkeypatch.setenv("DLRUN_CACHE_DIR", str(table.parent / "full"))
    dataset = read(table)
    decoded.clear()
    assert rows(dataset) == expected
    assert len(decoded) > N_ROWS / 2
    assert dataset.digest == kept.digest
    (note,) = [note for note in dataset.notes if note.code == "DLR202"]
    assert "'image' are decoded anew in every epoch" in note.text
    assert not [*(table.parent / "full" / "cells").glob("*.part")]


def test_a_store_that_is_removed_between_epochs_is_done_without(
    table: Path, decoded: list[int]
) -> None:
    dataset = read(table)
    expected = rows(dataset)
    (path,) = (table.parent / "cache" / "cells").glob("*.cells")
    path.unlink()
    decoded.clear()
    assert rows(dataset) == expected
    assert decoded


def test_images_that_have_changed_are_decoded_again(table: Path, decoded: list[int]) -> None:
    read(table)
    decoded.clear()
    write(table, [*range(1, N_ROWS), 1000])
    dataset = read(table)
    assert len(decoded) >= N_ROWS - N_ROWS // 9
    found = rows(replace(dataset, stream=dataset.stream.whole()))
    pixels = np.asarray(Image.open(BytesIO(drawn(1000)))).tobytes()
    assert [row[1] for row in found if row[3] == pixels] == [1000]
    decoded.clear()
    assert rows(dataset)
    assert not decoded
