"""One pass over a table on disk: rows counted, hashed, parted, and samples of the parts kept."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import numpy as np
import pandas as pd
import pyarrow
from numpy.typing import NDArray

from dlrun.contract.dataset import Column, Dataset, Target
from dlrun.data.fingerprint import LENGTH
from dlrun.data.selection import drop_empty_columns
from dlrun.data.splits.column import read_split_values
from dlrun.data.splits.plan import SUBSETS
from dlrun.data.streaming.hash_split import (
    NONE,
    TRAIN,
    Hashes,
    HashSplitter,
    hash_batch,
    mix,
)
from dlrun.data.streaming.partitions import Block
from dlrun.data.streaming.prefetch import prefetch
from dlrun.data.streaming.reader import Batch, RowReader, StreamedTable, encode_y
from dlrun.data.streaming.sample import BottomKSample, SampledRows, concatenate, concatenate_frames
from dlrun.data.targets.classification import sort_labels
from dlrun.data.targets.read import check_varied
from dlrun.errors import DataError
from dlrun.recipe.schema import Recipe

SAMPLED: Final = (200_000, 50_000, 200_000)  # rows of each part that are held in memory
CELLS: Final = 2**25  # that the rows of a part may have, in a table with many columns
SAMPLES: Final = {
    "train": (
        "Preprocessing is fitted on {n:,} of {n_all:,} training rows, chosen by a hash of the row."
    ),
    "validation": "The validation part is {n:,} of {n_all:,} rows, chosen by a hash of the row.",
    "test": "The test part is {n:,} of {n_all:,} rows, chosen by a hash of the row.",
}


def scan_table(recipe: Recipe, reader: RowReader) -> Dataset:
    """Read all rows once; return those that are held in memory, with the stream of all.

    A row's part and its place in the samples follow from a hash of what it holds, so they are the
    same in whatever order and in whatever files the rows stand, and equal rows are in one part.
    Column types were found from some of the rows; preprocessing is fitted on the training rows
    held here, which are a uniform sample of all.

    Raises:
        DataError: the files cannot be read, or a part would have no rows.
    """
    salts = np.random.SeedSequence(recipe.seed).generate_state(2, np.uint64).tolist()
    parting = HashSplitter(recipe, salts[0], _brings_validation(recipe, reader))
    most = max(1000, CELLS // len(reader.columns))
    samples = tuple(BottomKSample(min(n, most)) for n in SAMPLED)
    found = TableScan(recipe, reader, parting, salts[1], samples)
    for block in reader.files.blocks:
        found.read(block)
    return found.conclude()


def _brings_validation(recipe: Recipe, reader: RowReader) -> bool:
    """Say whether the column of the split calls rows validation."""
    split = recipe.data.split
    if split.method != "predefined" or split.column is None:
        return False
    column, files = split.column, reader.files
    tables = (table for block in files.blocks for table in files.read(block, [column], [column]))
    found = {name for table in tables for name in table[column].unique().to_pylist()}
    names = pd.Series(sorted(found - {None}), name=column, dtype=object)
    return "validation" in read_split_values(recipe, names, np.arange(len(names)))


@dataclass
class ScanCounts:
    """What is counted on the way.

    Attributes:
        counts: rows of each part.
        sums: (parts, 2) sums of the rows' hashes, which no order changes.
        labels: of each part, the rows of each class.
        bounds: the smallest and the largest target that is a number.
        n_infinite: of each column, the infinite numbers.
    """

    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(4, np.int64))
    sums: Hashes = field(default_factory=lambda: np.zeros((4, 2), np.uint64))
    labels: tuple[Counter[str], ...] = field(
        default_factory=lambda: (Counter(), Counter(), Counter())
    )
    bounds: tuple[float, float] = (np.inf, -np.inf)
    n_infinite: Counter[str] = field(default_factory=Counter)

    def add(
        self,
        batch: Batch,
        parts: NDArray[np.uint8],
        hashes: Hashes,
        columns: Sequence[Column],
    ) -> None:
        """Count the rows of a batch."""
        self.counts += np.bincount(parts, minlength=4)
        for part in range(3):
            mine = hashes[parts == part]
            self.sums[part] += np.array([mine.sum(), mix(mine, 1).sum()], np.uint64)
        if isinstance(batch.y, pd.Categorical):
            for part, counter in enumerate(self.labels):
                counter.update(_count(batch.y[parts == part]))
        elif (parts != NONE).any():
            known = batch.y[parts != NONE]
            low, high = self.bounds
            self.bounds = min(low, known.min()), max(high, known.max())
        for name in (column.name for column in columns if column.type == "number"):
            n_missing = int(batch.raw[name].isna().sum())
            self.n_infinite[name] += int(batch.frame[name].isna().sum()) - n_missing

    @property
    def known(self) -> list[object]:
        """Return the classes, sorted, or the smallest and the largest number."""
        if any(self.labels):
            return [*sort_labels({label for counter in self.labels for label in counter})]
        return [*sorted({value for value in self.bounds if np.isfinite(value)})]


def _count(labels: pd.Categorical) -> dict[str, int]:
    counts = np.bincount(labels.codes, minlength=len(labels.categories))
    return {name: n for name, n in zip(labels.categories, counts.tolist(), strict=True) if n}


@dataclass
class TableScan:
    """A pass under way.

    Attributes:
        salt: makes the keys of the samples, apart from those of the parts.
        samples: of the training, validation and test rows.
        firsts: of each block that was read, its first row's number in its file and in all.
        kept: of each block a bit per row that says whether it is a training row.
    """

    recipe: Recipe
    reader: RowReader
    parting: HashSplitter
    salt: int
    samples: tuple[BottomKSample, ...]
    firsts: list[tuple[int, int]] = field(default_factory=list)
    n_rows: list[int] = field(default_factory=list)
    kept: list[NDArray[np.uint8]] = field(default_factory=list)
    tally: ScanCounts = field(default_factory=ScanCounts)

    def read(self, block: Block) -> None:
        """Read the next block."""
        is_next = bool(self.firsts) and block.path == self._last.path
        in_all = sum(self.n_rows)
        in_file = self.firsts[-1][0] + self.n_rows[-1] if is_next else 0
        parts = [np.zeros(0, np.uint8)]
        for batch in prefetch(self.reader.read(block, in_file)):
            parts.append(self._part(block, batch, in_all - in_file))
        joined = np.concatenate(parts)
        self.firsts.append((in_file, in_all))
        self.n_rows.append(len(joined))
        self.kept.append(np.packbits(joined == TRAIN))

    @property
    def _last(self) -> Block:
        return self.reader.files.blocks[len(self.firsts) - 1]

    def _part(self, block: Block, batch: Batch, offset: int) -> NDArray[np.uint8]:
        """Part, count and sample the rows of a batch."""
        hashes = hash_batch(batch)
        try:
            parts = self.parting.part(batch, hashes)
        except DataError as error:
            message = f"{block.path.name}: {error}"
            raise DataError(message) from error
        self.tally.add(batch, parts, hashes, self.reader.columns)
        rows = SampledRows(mix(hashes, self.salt), batch.frame, batch.y, batch.rows + offset)
        for part, sample in enumerate(self.samples):
            sample.add(rows, parts == part)
        return parts

    def conclude(self) -> Dataset:
        """Make the dataset of what was found.

        Raises:
            DataError: the target does not vary, or a part has no rows.
        """
        pyarrow.default_memory_pool().release_unused()
        target = self._target()
        held = [sample.joined() for sample in self.samples]
        dataset = Dataset(
            name=self.reader.files.name,
            source=self.recipe.data.source,
            columns=self.reader.columns,
            target=target,
            frame=concatenate_frames([rows.frame for rows in held]),
            y=encode_y(concatenate([rows.y for rows in held]), target.labels),
            row_ids=np.concatenate([rows.ids for rows in held]),
            split_values=np.repeat(np.array(SUBSETS, object), [len(rows.keys) for rows in held]),
            digest=self._digest(target, self.tally.sums.sum(axis=0)),
            notes=tuple(self._notes(held)),
        )
        dataset = drop_empty_columns(self.recipe, dataset)
        return replace(dataset, stream=self._stream(dataset))

    def _target(self) -> Target:
        target, known = self.reader.target, self.tally.known
        check_varied(self.recipe, target.name, known)
        for part, n_rows in zip(SUBSETS, self.tally.counts.tolist(), strict=False):
            if n_rows == 0:
                message = (
                    f"{self.recipe.at('data.split')}: there are no {part} rows among the "
                    f"{sum(self.n_rows):,} rows. Equal rows, or rows of one group, are in one "
                    "part: give the parts other shares, or set data.stream: false"
                )
                raise DataError(message)
        labels = tuple(map(str, known)) if any(self.tally.labels) else ()
        return replace(target, labels=labels)

    def _stream(self, dataset: Dataset) -> StreamedTable:
        like, tally = replace(dataset.take(np.arange(0)), split_values=None), self.tally
        labels = dataset.target.labels
        n_train, n_validation, n_test = tally.counts[:3].tolist()
        reader = replace(self.reader, columns=dataset.columns)
        return StreamedTable(
            reader, like, np.array(self.firsts), np.array(self.n_rows), tuple(self.kept),
            sizes=(n_train, n_validation, n_test),
            classes=tuple(n for n, label in enumerate(labels) if tally.labels[TRAIN][label]),
            digest=self._digest(dataset.target, tally.sums),
        )  # fmt: skip

    def _digest(self, target: Target, sums: Hashes) -> str:
        columns = [(column.name, column.type) for column in self.reader.columns]
        said = [target.name, target.task, target.labels, columns, sums.tolist()]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:LENGTH]

    def _notes(self, held: Sequence[SampledRows]) -> Iterator[str]:
        counts, n_files = self.tally.counts.tolist(), len(self.reader.files.paths)
        files = f"{n_files} files" if n_files > 1 else "the file"
        yield f"Streamed: training rows are read from {files} in every epoch (data.stream)."
        if counts[NONE]:
            name = self.reader.target.name
            yield f"Dropped {counts[NONE]:,} of {sum(counts):,} rows that have no {name!r}."
        for name, n_infinite in self.tally.n_infinite.items():
            if n_infinite:
                yield f"Column {name!r}: {n_infinite:,} infinite values are taken as missing."
        for part, n_all, rows in zip(SUBSETS, counts, held, strict=False):
            if len(rows.keys) < n_all:
                yield SAMPLES[part].format(n=len(rows.keys), n_all=n_all)
