"""Shards of WebDataset in blocks: ranges of the bytes of .tar files."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, ClassVar, Final

import pyarrow as pa

from dlrun.contract.dataset import TextFormat
from dlrun.contract.note import Note
from dlrun.data.sources.paths import subsets_of
from dlrun.data.sources.shards import Columns, to_arrow
from dlrun.data.sources.tables import name_of
from dlrun.data.sources.tar_samples import (
    TarSample,
    is_row,
    open_shard,
    read_cells,
    read_fields,
    read_samples,
)
from dlrun.data.streaming.blocks import SUBSET, Block

BLOCK_SAMPLES: Final = 512
BLOCK_BYTES: Final = 2**26
BATCH_BYTES: Final = 2**23  # in memory at once


@dataclass(frozen=True)
class Shards:
    """The samples of .tar files (see `Blocks`).

    Attributes:
        contents: column → what it holds (see `dlrun.data.sources.tar_samples.Extension`).
        subsets: of each file, where all are named after these.
        notes: on members that are not read.
    """

    name: str
    paths: tuple[Path, ...]
    blocks: tuple[Block, ...]
    n_rows: int
    contents: Mapping[str, str]
    kinds: Mapping[str, str]
    target: str | None
    subsets: tuple[str, ...] | None = None
    notes: tuple[Note, ...] = ()

    format: ClassVar[TextFormat | None] = None
    folders: ClassVar[tuple[Path, ...]] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Return the columns of the samples, and that of the subsets."""
        return (*self.contents, *([SUBSET] if self.subsets else []))

    @property
    def split_column(self) -> str | None:
        """Return the column of the subsets, where the shards are named after these."""
        return SUBSET if self.subsets else None

    def read(
        self, block: Block, columns: Sequence[str], text: Collection[str] = ()
    ) -> Iterator[pa.Table]:
        """Read a block in batches of at most 512 samples and about 8 MiB.

        Raises:
            DataError: the shard is damaged.
        """
        rows, n_bytes = list[dict[str, Any]](), 0
        has_fields = any(self.contents.get(name) == "json" for name in columns)
        with open_shard(block.path) as file:
            for sample in read_samples(file, block.first, block.stop):
                if is_row(sample):
                    fields = read_fields(file, sample) if has_fields else {}
                    rows.append(fields | read_cells(file, sample, columns))
                    n_bytes += _n_bytes(sample)
                if n_bytes >= BATCH_BYTES:
                    yield self._table(block, rows, columns, text)
                    rows, n_bytes = [], 0
        if rows:
            yield self._table(block, rows, columns, text)

    def _table(
        self, block: Block, rows: Sequence[dict[str, Any]], columns: Sequence[str],
        text: Collection[str],
    ) -> pa.Table:  # fmt: skip
        subset = self.subsets[self.paths.index(block.path)] if self.subsets else ""
        arrays = {
            name: pa.array([subset] * len(rows)).dictionary_encode()
            if name == SUBSET
            else to_arrow(
                [row.get(name) for row in rows], self.contents[name], is_verbatim=name in text
            )
            for name in columns
        }
        return pa.table(arrays)


def _n_bytes(sample: TarSample) -> int:
    return sum(member.size for member in sample.members.values())


def cut_shards(source: str, paths: Sequence[Path]) -> Shards:
    """Cut shards into blocks of at most 512 samples and about 64 MiB.

    Args:
        source: for messages.
        paths: of .tar files that are not compressed.

    Raises:
        DataError: a shard is damaged, or there are no samples.
    """
    columns, blocks, n_rows = Columns(), list[Block](), 0
    for path in paths:
        found, n_found = _cut(path, columns)
        blocks += found
        n_rows += n_found
    columns.check(source)
    return Shards(
        name_of(source, paths[0]),
        tuple(paths),
        tuple(blocks),
        n_rows,
        columns.contents,
        columns.kinds,
        columns.target,
        subsets_of(paths),
        tuple(columns.notes()),
    )


def _cut(path: Path, columns: Columns) -> tuple[list[Block], int]:
    """Cut a shard before samples; return its blocks and the number of its rows."""
    starts, n_rows, in_block, n_bytes = list[int](), 0, 0, 0
    with open_shard(path) as file:
        for sample in read_samples(file):
            columns.add(sample, read_fields(file, sample))
            if not is_row(sample):
                continue
            if not starts or in_block >= BLOCK_SAMPLES or n_bytes >= BLOCK_BYTES:
                starts.append(sample.start)
                in_block = n_bytes = 0
            n_rows += 1
            in_block += 1
            n_bytes += _n_bytes(sample)
    edges = [*starts, path.stat().st_size]
    return [Block(path, *each) for each in pairwise(edges)], n_rows
