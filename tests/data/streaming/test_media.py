"""Images, sounds and texts in streamed tables."""

from __future__ import annotations

from base64 import b64encode
from io import BytesIO
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from dlrun.contract.dataset import Dataset
from dlrun.data.dataset import read_dataset
from dlrun.data.streaming import eligibility, partitions, scan
from dlrun.errors import DataError

N_ROWS = 240
SIDE = 6


def encoded_images(n_rows: int = N_ROWS) -> list[bytes]:
    rng = np.random.default_rng(0)
    files = []
    for _ in range(n_rows):
        file = BytesIO()
        pixels = rng.integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(file, "PNG")
        files.append(file.getvalue())
    return files


def make_table(n_rows: int = N_ROWS) -> pd.DataFrame:
    words = [f"the review number {row} is of some words" for row in range(n_rows)]
    labels = np.where(np.arange(n_rows) % 3 == 0, "no", "yes")
    return pd.DataFrame({"image": encoded_images(n_rows), "review": words, "late": labels})


@pytest.fixture
def read(make_recipe):
    def read(source: str, **data) -> Dataset:
        return read_dataset(
            make_recipe({"source": source, "target": "late", "stream": True} | data)
        )

    return read


def rows_of(dataset: Dataset) -> dict[str, tuple[bytes, str, str]]:
    """Return review → the image, the label and the part of each row in memory."""
    labels = np.array(dataset.target.labels)[dataset.y]
    cells = (cell.tobytes() for cell in dataset.frame["image"])
    rows = zip(cells, labels, dataset.split_values, strict=True)
    return dict(zip(dataset.frame["review"], rows, strict=True))


def as_paths(table: pd.DataFrame, folder: Path) -> pd.DataFrame:
    paths = []
    for number, content in enumerate(table["image"]):
        (folder / f"{number}.png").write_bytes(content)
        paths.append(f"{number}.png")
    return table.assign(image=paths)


def test_the_split_is_that_of_the_bytes_wherever_they_stand(read, tmp_path: Path):
    table = make_table()
    shuffled = table.sample(frac=1, random_state=1)
    table.to_parquet(tmp_path / "bytes.parquet", row_group_size=50)
    shuffled[:100].to_parquet(tmp_path / "other-0.parquet", row_group_size=33, index=False)
    shuffled[100:].to_parquet(tmp_path / "other-1.parquet", index=False)
    structs = table.assign(image=[{"bytes": each, "path": "no.png"} for each in table["image"]])
    structs.to_parquet(tmp_path / "structs.parquet")
    words = table.assign(image=[b64encode(each).decode() for each in table["image"]])
    words.to_csv(tmp_path / "base64.csv", index=False)
    as_paths(table, tmp_path).to_csv(tmp_path / "paths.csv", index=False)
    sources = ("bytes.parquet", "other-*.parquet", "structs.parquet", "paths.csv")
    found = [read(source) for source in sources]
    found.append(read("base64.csv", features={"image": "image", "review": "text"}))
    assert len({each.digest for each in found}) == len({each.stream.digest for each in found}) == 1
    first = rows_of(found[0])
    assert {part for _, _, part in first.values()} == {"train", "validation", "test"}
    assert all(rows_of(each) == first for each in found[1:])


def test_chunks_are_the_training_rows_in_memory(read, tmp_path: Path, monkeypatch):
    make_table().to_parquet(tmp_path / "a.parquet", row_group_size=50)
    monkeypatch.setattr("dlrun.data.streaming.reader.BATCH_BYTES", 7 * SIDE * SIDE * 3)
    dataset = read("a.parquet")
    held = rows_of(dataset)
    flown = {}
    for chunk in dataset.stream.chunks(0):
        assert len(chunk) <= 7
        labels = np.array(chunk.target.labels)[chunk.y]
        images = [cell.tobytes() for cell in chunk.frame["image"]]
        flown |= dict(zip(chunk.frame["review"], zip(images, labels, strict=True), strict=True))
    assert flown == {
        name: (image, label) for name, (image, label, part) in held.items() if part == "train"
    }


def test_a_sample_is_bounded_by_bytes_whatever_the_order(read, tmp_path: Path, monkeypatch):
    per_row = SIDE * SIDE * 3 + len("the review number 100 is of some words")
    monkeypatch.setattr(scan, "SAMPLE_BYTES", (20 * per_row, 5 * per_row, 10 * per_row))
    table = make_table()
    table.to_parquet(tmp_path / "a.parquet", row_group_size=50)
    table[::-1].to_parquet(tmp_path / "b.parquet", row_group_size=33, index=False)
    found = [read(source) for source in ("a.parquet", "b.parquet")]
    assert rows_of(found[0]) == rows_of(found[1])
    counts = pd.Series(found[0].split_values).value_counts()
    assert counts.to_dict() == {"train": 20, "validation": 5, "test": 10}
    assert not any(cell.base is not None and cell.base.size > 2 * cell.size
                   for cell in found[0].frame["image"])  # fmt: skip


def test_a_broken_image_is_named_by_file_and_row(read, tmp_path: Path):
    table = make_table()
    table.loc[:119].to_parquet(tmp_path / "a-0.parquet", row_group_size=50)
    table.loc[200, "image"] = b"\xff\xd8 no image"
    table.loc[120:].to_parquet(tmp_path / "a-1.parquet", row_group_size=50)
    with pytest.raises(DataError) as caught:
        read("a-*.parquet")
    assert str(caught.value).endswith(
        "recipe.yaml:2: data.source: a-1.parquet: column 'image' is of type image, but row 81 "
        "holds 11 bytes, which is no image of a kind that Pillow knows. Replace it or leave it out."
    )


def test_a_text_that_ends_as_a_file_does_is_a_text(read, tmp_path: Path, monkeypatch):
    """Even where it is alone in its batch."""
    table = make_table()
    table.loc[7, "review"] = "the manual is readme.txt"
    table.to_parquet(tmp_path / "a.parquet", row_group_size=8)
    monkeypatch.setattr(partitions, "BATCH_ROWS", 1)
    assert "the manual is readme.txt" in rows_of(read("a.parquet"))


def test_texts_are_read_from_the_files_that_all_cells_name(read, tmp_path: Path):
    table = make_table()
    table.to_parquet(tmp_path / "inline.parquet")
    for number, text in enumerate(table["review"]):
        (tmp_path / f"{number}.txt").write_text(text)
    named = table.assign(review=[f"{number}.txt" for number in range(len(table))])
    named.to_parquet(tmp_path / "named.parquet", row_group_size=50)
    inline, named = read("inline.parquet"), read("named.parquet")
    assert rows_of(named) == rows_of(inline)
    assert named.digest == inline.digest


def test_series_stand_in_lists_in_json_or_in_columns(read, tmp_path: Path):
    rng = np.random.default_rng(0)
    steps = rng.normal(size=(N_ROWS, 3)).astype(np.float32).astype(np.float64)
    labels = make_table()["late"]
    lists = pd.DataFrame({"wave": list(steps), "late": labels})
    lists.to_parquet(tmp_path / "lists.parquet", row_group_size=50)
    lists.assign(wave=[str(row.tolist()) for row in steps]).to_csv(tmp_path / "j.csv", index=False)
    wide = pd.DataFrame(steps, columns=["t0", "t1", "t2"]).assign(late=labels)
    wide.to_parquet(tmp_path / "wide.parquet", row_group_size=70)
    series = {"wave": {"series": ["t0", "t1", "t2"]}}
    found = [read("lists.parquet"), read("j.csv"), read("wide.parquet", features=series)]
    assert len({each.digest for each in found}) == len({each.stream.digest for each in found}) == 1
    for each in found:
        assert each.columns[0].shape == (3, 1)
        assert np.array_equal(np.stack(each.frame["wave"]), np.stack(found[0].frame["wave"]))
        chunks = [np.stack(chunk.frame["wave"]) for chunk in each.stream.chunks(0)]
        assert sum(map(len, chunks)) == each.stream.sizes[0]


def test_images_that_are_larger_decoded_are_streamed_by_themselves(
    read, tmp_path: Path, monkeypatch
):
    as_paths(make_table(), tmp_path).to_csv(tmp_path / "a.csv", index=False)
    assert read("a.csv", stream="auto").stream is None
    monkeypatch.setattr(eligibility, "free_memory", lambda: N_ROWS * SIDE * SIDE * 3 * 2 - 2000)
    assert read("a.csv", stream="auto").stream is not None
    assert read("a.csv", stream="auto", exclude=["image"]).stream is None


def test_sizes_come_from_a_sample(read, tmp_path: Path, monkeypatch):
    monkeypatch.setattr(eligibility, "SAMPLE_SHAPES", 10)
    table = make_table()
    file = BytesIO()
    Image.new("RGB", (20, 20), "red").save(file, "PNG")
    table.loc[0, "image"] = file.getvalue()
    table.to_parquet(tmp_path / "a.parquet")
    dataset = read("a.parquet")
    assert dataset.columns[0].shape == (SIDE, SIDE, 3)
    assert dataset.notes[0].text == (
        "Column 'image': 1 of 10 images are scaled to 6 × 6 pixels (preprocessing.image.size). "
        "This was seen in a sample of 10 rows."
    )
