"""Folders of files, and zips of such folders: one sub-folder for each class."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath, PurePosixPath
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
        kind: of a column of them.
        paths: relative to the folder, sorted.
        cells: for a raw column: relative paths, or `zipfile.Path`s.
    """

    kind: str
    paths: tuple[PurePosixPath, ...]
    cells: tuple[Any, ...]


def read_folder(path: Path, target: str | None = None) -> RawData:
    """Read a folder, or a zip, with one sub-folder for each class, as a table of its files.

    The folders train, validation and test may be above the classes, and one more above these. The
    table has a column called image, audio or text, and the class as `target`, else `label`.

    Raises:
        DataError: the folder has no such files, several kinds, or files outside the classes.
    """
    files = find_files(path)
    paths, subsets = _without_subsets([file.parts for file in files.paths])
    loose = [file for file, path in zip(files.paths, paths, strict=True) if len(path) == 1]
    if loose:
        message = (
            f"{path.name}: {loose[0]} lies in no folder of a class. Put each file into a folder "
            "named after its class, such as cats/1.png."
        )
        raise DataError(message)
    target = target or "label"
    labels = [path[0] for path in paths]
    frame = pd.DataFrame({files.kind: as_cells(files.cells, len(labels)), target: labels})
    return RawData(path.stem, frame, target, subsets, {files.kind: files.kind}, path)


def _without_subsets(
    paths: list[tuple[str, ...]],
) -> tuple[list[tuple[str, ...]], pd.Series[str] | None]:
    """Remove a folder that all paths share, then the folders of train and test rows."""
    is_deep = all(len(path) > DEPTH for path in paths)
    if is_deep and len({path[0] for path in paths}) == 1:
        paths = [path[1:] for path in paths]
        is_deep = all(len(path) > DEPTH for path in paths)
    tops = [path[0].lower() for path in paths]
    if not is_deep or not set(tops) <= set(SUBSET_NAMES) or len(set(tops)) == 1:
        return paths, None
    return [path[1:] for path in paths], pd.Series([SUBSET_NAMES[top] for top in tops])


def find_files(path: Path, kind: str | None = None) -> Files:
    """Find all images, sounds or texts below a folder, or in a zip, without hidden ones.

    Args:
        path: the folder or the zip.
        kind: the only kind to find.

    Raises:
        DataError: there are none, or images as well as sounds.
    """
    found = dict(_in_zip(path) if path.is_file() else _in_folder(path))
    kinds = {path: kind_of(path) for path in found}
    wanted = [each for each in FILE_KINDS if kind in (None, each.name)]
    present = [each for each in wanted if each.name in kinds.values()]
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
    name = present[0].name
    chosen = sorted(file for file, other in kinds.items() if other == name)
    return Files(name, tuple(chosen), tuple(found[file] for file in chosen))


def kind_of(path: PurePath) -> str | None:
    """Return the kind of a file by its suffix; None for tables and the like."""
    suffix = path.suffix.lower()
    return next((kind.name for kind in FILE_KINDS if suffix in kind.suffixes), None)


def _in_folder(path: Path) -> Iterator[tuple[PurePosixPath, str]]:
    for folder, folders, names in os.walk(path):
        folders[:] = [name for name in folders if not name.startswith(".")]
        relative = PurePosixPath(Path(folder).relative_to(path).as_posix())
        for name in names:
            if not name.startswith("."):
                yield relative / name, str(relative / name)


def _in_zip(path: Path) -> Iterator[tuple[PurePosixPath, zipfile.Path]]:
    with open_zip(path):  # checked
        archive = zipfile.ZipFile(path)  # stays open: its files are read later
    for name in archive.namelist():
        member = PurePosixPath(name)
        is_hidden = any(part.startswith((".", "__MACOSX")) for part in member.parts)
        if not name.endswith("/") and not is_hidden:
            yield member, zipfile.Path(archive, name)


def holds_files(path: Path) -> bool:
    """Return whether a path is a zip of images, sounds or texts in folders, and not of a table."""
    if path.suffix.lower() != ".zip" or not zipfile.is_zipfile(path):  # .npz are zips, too
        return False
    with open_zip(path) as archive:
        names = [PurePosixPath(name) for name in archive.namelist()]
    kinds = {kind_of(name) for name in names if len(name.parts) > 1}
    tables = {*SUFFIXES}.difference(*(kind.suffixes for kind in FILE_KINDS))  # a .txt is a text
    has_table = any(name.suffix.lower() in tables for name in names)
    return any(COLUMN_KINDS[kind].is_array or not has_table for kind in kinds if kind)
