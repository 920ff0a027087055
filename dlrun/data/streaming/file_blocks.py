"""Files in folders of their classes, and zips of such folders, in blocks of mixed classes."""

from __future__ import annotations

import struct
import zipfile
import zlib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from hashlib import blake2b
from pathlib import Path
from typing import IO, Any, ClassVar, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from dlrun.contract.dataset import TextFormat
from dlrun.data.sources.archives import open_zip, unpacking
from dlrun.data.sources.folders import Files, Layout, find_files, find_layout
from dlrun.data.sources.hugging_face import FILE
from dlrun.data.streaming.blocks import SUBSET, Block
from dlrun.data.types.decode import CellError, as_file
from dlrun.data.types.text import decode_text
from dlrun.errors import DataError

BLOCK_FILES: Final = 512
N_MEASURED: Final = 1000  # files whose sizes stand for those of all
BATCH_BYTES: Final = 2**23  # of the members of a zip that are in memory at once
HEADER: Final = struct.Struct("<4s22xHH")  # of a member: magic, sizes of its name and of extras
MAGIC: Final = b"PK\x03\x04"
METHODS: Final = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
ENCRYPTED: Final = 1  # a bit of the flags
MEMBERS: Final = np.dtype(
    [("start", "u8"), ("packed", "u8"), ("size", "u8"), ("crc", "u4"), ("method", "u1")]
)


@dataclass(frozen=True)
class ClassFiles:
    """The files of a folder, or of a zip, with one sub-folder for each class (see `Blocks`).

    Their order is that of a hash of their paths: a stream mixes the rows of eight blocks at a time,
    and files are sorted by class.

    Attributes:
        files: in the order of the blocks.
        layout: of their paths.
        target: a name for the class.
        members: (files,) where each file is in the zip; None for a folder.
    """

    files: Files
    layout: Layout
    target: str
    members: NDArray[np.void] | None = field(default=None, repr=False)

    format: ClassVar[TextFormat | None] = None

    @property
    def name(self) -> str:
        """Return the name of the folder or of the zip."""
        return self.files.path.stem

    @property
    def paths(self) -> tuple[Path, ...]:
        """Return the folder or the zip."""
        return (self.files.path,)

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """Return blocks of 512 files."""
        n_files = len(self.files.names)
        return tuple(
            Block(self.files.path, first, min(n_files, first + BLOCK_FILES))
            for first in range(0, n_files, BLOCK_FILES)
        )

    @property
    def n_rows(self) -> int:
        """Return the number of files."""
        return len(self.files.names)

    @property
    def n_bytes(self) -> int:
        """Estimate the bytes of all texts; 0 for images and sounds, which are read one by one."""
        if self.files.kind != "text":
            return 0
        if self.members is not None:
            return int(self.members["size"].sum())
        some = self.files.names[:N_MEASURED]
        return (
            sum((self.files.path / name).stat().st_size for name in some) * self.n_rows // len(some)
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Return the columns of the files and of their classes, and that of the subsets."""
        return (self.files.kind, self.target, *([SUBSET] if self.layout.has_subsets else []))

    @property
    def folders(self) -> tuple[Path, ...]:
        """Return the folder."""
        return () if self.members is not None else (self.files.path,)

    @property
    def kinds(self) -> Mapping[str, str]:
        """Return the type of the files' column."""
        return {self.files.kind: self.files.kind}

    @property
    def split_column(self) -> str | None:
        """Return the column of the subsets, where folders are named after these."""
        return SUBSET if self.layout.has_subsets else None

    def read(
        self, block: Block, columns: Sequence[str], text: Collection[str] = ()
    ) -> Iterator[pa.Table]:
        """Read a block in batches of at most 512 files, those of a zip of about 8 MiB.

        Raises:
            DataError: the zip is damaged, or a text is not UTF-8.
        """
        is_read = self.files.kind in columns
        for first, stop in self._batches(block) if is_read else [(block.first, block.stop)]:
            names = self.files.names[first:stop]
            readers: dict[str, Callable[[], pa.Array]] = {
                self.files.kind: partial(self._cells, first, stop),
                self.target: partial(_labels, self.layout.label, names),
                SUBSET: partial(_labels, self.layout.subset, names),
            }
            yield pa.table({name: readers[name]() for name in columns})

    def _batches(self, block: Block) -> Iterator[tuple[int, int]]:
        """Yield the first file and the stop of each batch."""
        if self.members is None:
            yield block.first, block.stop
            return
        first, n_bytes = block.first, 0
        for number, size in enumerate(self.members["size"][block.first : block.stop].tolist()):
            n_bytes += size
            if n_bytes >= BATCH_BYTES:
                yield first, block.first + number + 1
                first, n_bytes = block.first + number + 1, 0
        if first < block.stop:
            yield first, block.stop

    def _cells(self, first: int, stop: int) -> pa.Array:
        names = self.files.names[first:stop]
        if self.members is None:
            return pa.array(names, pa.string())
        path = self.files.path
        with unpacking(path), path.open("rb") as file:
            members = zip(names, self.members[first:stop].tolist(), strict=True)
            cells = [_read_member(file, name, member) for name, member in members]
        if self.files.kind != "text":
            return pa.array(map(as_file, cells, names), FILE)
        return pa.array([_text(path, *each) for each in zip(names, cells, strict=True)])


def _labels(label: Callable[[str], str], names: Sequence[str]) -> pa.Array:
    return pa.array(map(label, names), pa.string()).dictionary_encode()


def _text(path: Path, name: str, content: bytes) -> str:
    try:
        return decode_text(content)
    except CellError as error:
        message = f"{path}: {name}, which {error}."
        raise DataError(message) from error


def _read_member(file: IO[bytes], name: str, member: tuple[int, ...]) -> bytes:
    """Return the unpacked bytes of a member of a zip."""
    start, packed, size, crc, method = member
    file.seek(start)
    magic, n_name, n_extra = HEADER.unpack(file.read(HEADER.size).ljust(HEADER.size))
    file.seek(n_name + n_extra, 1)
    content = file.read(packed)
    if method == zipfile.ZIP_DEFLATED:
        content = zlib.decompressobj(-zlib.MAX_WBITS).decompress(content, size + 1)
    if magic != MAGIC or len(content) != size or zlib.crc32(content) != crc:
        message = f"{name} is damaged"
        raise zipfile.BadZipFile(message)
    return content


def cut_folder(path: Path, target: str | None = None) -> ClassFiles:
    """Cut the files of a folder, or of a zip, into blocks.

    Args:
        path: one sub-folder for each class, as `dlrun.data.sources.folders.read_folder` takes it.
        target: a name for the class, else `label`.

    Raises:
        DataError: the folder has no such files, several kinds, or files outside the classes; a
            file's name is not UTF-8; or the zip is damaged, encrypted, or packed by other means
            than deflate.
    """
    found = find_files(path)
    layout = find_layout(found)
    files = Files(path, found.kind, tuple(sorted(found.names, key=_hash)))
    members = None if path.is_dir() else _find_members(path, files.names)
    return ClassFiles(files, layout, target or "label", members)


def _hash(name: str) -> bytes:
    return blake2b(name.encode(), digest_size=8).digest()


def _find_members(path: Path, names: Sequence[str]) -> NDArray[Any]:
    with open_zip(path) as archive:
        infos = [archive.getinfo(name) for name in names]
        for info in infos:
            if info.compress_type not in METHODS or info.flag_bits & ENCRYPTED:
                message = (
                    f"{path}: {info.filename} is encrypted, or packed by other means than deflate: "
                    "it cannot be streamed. Unpack it, and name the folder."
                )
                raise DataError(message)
        return np.array(
            [
                (i.header_offset, i.compress_size, i.file_size, i.CRC, i.compress_type)
                for i in infos
            ],
            MEMBERS,
        )
