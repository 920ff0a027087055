"""Blocks dealt to workers: all rows once, about as many for each, anew in every epoch."""

from __future__ import annotations

from itertools import chain
from math import ceil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from dlrun.contract.dataset import Dataset
from dlrun.data.dataset import read_dataset
from dlrun.data.streaming.dealing import deal_blocks
from dlrun.data.streaming.partitions import TableFiles

DAY = pd.Timedelta(days=1)


@given(st.lists(st.integers(0, 50), max_size=30), st.integers(1, 7), st.randoms())
@examples(max_examples=100, deadline=None)
def test_every_block_is_in_one_part(sizes: list[int], n_parts: int, random):
    n_rows = np.array(sizes, np.int64)
    order = np.array(random.sample(range(len(sizes)), len(sizes)), np.int64)
    parts = deal_blocks(order, n_rows, n_parts)
    assert len(parts) == n_parts
    assert sorted(np.concatenate(parts).tolist()) == list(range(len(sizes)))
    place = {number: n for n, number in enumerate(order.tolist())}
    for part in parts:
        assert [place[number] for number in part] == sorted(place[number] for number in part)
    totals = [n_rows[part].sum() for part in parts]
    assert max(totals) - min(totals) <= max(sizes, default=0)


@pytest.fixture
def dataset(make_recipe, tmp_path: Path) -> Dataset:
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"x": rng.normal(size=997), "late": rng.choice(["no", "yes"], 997)})
    (tmp_path / "parts").mkdir()
    table[:600].to_parquet(tmp_path / "parts" / "a.parquet", row_group_size=41, index=False)
    table[600:].to_parquet(tmp_path / "parts" / "b.parquet", row_group_size=130, index=False)
    return read_dataset(make_recipe({"source": "parts", "target": "late", "stream": True}))


def rows_of(dataset: Dataset, *key: int, **part: int) -> list[int]:
    chunks = list(dataset.stream.chunks(*key, **part))
    return np.concatenate([chunk.row_ids for chunk in chunks]).tolist() if chunks else []


@pytest.mark.parametrize("n_parts", [1, 2, 3, 19, 25])
def test_parts_together_are_the_training_rows(dataset: Dataset, n_parts: int):
    parts = [rows_of(dataset, 7, 1, part=part, n_parts=n_parts) for part in range(n_parts)]
    whole = rows_of(dataset, 7, 1)
    assert sorted(chain(*parts)) == sorted(whole)
    assert [*dataset.stream.deal(n_parts, 7, 1)] == [*map(len, parts)]
    assert (min(map(len, parts)) == 0) == (n_parts > 19)  # there are 19 blocks
    if n_parts == 1:
        assert parts == [whole]


def test_a_worker_reads_other_blocks_in_the_next_epoch_and_the_same_ones_again(dataset: Dataset):
    first, second, again = (rows_of(dataset, 7, n, part=1, n_parts=2) for n in (1, 2, 1))
    assert first == again
    assert 0 < len({*first} & {*second}) < min(len(first), len(second))


@pytest.fixture
def read(monkeypatch) -> list:
    """Return the blocks of tables, as they are read."""
    read, of_block = [], TableFiles.read

    def note(self, block, *columns):
        read.append(block)
        return of_block(self, block, *columns)

    monkeypatch.setattr(TableFiles, "read", note)
    return read


def test_blocks_without_training_rows_are_not_read(make_recipe, tmp_path: Path, read):
    rows = np.arange(1000)
    table = pd.DataFrame({"x": rows % 7, "when": pd.Timestamp("2024-01-01") + rows * DAY})
    table["late"] = np.where(rows % 2, "no", "yes")
    table.to_parquet(tmp_path / "days.parquet", row_group_size=50, index=False)
    split = {"method": "time", "column": "when"}
    data = {"source": "days.parquet", "target": "late", "stream": True, "split": split}
    dataset = read_dataset(make_recipe(data))
    read.clear()
    for part in range(2):
        rows_of(dataset, 1, part=part, n_parts=2)
    assert len(read) == ceil(dataset.stream.sizes[0] / 50) < 15


def test_no_file_of_another_part_is_opened(dataset: Dataset, read):
    numbers = set()
    read.clear()
    for part in range(2):
        rows_of(dataset, 1, part=part, n_parts=2)
        assert 4 < len(read) < 15
        assert not numbers & {(block.path, block.first) for block in read}
        numbers |= {(block.path, block.first) for block in read}
        read.clear()
    assert len(numbers) == 19
