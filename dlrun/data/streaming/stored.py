"""Sources whose rows may be streamed, before their files are cut into blocks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from dlrun.contract.dataset import AUTO
from dlrun.contract.note import Note
from dlrun.data.selection import check_text_settings, chosen_format
from dlrun.data.sources.text_format import BLANKS
from dlrun.data.sources.url import fetch, is_url
from dlrun.data.streaming.blocks import Blocks
from dlrun.data.streaming.partitions import cut_files, estimate_bytes, find_paths, text_format
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
        DataError: the source cannot be downloaded.
    """
    source, folder, notes = recipe.data.source, recipe.folder, []
    if is_url(source):
        try:
            path, note = fetch(source)
        except DataError as error:
            message = f"{recipe.at('data.source')}: {error}"
            raise DataError(message) from error
        source, folder, notes = str(path), Path(), [note]
    paths = find_paths(source, folder)
    return (StoredTable(recipe, paths) if paths else None), notes


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
        return cut_files(self.recipe.data.source, self.paths, form), notes
