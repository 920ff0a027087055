"""One pass over a table on disk: rows are counted, hashed, split and sampled."""

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

from dlrun.catalog.notes import INFINITE_VALUES, NO_TARGET, SAMPLED_PARTS, STREAMED
from dlrun.contract.dataset import AUTO, Column, Dataset, Target
from dlrun.contract.note import Note
from dlrun.data.fingerprint import LENGTH
from dlrun.data.selection import drop_empty_columns
from dlrun.data.splits.column import read_split_values
from dlrun.data.splits.plan import SUBSETS
from dlrun.data.streaming.blocks import Block
from dlrun.data.streaming.hash_split import (
    NO_SUBSET,
    TRAIN,
    Hashes,
    HashSplitter,
    hash_arrays,
    hash_batch,
    mix,
    with_own_split,
)
from dlrun.data.streaming.prefetch import prefetch
from dlrun.data.streaming.reader import Batch, RowReader, StreamedTable, encode_y
from dlrun.data.streaming.sample import (
    BottomKSample,
    SampledRows,
    concatenate,
    concatenate_frames,
    count_bytes,
)
from dlrun.data.streaming.store import (
    CellCheck,
    CellWriter,
    StaleCellsError,
    note_cells,
    open_cells,
)
from dlrun.data.streaming.time_split import find_time_split
from dlrun.data.targets.classification import sort_labels
from dlrun.data.targets.read import check_varied
from dlrun.data.types.number import count_infinite
from dlrun.errors import DataError
from dlrun.recipe.schema import Recipe
from dlrun.system.heap import release_freed_memory

SAMPLE_SIZES: Final = (200_000, 50_000, 200_000)  # training, validation and test rows in memory
SAMPLE_BYTES: Final = (2**27, 2**27, 2**28)  # of their decoded images, sounds and texts
MAX_CELLS: Final = 2**25  # of a sample, which has fewer rows in a table with many columns
SAMPLE_TEXTS: Final = {
    "train": (
        "Preprocessing is fitted on {n:,} of {n_all:,} training rows, chosen by a hash of the row."
    ),
    "validation": "The validation part is {n:,} of {n_all:,} rows, chosen by a hash of the row.",
    "test": "The test part is {n:,} of {n_all:,} rows, chosen by a hash of the row.",
}


def scan_table(recipe: Recipe, reader: RowReader) -> Dataset:
    """Read all rows once; return samples of them in memory, with the stream of all training rows.

    The subset and the sample of a row depend on a hash of its values: not on the order of the rows
    nor on their files, and equal rows are in one subset. Subsets by time are found in a pass over
    the times before. Preprocessing is fitted on the training
    rows in memory, a uniform sample of all.

    Raises:
        DataError: the files cannot be read, or a subset would have no rows.
    """
    try:
        with open_cells(reader.files, reader.columns) as cells:
            store = cells.store if cells else None
            dataset = _scan(recipe, replace(reader, store=store), cells)
    except StaleCellsError:  # they have been removed
        return scan_table(recipe, reader)
    pyarrow.default_memory_pool().release_unused()
    release_freed_memory()  # of rows that were in a sample for a while
    notes = (note_cells(cells),) if cells else ()
    return replace(dataset, notes=(*dataset.notes, *notes))


def _scan(recipe: Recipe, reader: RowReader, cells: CellWriter | CellCheck | None) -> Dataset:
    recipe = with_own_split(recipe, reader.files)
    salts = np.random.SeedSequence(recipe.seed).generate_state(2, np.uint64).tolist()
    splitter = HashSplitter(
        recipe, salts[0], _brings_validation(recipe, reader), find_time_split(recipe, reader)
    )
    most = max(1000, MAX_CELLS // len(reader.columns))
    sizes = zip(SAMPLE_SIZES, SAMPLE_BYTES, strict=True)
    samples = tuple(BottomKSample(min(n, most), n_bytes) for n, n_bytes in sizes)
    scan = TableScan(recipe, reader, splitter, salts[1], samples, cells)
    for block in reader.files.blocks:
        scan.read(block)
    return scan.dataset()


def _brings_validation(recipe: Recipe, reader: RowReader) -> bool:
    """Return whether the split column has validation rows."""
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
    """Counts of a scan; the four subsets are training, validation, test and no target.

    Attributes:
        n_rows: (4,) of each subset.
        hash_sums: (4, 2) of the rows' hashes, independent of their order.
        labels: for training, validation and test, the rows of each class.
        bounds: the smallest and the largest numeric target.
        n_infinite: column → infinite numbers.
    """

    n_rows: NDArray[np.int64] = field(default_factory=lambda: np.zeros(4, np.int64))
    hash_sums: Hashes = field(default_factory=lambda: np.zeros((4, 2), np.uint64))
    labels: tuple[Counter[str], ...] = field(
        default_factory=lambda: (Counter(), Counter(), Counter())
    )
    bounds: tuple[float, float] = (np.inf, -np.inf)
    n_infinite: Counter[str] = field(default_factory=Counter)

    def add(
        self,
        batch: Batch,
        subsets: NDArray[np.uint8],
        hashes: Hashes,
        columns: Sequence[Column],
    ) -> None:
        """Count the rows of a batch."""
        self.n_rows += np.bincount(subsets, minlength=4)
        for subset in range(3):
            own = hashes[subsets == subset]
            self.hash_sums[subset] += np.array([own.sum(), mix(own, 1).sum()], np.uint64)
        if isinstance(batch.y, pd.Categorical):
            for subset, counter in enumerate(self.labels):
                counter.update(_count(batch.y[subsets == subset]))
        elif (subsets != NO_SUBSET).any():
            known = batch.y[subsets != NO_SUBSET]
            low, high = self.bounds
            self.bounds = min(low, known.min()), max(high, known.max())
        for name in (column.name for column in columns if column.type == "number"):
            self.n_infinite[name] += count_infinite(batch.raw[name])

    @property
    def known(self) -> list[object]:
        """Return the sorted classes, or the smallest and the largest number."""
        if any(self.labels):
            return [*sort_labels({label for counter in self.labels for label in counter})]
        return [*sorted({value for value in self.bounds if np.isfinite(value)})]


def _count(labels: pd.Categorical) -> dict[str, int]:
    counts = np.bincount(labels.codes, minlength=len(labels.categories))
    return {name: n for name, n in zip(labels.categories, counts.tolist(), strict=True) if n}


@dataclass
class TableScan:
    """A pass over the blocks of a table, in their order.

    Attributes:
        salt: of the keys of the samples.
        samples: of the training, validation and test rows.
        cells: of the arrays, which are written to a store or checked against it.
        first_rows: for each block that was read, its first row's number in its file and in all.
        n_rows: for each block that was read.
        kept: for each block that was read, a bit per row: whether it is a training row.
        present: likewise: whether it is in any part.
    """

    recipe: Recipe
    reader: RowReader
    splitter: HashSplitter
    salt: int
    samples: tuple[BottomKSample, ...]
    cells: CellWriter | CellCheck | None
    first_rows: list[tuple[int, int]] = field(default_factory=list)
    n_rows: list[int] = field(default_factory=list)
    kept: list[NDArray[np.uint8]] = field(default_factory=list)
    present: list[NDArray[np.uint8]] = field(default_factory=list)
    counts: ScanCounts = field(default_factory=ScanCounts)

    def read(self, block: Block) -> None:
        """Read the next block."""
        is_next = bool(self.first_rows) and block.path == self._last.path
        in_all = sum(self.n_rows)
        in_file = self.first_rows[-1][0] + self.n_rows[-1] if is_next else 0
        subsets = [np.zeros(0, np.uint8)]
        for batch in prefetch(self.reader.read(block, in_file, None, in_all)):
            subsets.append(self._read_batch(block, batch, in_all - in_file))
        of_block = np.concatenate(subsets)
        self.first_rows.append((in_file, in_all))
        self.n_rows.append(len(of_block))
        self.kept.append(np.packbits(of_block == TRAIN))
        self.present.append(np.packbits(of_block != NO_SUBSET))

    @property
    def _last(self) -> Block:
        return self.reader.files.blocks[len(self.first_rows) - 1]

    def _read_batch(self, block: Block, batch: Batch, offset: int) -> NDArray[np.uint8]:
        """Split, count and sample the rows of a batch; return their subsets, (rows,)."""
        arrays = hash_arrays(batch, self.reader)
        hashes = hash_batch(batch, self.reader, arrays)
        if self.cells:
            digests = np.stack([*arrays.values()], axis=1)
            self.cells.add(batch.frame, digests, batch.digests)
        try:
            subsets = self.splitter.assign(batch, hashes)
        except DataError as error:
            message = f"{block.path.name}: {error}"
            raise DataError(message) from error
        self.counts.add(batch, subsets, hashes, self.reader.columns)
        keys, n_bytes = mix(hashes, self.salt), count_bytes(batch.frame, self.reader.columns)
        rows = SampledRows(keys, batch.frame, batch.y, batch.rows + offset, n_bytes)
        for subset, sample in enumerate(self.samples):
            sample.add(rows, subsets == subset)
        return subsets

    def dataset(self) -> Dataset:
        """Return the samples as a dataset with a stream.

        Raises:
            DataError: the target does not vary, or a subset has no rows.
        """
        target = self._target()
        samples = [sample.rows() for sample in self.samples]
        dataset = Dataset(
            name=self.reader.files.name,
            source=self.recipe.data.source,
            columns=self.reader.columns,
            target=target,
            frame=concatenate_frames([rows.frame for rows in samples]),
            y=encode_y(concatenate([rows.y for rows in samples]), target.labels),
            row_ids=np.concatenate([rows.ids for rows in samples]),
            split_values=np.repeat(np.array(SUBSETS, object), [len(rows.keys) for rows in samples]),
            digest=self._digest(target, self.counts.hash_sums.sum(axis=0)),
            format=replace(self.reader.files.format or AUTO, encoding=self.recipe.data.encoding),
            notes=tuple(self._notes(samples)),
        )
        dataset = drop_empty_columns(self.recipe, dataset)
        return replace(dataset, stream=self._stream(dataset))

    def _target(self) -> Target:
        target, known = self.reader.target, self.counts.known
        check_varied(self.recipe, target.name, known)
        for subset, n_rows in zip(SUBSETS, self.counts.n_rows.tolist(), strict=False):
            if n_rows == 0:
                message = (
                    f"{self.recipe.at('data.split')}: there are no {subset} rows among the "
                    f"{sum(self.n_rows):,} rows. Equal rows, or rows of one group, are in one "
                    "part: give the parts other shares, or set data.stream: false"
                )
                raise DataError(message)
        labels = tuple(map(str, known)) if any(self.counts.labels) else ()
        return replace(target, labels=labels)

    def _stream(self, dataset: Dataset) -> StreamedTable:
        like = replace(dataset.take(np.arange(0)), split_values=None)
        labels = dataset.target.labels
        n_train, n_validation, n_test = self.counts.n_rows[:3].tolist()
        reader = replace(self.reader, columns=dataset.columns)
        return StreamedTable(
            reader, like, np.array(self.first_rows), np.array(self.n_rows), tuple(self.kept),
            tuple(self.present),
            sizes=(n_train, n_validation, n_test),
            classes=tuple(n for n, label in enumerate(labels) if self.counts.labels[TRAIN][label]),
            digest=self._digest(dataset.target, self.counts.hash_sums),
        )  # fmt: skip

    def _digest(self, target: Target, sums: Hashes) -> str:
        columns = [(column.name, column.type) for column in self.reader.columns]
        content = [target.name, target.task, target.labels, columns, sums.tolist()]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:LENGTH]

    def _notes(self, samples: Sequence[SampledRows]) -> Iterator[Note]:
        counts, n_files = self.counts.n_rows.tolist(), len(self.reader.files.paths)
        files = f"{n_files} files" if n_files > 1 else "the file"
        text = f"Streamed: training rows are read from {files} in every epoch (data.stream)."
        yield STREAMED.note(text)
        if counts[NO_SUBSET]:
            name = self.reader.target.name
            text = f"Dropped {counts[NO_SUBSET]:,} of {sum(counts):,} rows that have no {name!r}."
            yield NO_TARGET.note(text)
        for name, n_infinite in self.counts.n_infinite.items():
            if n_infinite:
                text = f"Column {name!r}: {n_infinite:,} infinite values are taken as missing."
                yield INFINITE_VALUES.note(text)
        for subset, n_all, rows in zip(SUBSETS, counts, samples, strict=False):
            if len(rows.keys) < n_all:
                text = SAMPLE_TEXTS[subset].format(n=len(rows.keys), n_all=n_all)
                yield SAMPLED_PARTS.note(text)
