"""Sources whose rows may be streamed, before their files are cut into blocks."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, Protocol

from dlrun.contract.dataset import AUTO
from dlrun.contract.note import Note
from dlrun.data.selection import check_text_settings, chosen_format
from dlrun.data.sources.folders import holds_files
from dlrun.data.sources.shards import find_shards
from dlrun.data.sources.tar_samples import PACKED
from dlrun.data.sources.text_format import BLANKS
from dlrun.data.sources.url import fetch, is_url
from dlrun.data.streaming.blocks import Blocks
from dlrun.data.streaming.file_blocks import ClassFiles, cut_folder
from dlrun.data.streaming.partitions import cut_files, estimate_bytes, find_paths, text_format
from dlrun.data.streaming.shards import Shards, cut_shards
from dlrun.errors import DataError
from dlrun.recipe.schema import Recipe

ADVICE: Final = "Set data.stream: false to hold the rows in memory"


class StoredRows(Protocol):
    """The rows of a source on disk."""

    def n_bytes(self) -> int:
        """Estimate the memory of all rows, without what their images and sounds are decoded to."""

    def faults(self) -> Iterator[tuple[str, str]]:
        """Yield the key of a recipe and the reason where these files cannot be streamed."""

    def open(self) -> tuple[Blocks, list[Note]]:
        """Return the rows in blocks, and notes on what was found out about the files.

        Raises:
            DataError: the files cannot be read, or do not belong together.
        """


def find_stored(recipe: Recipe) -> tuple[StoredRows | None, list[Note]]:
    """Return the rows of the recipe's source, downloaded if need be; None if they are not on disk.

    Raises:
        DataError: the source cannot be downloaded, or some of its files do not exist.
    """
    source, folder, notes = recipe.data.source, recipe.folder, []
    with located(recipe):
        if is_url(source):
            path, note = fetch(source)
            source, folder, notes = str(path), Path(), [note]
        tables = find_paths(source, folder)
        shards = () if tables else find_shards(source, folder)
        path = folder / Path(source).expanduser()
        has_files = not (tables or shards) and (path.is_dir() or holds_files(path))
    if tables:
        return StoredTable(recipe, tables), notes
    if shards:
        return StoredShards(recipe, shards), notes
    return (StoredFiles(recipe, path) if has_files else None), notes


@contextmanager
def located(recipe: Recipe) -> Iterator[None]:
    """Name the source of a recipe in the errors within."""
    try:
        yield
    except DataError as error:
        message = f"{recipe.at('data.source')}: {error}"
        raise DataError(message) from error


@dataclass(frozen=True)
class StoredTable:
    """The files of a table, CSV or Parquet (see `StoredRows`)."""

    recipe: Recipe
    paths: tuple[Path, ...]

    def n_bytes(self) -> int:
        """Estimate twice the bytes of text files, or Parquet unpacked."""
        return estimate_bytes(self.paths)

    def faults(self) -> Iterator[tuple[str, str]]:
        """Yield the key and the reason where text files of a format cannot be cut into blocks."""
        form, _ = text_format(self.paths[0], chosen_format(self.recipe))
        check_text_settings(self.recipe, form or AUTO)
        if form and form.encoding.startswith("utf-16"):
            reason = "a file in UTF-16 cannot be cut where a row ends. Save it in UTF-8"
            yield "data.encoding", f"{reason}. {ADVICE}."
        if form and form.separator == BLANKS:
            reason = "rows whose fields are separated by blanks cannot be streamed"
            yield "data.separator", f"{reason}. {ADVICE}."

    def open(self) -> tuple[Blocks, list[Note]]:
        """Cut the files, all in the format of the first."""
        form, notes = text_format(self.paths[0], chosen_format(self.recipe))
        with located(self.recipe):
            return cut_files(self.recipe.data.source, self.paths, form), notes


@dataclass(frozen=True)
class StoredShards:
    """The .tar files of samples (see `StoredRows`)."""

    recipe: Recipe
    paths: tuple[Path, ...]

    def n_bytes(self) -> int:
        """Return the size of the files."""
        return sum(path.stat().st_size for path in self.paths)

    def faults(self) -> Iterator[tuple[str, str]]:
        """Yield the key and the reason where a file is compressed."""
        packed = [path.name for path in self.paths if path.name.lower().endswith(PACKED)]
        if packed:
            reason = f"{packed[0]} is compressed, and its rows can be read from its beginning alone"
            yield "data.source", f"{reason}. Unpack it to a .tar. {ADVICE}."

    def open(self) -> tuple[Blocks, list[Note]]:
        """Cut the files before samples."""
        return self._shards, list(self._shards.notes)

    @cached_property
    def _shards(self) -> Shards:
        with located(self.recipe):
            return cut_shards(self.recipe.data.source, self.paths)


@dataclass(frozen=True)
class StoredFiles:
    """The files of a folder, or of a zip, in folders of their classes (see `StoredRows`)."""

    recipe: Recipe
    path: Path

    def n_bytes(self) -> int:
        """Estimate the bytes of texts; images and sounds stay on disk until they are decoded."""
        try:
            return self._files.n_bytes
        except DataError:  # what is wrong is said where the rows are read
            return 0

    def faults(self) -> Iterator[tuple[str, str]]:
        """Yield nothing: all such files can be read in any order."""
        yield from ()

    def open(self) -> tuple[Blocks, list[Note]]:
        """List the files."""
        return self._files, []

    @cached_property
    def _files(self) -> ClassFiles:
        target = self.recipe.data.target
        with located(self.recipe):
            return cut_folder(self.path, target if isinstance(target, str) else None)
