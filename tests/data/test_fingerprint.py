from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from dlrun.catalog.notes import LEAK
from dlrun.contract.dataset import Column, Dataset, Target
from dlrun.data import fingerprint
from dlrun.data.fingerprint import digest_dataset, hash_rows
from dlrun.data.types.decode import as_cells

FRAME = pd.DataFrame(
    {
        "n": [1.0, np.nan, 3.0],
        "c": pd.Categorical(["a", None, "b"]),
        "t": pd.to_datetime(["2013-01-31", None, "2014-01-31"]).astype("datetime64[us]"),
    }
)
DATASET = Dataset(
    name="made",
    source="made",
    columns=(Column("n", "number"), Column("c", "category"), Column("t", "datetime")),
    target=Target("y", "classification", ("no", "yes")),
    frame=FRAME,
    y=np.array([0, 1, 0]),
    row_ids=np.arange(3),
)


def with_column(name: str, values: Any) -> Dataset:
    return replace(DATASET, frame=FRAME.assign(**{name: values}))


def test_the_digest_is_stable_over_versions_of_dlrun() -> None:
    """Studies are compared by it: change this value only together with the major version."""
    assert digest_dataset(DATASET) == "9b10b979ba3adefcd381d34cbf23fc48ccc4"


@pytest.mark.parametrize(
    "same",
    [
        replace(DATASET, name="other", source="other", notes=(LEAK.note("a"),), digest="x"),
        with_column("c", pd.Categorical(["a", None, "b"], categories=["z", "b", "a"])),
        with_column("n", [1.0, -np.float64("nan"), 3.0]),
        DATASET.take(np.array([0, 1, 2])),
    ],
)
def test_the_same_content_has_the_same_digest(same: Dataset) -> None:
    assert digest_dataset(same) == digest_dataset(DATASET)


def test_zero_has_no_sign() -> None:
    one, two = with_column("n", [0.0, 1.0, 2.0]), with_column("n", [-0.0, 1.0, 2.0])
    assert digest_dataset(one) == digest_dataset(two)


@pytest.mark.parametrize(
    "other",
    [
        with_column("n", [1.0, 2.0, 3.0]),
        with_column("n", [1.0, np.nan, np.nextafter(3.0, 4.0)]),
        with_column("c", pd.Categorical(["a", "b", None])),
        with_column("c", pd.Categorical(["a", None, "c"])),
        with_column("t", FRAME["t"] + pd.Timedelta(1, "us")),
        replace(DATASET, y=np.array([0, 1, 1])),
        replace(DATASET, target=Target("y", "classification", ("no", "oui"))),
        replace(DATASET, target=Target("z", "classification", ("no", "yes"))),
        replace(DATASET, columns=DATASET.columns[:2]),
        DATASET.take(np.array([0, 2, 1])),
    ],
)
def test_other_content_has_another_digest(other: Dataset) -> None:
    assert digest_dataset(other) != digest_dataset(DATASET)


def test_numbers_that_are_classes_differ_from_numbers() -> None:
    number = replace(DATASET, y=np.array([0.0, 1.0, 0.0]))
    assert digest_dataset(number) != digest_dataset(DATASET)


CELLS = pd.DataFrame(
    {
        "image": [np.full((2, 2, 1), n, dtype=np.uint8) for n in (0, 7, 7)],
        "audio": [np.array(cell, dtype=np.float32) for cell in ([], [0.5, -0.5], [0.5])],
        "series": [
            np.array(cell, dtype=np.float32).reshape(-1, 2)
            for cell in ([], [1, np.nan], [1, 2, 3, 4])
        ],
        "text": pd.Series(["", "青い 🙂", "b"], dtype="str"),
    }
)
MEDIA = replace(
    DATASET,
    columns=(
        Column("image", "image", (2, 2, 1)),
        Column("audio", "audio", (2,), 8000),
        Column("series", "series", (2, 2)),
        Column("text", "text"),
    ),
    frame=CELLS,
)


def with_cell(name: str, row: int, cell: Any) -> Dataset:
    cells = CELLS[name].tolist()
    cells[row] = cell
    return replace(MEDIA, frame=CELLS.assign(**{name: pd.Series(cells, dtype=CELLS[name].dtype)}))


def test_the_digest_of_cells_is_stable_over_versions_of_dlrun() -> None:
    """Studies are compared by it: change this value only together with the major version."""
    assert digest_dataset(MEDIA) == "583e9cc7530a55bf3dc9d8494c1a3e28bb28"


def test_equal_cells_have_equal_digests_wherever_they_lie() -> None:
    wide = np.full((2, 4, 1), 7, dtype=np.uint8)[:, ::2]
    assert digest_dataset(with_cell("image", 1, wide)) == digest_dataset(MEDIA)
    odd_nan = np.array([[1, -np.float32("nan")]], dtype=np.float32)
    assert digest_dataset(with_cell("series", 1, odd_nan)) == digest_dataset(MEDIA)


@pytest.mark.parametrize(
    ("name", "row", "cell"),
    [
        ("image", 1, np.full((2, 2, 1), 8, dtype=np.uint8)),
        ("audio", 1, np.array([0.5], dtype=np.float32)),
        ("audio", 0, np.zeros(1, dtype=np.float32)),
        ("series", 2, np.array([[1, 2], [3, 5]], dtype=np.float32)),
        ("series", 2, np.array([[1, 2, 3, 4]], dtype=np.float32)),
        ("text", 2, "c"),
        ("text", 0, " "),
    ],
)
def test_other_cells_have_another_digest(name: str, row: int, cell: Any) -> None:
    assert digest_dataset(with_cell(name, row, cell)) != digest_dataset(MEDIA)


def test_rows_are_hashed_by_all_that_they_hold() -> None:
    twice = MEDIA.take(np.array([1, 2, 1, 1]))
    hashes = hash_rows(replace(twice, y=np.array([1, 0, 1, 0])))
    assert hashes[0] == hashes[2]
    assert len(set(hashes.tolist())) == 3


def test_rows_are_hashed_alike_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = hash_rows(DATASET)
    monkeypatch.setattr(fingerprint, "ROWS", 2)
    assert np.array_equal(hash_rows(DATASET), whole)


def test_sixty_thousand_images_are_hashed_in_a_moment() -> None:
    """Half a second on an idle machine; the limit allows for a busy one."""
    pixels = np.random.default_rng(0).integers(0, 256, (60_000, 28, 28, 1), dtype=np.uint8)
    column = Column("image", "image", (28, 28, 1))
    frame = pd.DataFrame({"image": as_cells(pixels, len(pixels))})
    y = np.zeros(len(pixels), dtype=np.int64)
    many = replace(MEDIA, columns=(column,), frame=frame, y=y)
    start = time.process_time()
    digest_dataset(many)
    assert time.process_time() - start < 2
