"""Samples of WebDataset: consecutive members of a .tar that share a name."""

from __future__ import annotations

import json
import re
import tarfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

from dlrun.catalog.columns import COLUMN_KINDS
from dlrun.data.sources.archives import read_compressed, unpacking
from dlrun.data.sources.folders import kind_of
from dlrun.data.types.decode import CellError, as_file
from dlrun.data.types.text import decode_text

PACKED: Final = (".tar.gz", ".tgz", ".tar.zst")
SUFFIXES: Final = (".tar", *PACKED)
NAME: Final = re.compile(r"((?:.*/)?[^/.][^/.]*)\.([^/]+)", re.DOTALL)
"""Of a member: the key of its sample, up to the first dot, and its extension."""
LABELS: Final = ("cls", "class", "label")
TEXTS: Final = ("txt", "text", "transcript", "caption")
VALUES: Final = ("cls2", "count", "id", "index", "inx", "target", "score")
TARGET: Final = "label"
BLOCK: Final = 512  # bytes that a tar's headers and members are padded to


class Member(NamedTuple):
    """A file in a shard: where its bytes start, and how many there are."""

    start: int
    size: int


class TarSample(NamedTuple):
    """A row of a shard.

    Attributes:
        key: the name that its members share.
        start: the byte of its first header.
        members: by their extension, in lower case.
    """

    key: str
    start: int
    members: dict[str, Member]


class Extension(NamedTuple):
    """What the members of an extension hold.

    Attributes:
        column: its name; of .json what the names of several begin with.
        content: "image", "audio", "text", "label", "value" or "json".
    """

    column: str
    content: str


@cache
def read_extension(extension: str) -> Extension | None:
    """Return what the members of an extension hold; None where these are not read.

    left.jpg is the column `left`; jpg alone is `image`, cls `label`, txt `text`.
    """
    *front, last = extension.split(".")
    name, kind = ".".join(front), kind_of(f".{last}")
    if last in TEXTS:
        return Extension(name or ("text" if last in TEXTS[:2] else last), "text")
    if kind is not None:
        return Extension(name or kind, kind)
    if last == "json":
        return Extension(name, last)
    if last in LABELS:
        return Extension(name or TARGET, "label")
    return Extension(name or last, "value") if last in VALUES else None


def is_media(content: str) -> bool:
    """Return whether members hold images or sounds."""
    return content in COLUMN_KINDS and COLUMN_KINDS[content].is_array


def is_row(sample: TarSample) -> bool:
    """Return whether any member of a sample is read."""
    return any(read_extension(extension) for extension in sample.members)


def is_shard(path: Path) -> bool:
    """Return whether a file is called a .tar, perhaps a compressed one."""
    return path.name.lower().endswith(SUFFIXES)


@contextmanager
def open_shard(path: Path) -> Iterator[IO[bytes]]:
    """Open a shard, a compressed one unpacked in memory; errors within are those of a damaged one.

    Raises:
        DataError: it is damaged, or far larger than it looks.
    """
    with unpacking(path, "read"):
        if path.name.lower().endswith(PACKED):
            yield read_compressed(path)
        else:
            with path.open("rb") as file:
                yield file


# ------------------------------------------------------------------------------- the samples


def read_samples(file: IO[bytes], start: int = 0, stop: int | None = None) -> Iterator[TarSample]:
    """Find the samples of a shard, in its order; only headers are read.

    Members that are no files, such as folders and links, hidden ones, and ones without an extension
    are left out.

    Args:
        file: the shard, which may be read elsewhere in between.
        start: the byte of the first sample.
        stop: the byte after the last one; None: the end of the shard.

    Raises:
        tarfile.TarError: the shard is damaged.
        ValueError: the members of a sample do not follow each other, or two have one extension.
    """
    keys = set[str]()
    sample: TarSample | None = None
    for info in _read_headers(file, start, stop):
        found = NAME.fullmatch(info.name)
        if not info.isreg() or info.issparse() or not found:
            continue
        key, extension = found[1].removeprefix("./"), found[2].lower()
        if sample is None or key != sample.key:
            if sample is not None:
                yield sample
            if key in keys:
                message = (
                    f"the files of the sample {key!r} do not follow each other, or there are two "
                    "such samples. Pack them by their names: tar --sort=name"
                )
                raise ValueError(message)
            keys.add(key)
            sample = TarSample(key, info.offset, {})
        if extension in sample.members:
            message = f"the sample {key!r} has two files .{extension}"
            raise ValueError(message)
        sample.members[extension] = Member(info.offset_data, info.size)
    if sample is not None:
        yield sample


def _read_headers(file: IO[bytes], start: int, stop: int | None) -> Iterator[tarfile.TarInfo]:
    file.seek(0, 2)
    size = file.tell()
    file.seek(start)
    try:
        with tarfile.open(fileobj=file, mode="r:") as archive:
            while (info := archive.next()) is not None and (stop is None or info.offset < stop):
                archive.members = []  # type: ignore[attr-defined]  # it would keep them all
                _check_size(info, size)
                yield info
            file.seek(archive.offset)
            if info is None and file.read(BLOCK).strip(b"\0"):  # where tarfile takes it for the end
                raise _damaged(archive.offset)
    except (MemoryError, OverflowError) as error:
        message = "a header is damaged: the name in it is longer than the memory"
        raise tarfile.ReadError(message) from error


def _check_size(info: tarfile.TarInfo, n_bytes: int) -> None:
    if info.size < 0:  # the next header would be one before it, for ever
        raise _damaged(info.offset)
    if info.offset_data + info.size > n_bytes and not info.issparse():
        message = f"it ends within {info.name!r}"
        raise tarfile.ReadError(message)


def _damaged(place: int) -> tarfile.ReadError:
    return tarfile.ReadError(f"the header at byte {place:,} is damaged")


def read_cells(
    file: IO[bytes], sample: TarSample, columns: Collection[str] | None = None
) -> dict[str, Any]:
    """Read the cells of a sample: {bytes, path} of images and sounds, str of texts and values.

    Args:
        file: the shard.
        sample: of it.
        columns: to read; None: all.

    Raises:
        ValueError: two members are the same column, or a text is not UTF-8.
    """
    cells: dict[str, Any] = {}
    for extension, member in sample.members.items():
        held = read_extension(extension)
        if held is None or held.content == "json" or held.column not in (columns or [held.column]):
            continue
        if held.column in cells:
            message = (
                f"the sample {sample.key!r} has several files for the column {held.column!r}, such "
                f"as .{extension}. Call them .one.{extension} and .two.{extension}"
            )
            raise ValueError(message)
        content = _content(file, member)
        if is_media(held.content):
            cells[held.column] = as_file(content, f"{sample.key}.{extension}")
        else:
            text = _read_text(sample.key, extension, content)
            cells[held.column] = text if held.content == "text" else text.strip() or None
    return cells


def read_fields(file: IO[bytes], sample: TarSample) -> dict[str, Any]:
    """Read the fields of a sample's .json that are single values.

    Raises:
        ValueError: it is damaged.
    """
    fields: dict[str, Any] = {}
    for extension, member in sample.members.items():
        held = read_extension(extension)
        if held is not None and held.content == "json":
            text = _read_text(sample.key, extension, _content(file, member))
            fields |= _scalars(sample.key, held.column, text)
    return fields


def _content(file: IO[bytes], member: Member) -> bytes:
    file.seek(member.start)
    return file.read(member.size)


def _read_text(key: str, extension: str, content: bytes) -> str:
    try:
        return decode_text(content)
    except CellError as error:
        message = f"the sample {key!r} has a file .{extension}, which {error}"
        raise ValueError(message) from error


def _scalars(key: str, name: str, text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except json.JSONDecodeError as error:
        message = f"the file .json of the sample {key!r} is damaged: {error}"
        raise ValueError(message) from error
    front = f"{name}." if name else ""
    return {
        f"{front}{field}": value
        for field, value in (found.items() if isinstance(found, dict) else ())
        if value is None or isinstance(value, str | int | float)
    }
