"""Rows on disk in blocks: what a stream reads, whatever the files are."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

if TYPE_CHECKING:
    import pyarrow as pa

    from dlrun.contract.dataset import TextFormat

SUBSET: Final = "__subset__"
"""The column of the parts that a source of files brings."""


@dataclass(frozen=True)
class Block:
    """Rows that can be read without the rows before them.

    Attributes:
        path: of the file, of the zip, or of the folder of files.
        first: number of a row group; the first byte of rows of a text file; or the position of the
            first row in the list of a folder's files or of an archive's members.
        stop: the byte, or the position, after the rows; 0 for a row group.
    """

    path: Path
    first: int
    stop: int = 0


class Blocks(Protocol):
    """The rows of a source, which is larger than memory; picklable."""

    @property
    def name(self) -> str:
        """Return a short name of the data."""

    @property
    def paths(self) -> tuple[Path, ...]:
        """Return the files, for messages and their number."""

    @property
    def blocks(self) -> tuple[Block, ...]:
        """Return all blocks, in the order of the source."""

    @property
    def n_rows(self) -> int:
        """Return the number of all rows, or an estimate."""

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of all columns."""

    @property
    def format(self) -> TextFormat | None:
        """Return the format of text tables; None for all other files."""

    @property
    def folders(self) -> tuple[Path, ...]:
        """Return where relative paths in cells of images, sounds and texts may start."""

    @property
    def kinds(self) -> Mapping[str, str]:
        """Return the types of columns that the source itself knows, such as image: image."""

    @property
    def target(self) -> str | None:
        """Return the column that the source itself says is predicted, such as the class."""

    @property
    def split_column(self) -> str | None:
        """Return the column of the parts that the source brings: train, validation, test."""

    def read(
        self, block: Block, columns: Sequence[str], text: Collection[str] = ()
    ) -> Iterator[pa.Table]:
        """Read a block in batches of rows, in their order.

        Cells of images, sounds and texts in files are paths (string), bytes (binary), or
        {bytes, path} (struct), as `dlrun.data.types.decode.locate` takes them.

        Args:
            block: of `blocks`.
            columns: to read.
            text: columns that are read as they are written, as dictionaries.

        Raises:
            DataError: the block cannot be read.
        """
