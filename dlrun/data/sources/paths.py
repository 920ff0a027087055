"""The files that a source names: by a glob, by braces, or as the repository of a data set."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from glob import glob, has_magic
from pathlib import Path
from typing import Final

from dlrun.data.splits.predefined import SUBSET_NAMES
from dlrun.errors import DataError

BRACES: Final = re.compile(r"\{([^{}]*)\}")
RANGE: Final = re.compile(r"(\d+)\.\.(\d+)")
MAX_FILES: Final = 10**6
DOCUMENTS: Final = (".md", ".json", ".yaml", ".yml", ".py", "")  # beside the data: README, LICENSE
SUBSET_FILE: Final = re.compile(
    rf"(?:(.*)[-_.])?({'|'.join(SUBSET_NAMES)})(?:[-_.]?\d+(?:-of-\d+)?)?", re.IGNORECASE
)


def is_pattern(source: str) -> bool:
    """Return whether a source has wildcards, or braces: {a,b}, {000..099}."""
    return has_magic(source) or bool(BRACES.search(source))


def find_matches(pattern: Path) -> list[Path]:
    """Return the files that a pattern names, each glob of its braces sorted.

    Raises:
        DataError: a range of the braces is too long, or one of its files does not exist.
    """
    found = [(each, sorted(glob(each, recursive=True))) for each in _expand(str(pattern))]
    missing = [each for each, matches in found if not matches]
    if missing and len(found) > len(missing):
        message = (
            f"{Path(missing[0]).name} does not exist in the folder {Path(missing[0]).parent}: "
            f"{len(missing):,} of the {len(found):,} names that {pattern.name} stands for are "
            "missing."
        )
        raise DataError(message)
    return [Path(match) for _, matches in found for match in matches]


def _expand(pattern: str) -> list[str]:
    """Return the patterns that one with braces stands for, as a shell expands it."""
    found = BRACES.search(pattern)
    if not found:
        return [pattern]
    before, after = pattern[: found.start()], pattern[found.end() :]
    ends = [before + choice for choice in _choices(found[1])]
    rest = _expand(after)
    if len(ends) * len(rest) > MAX_FILES:
        message = f"{pattern} stands for more than {MAX_FILES:,} files. Use a glob: *"
        raise DataError(message)
    return [end + other for end in ends for other in rest]


def _choices(inner: str) -> Iterator[str]:
    numbers = RANGE.fullmatch(inner)
    if not numbers:
        yield from inner.split(",")
        return
    first, last = int(numbers[1]), int(numbers[2])
    for number in range(first, min(last, first + MAX_FILES) + 1):
        yield str(number).zfill(len(numbers[1]))


def repository_files(folder: Path, suffixes: Sequence[str]) -> tuple[Path, ...]:
    """Return the data files of a folder as the Hugging Face Hub keeps one, sorted.

    They are in the folder or in one below it, or in folders that are called train, validation and
    test; beside them are only documents, such as README.md.

    Args:
        folder: of the data set.
        suffixes: of its data files, all of the same one.

    Returns:
        Nothing for any other folder.
    """
    found = []
    for path in _walk(folder):
        if path.name.lower().endswith(tuple(suffixes)):
            found.append(path)
        elif path.suffix.lower() not in DOCUMENTS:
            return ()
    folders = {path.parent for path in found}
    is_split = all(each.name.lower() in SUBSET_NAMES for each in folders)
    if len(folders) > 1 and not (is_split and len({each.parent for each in folders}) == 1):
        return ()
    return tuple(sorted(found)) if len({path.suffix.lower() for path in found}) == 1 else ()


def _walk(folder: Path) -> Iterator[Path]:
    for above, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (Path(above, name) for name in names if not name.startswith((".", "_")))


def subsets_of(paths: Sequence[Path]) -> tuple[str, ...] | None:
    """Return "train", "validation" or "test" for each file, where all are named after these.

    They are called train-00000-of-00002.parquet and test.parquet, all with the same words before;
    or their folders are called train and test.

    Returns:
        None where a file is not, or where there are no training or no test rows.
    """
    found = [_subset(path) for path in paths]
    prefixes, names = {prefix for prefix, _ in found}, [name for _, name in found]
    if None in names or len(prefixes) > 1 or not {"train", "test"} <= {*names}:
        return None
    return tuple(name for name in names if name)


def _subset(path: Path) -> tuple[str, str | None]:
    """Return what the subset's name follows, and the subset."""
    found = SUBSET_FILE.fullmatch(path.name.partition(".")[0])
    if found:
        return found[1] or "", SUBSET_NAMES[found[2].lower()]
    return "", SUBSET_NAMES.get(path.parent.name.lower())
