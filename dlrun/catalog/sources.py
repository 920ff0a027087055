"""The sources of a recipe: files, and collections of data sets that a scheme names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class Source:
    """A collection of named data sets; `dlrun.data.sources` has a module of the same name.

    Attributes:
        name: the scheme.
        title: what the collection is.
    """

    name: str
    title: str


SOURCES: Final = {
    row.name: row
    for row in (
        Source("sklearn", "tables that scikit-learn brings or downloads"),
        Source("openml", "tables of openml.org, by name or number"),
        Source("keras", "images, texts and tables of keras.datasets"),
        Source(
            "formula", "known functions, computed: sines, step, chirp, runge, franke; settings as "
            "in formula:sines?rows=1000&noise=0.1&seed=0",
        ),
    )
}  # fmt: skip


@dataclass(frozen=True)
class FileSource:
    """Files that a recipe names by their path.

    Attributes:
        example: of a path.
        title: what the files are.
        is_streamed: they may be larger than memory.
    """

    example: str
    title: str
    is_streamed: bool = False


FILE_SOURCES: Final = (
    FileSource("table.csv", "a table: .csv .tsv .parquet", is_streamed=True),
    FileSource(
        "table.jsonl", "a table: .jsonl .json .feather .xlsx .txt; any in a .gz, .zst or .zip"
    ),
    FileSource("parts/*.parquet", "a glob, or a folder, of tables of one kind", is_streamed=True),
    FileSource("part-{000..099}.csv", "files of a range, as a shell writes it", is_streamed=True),
    FileSource(
        "photos", "a folder of images, sounds or texts: one folder for each class, perhaps in "
        "train/ and test/", is_streamed=True,
    ),
    FileSource("photos.zip", "a zip of such a folder", is_streamed=True),
    FileSource(
        "shards/*.tar", "samples of WebDataset: 0001.jpg, 0001.cls, 0001.json, …",
        is_streamed=True,
    ),
    FileSource("shards/*.tar.gz", "the same, compressed"),
    FileSource(
        "cloned",
        "a data set of the Hugging Face Hub: README.md beside data/train-00000-of-00002.parquet",
        is_streamed=True,
    ),
    FileSource("arrays.npz", "arrays x and y, or x_train, y_train, x_test and y_test"),
)  # fmt: skip
