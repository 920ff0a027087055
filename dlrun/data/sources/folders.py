"""Folders of files, and zips of such folders: one sub-folder for each class."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, Final

import pandas as pd

from dlrun.catalog.columns import COLUMN_KINDS
from dlrun.data.sources.archives import open_zip
from dlrun.data.sources.raw import RawData
from dlrun.data.sources.tables import SUFFIXES
from dlrun.data.splits.predefined import SUBSET_NAMES
from dlrun.data.types.decode import as_cells
from dlrun.errors import DataError

DEPTH: Final = 2  # a class and a file; a deeper file has a folder above the classes
# Texts are last: beside images or sounds they describe these, as a README.txt does.
FILE_KINDS: Final = sorted(
    (kind for kind in COLUMN_KINDS.values() if kind.suffixes), key=lambda kind: not kind.is_array
)


@dataclass(frozen=True)
class Files:
    """Files of one kind below a folder or in a zip.

    Attributes:
        path: of the folder or the zip.
        kind: of a column of them.
        names: relative to the folder, or of the zip's members; sorted.
    """

    path: Path
    kind: str
    names: tuple[str, ...]

    def cells(self) -> tuple[Any, ...]:
        """Return the cells of a raw column: paths relative to the folder, or `zipfile.Path`s."""
        if self.path.is_dir():
            return self.names
        archive = zipfile.ZipFile(self.path)  # stays open: its files are read later
        return tuple(zipfile.Path(archive, name) for name in self.names)


@dataclass(frozen=True)
class Layout:
    """Where the paths of files name the class.

    Attributes:
        depth: of the folder of the class.
        has_subsets: the folder above it is that of the training, validation or test rows.
    """

    depth: int
    has_subsets: bool

    def label(self, name: str) -> str:
        """Return the class of a file."""
        return parts_of(name)[self.depth]

    def subset(self, name: str) -> str:
        """Return "train", "validation" or "test"."""
        return SUBSET_NAMES[parts_of(name)[self.depth - 1].lower()]


def read_folder(path: Path, target: str | None = None) -> RawData:
    """Read a folder, or a zip, with one sub-folder for each class, as a table of its files.

    The folders train, validation and test may be above the classes, and one more above these. The
    table has a column called image, audio or text, and the class as `target`, else `label`.

    Raises:
        DataError: the folder has no such files, several kinds, or files outside the classes.
    """
    files = find_files(path)
    layout = find_layout(files)
    target = target or "label"
    labels = [layout.label(name) for name in files.names]
    frame = pd.DataFrame({files.kind: as_cells(files.cells(), len(labels)), target: labels})
    subsets = [layout.subset(name) for name in files.names] if layout.has_subsets else None
    parts = pd.Series(subsets) if subsets else None
    return RawData(path.stem, frame, target, parts, {files.kind: files.kind}, path)


def find_layout(files: Files) -> Layout:
    """Find the folders of the classes: below one that all files share, and below train and test.

    Raises:
        DataError: a file lies in no folder of a class.
    """
    names = files.names
    shallowest = min(len(parts_of(name)) for name in names)
    depth = int(shallowest > DEPTH and len({parts_of(name)[0] for name in names}) == 1)
    tops = (
        {parts_of(name)[depth].lower() for name in names} if shallowest - depth > DEPTH else set()
    )
    has_subsets = len(tops) > 1 and tops <= set(SUBSET_NAMES)
    depth += has_subsets
    loose = next((name for name in names if len(parts_of(name)) == depth + 1), None)
    if loose is not None:
        message = (
            f"{files.path.name}: {loose} lies in no folder of a class. Put each file into a folder "
            "named after its class, such as cats/1.png."
        )
        raise DataError(message)
    return Layout(depth, has_subsets)


def parts_of(name: str) -> list[str]:
    """Return the folders of a file and its own name."""
    return [part for part in name.split("/") if part not in ("", ".")]


def find_files(path: Path, kind: str | None = None) -> Files:
    """Find all images, sounds or texts below a folder, or in a zip, without hidden ones.

    Args:
        path: the folder or the zip.
        kind: the only kind to find.

    Raises:
        DataError: there are none, or images as well as sounds; or a name is not UTF-8.
    """
    wanted = [each for each in FILE_KINDS if kind in (None, each.name)]
    found: dict[str, list[str]] = {each.name: [] for each in wanted}
    for name in _in_zip(path) if path.is_file() else _in_folder(path):
        found.get(kind_of(name) or "", []).append(name)
    present = [each for each in wanted if found[each.name]]
    if not present:
        known = "; ".join(f"{each.name}: {' '.join(each.suffixes)}" for each in wanted)
        message = (
            f"{path.name} holds no file to learn from ({known}). For tables write a glob, such as "
            f"{path.name}/*.csv."
        )
        raise DataError(message)
    arrays = [each.title for each in present if each.is_array]
    if len(arrays) > 1:
        message = (
            f"{path.name} holds {' and '.join(arrays)}. Keep one kind, or list them in a table."
        )
        raise DataError(message)
    chosen = present[0].name
    for name in found[chosen]:
        _check_name(path, name)
    return Files(path, chosen, tuple(sorted(found[chosen], key=parts_of)))


def _check_name(path: Path, name: str) -> None:
    try:
        name.encode()
    except UnicodeEncodeError as error:
        message = f"{path.name}: the file name {name!r} is not UTF-8. Rename it."
        raise DataError(message) from error


def kind_of(path: str | PurePath) -> str | None:
    """Return the kind of a file by its suffix; None for tables and the like."""
    name = str(path).lower()
    return next((kind.name for kind in FILE_KINDS if name.endswith(kind.suffixes)), None)


def _in_folder(path: Path) -> Iterator[str]:
    for folder, folders, names in os.walk(path):
        folders[:] = [name for name in folders if not name.startswith(".")]
        relative = Path(folder).relative_to(path).as_posix()
        above = "" if relative == "." else f"{relative}/"
        yield from (above + name for name in names if not name.startswith("."))


def _in_zip(path: Path) -> Iterator[str]:
    with open_zip(path) as archive:
        names = archive.namelist()
    for name in names:
        is_hidden = any(part.startswith((".", "__MACOSX")) for part in parts_of(name))
        if not name.endswith("/") and not is_hidden:
            yield name


def holds_files(path: Path) -> bool:
    """Return whether a path is a zip of images or sounds, or of folders of texts, and no table.

    Raises:
        DataError: the zip is damaged.
    """
    if path.suffix.lower() != ".zip" or not path.is_file():  # .npz are zips, too
        return False
    with open_zip(path) as archive:
        names = archive.namelist()
    tables = {*SUFFIXES}.difference(*(kind.suffixes for kind in FILE_KINDS))  # a .txt is a text
    has_table = any(name.lower().endswith(tuple(tables)) for name in names)
    return any(
        COLUMN_KINDS[kind].is_array or (len(parts_of(name)) > 1 and not has_table)
        for name in names
        if (kind := kind_of(name))
    )
