"""Table files: one reader and one writer per suffix, through gz, zst and zip."""

from __future__ import annotations

import json
import os
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path, PurePath
from typing import IO, Final

import pandas as pd
import pyarrow as pa
import pyarrow.feather
import pyarrow.parquet

from dlrun.contract.dataset import AUTO, TextFormat
from dlrun.contract.note import Note
from dlrun.data.sources.archives import CODECS, DAMAGE, open_zip, read_compressed
from dlrun.data.sources.hugging_face import with_class_names
from dlrun.data.sources.paths import is_pattern
from dlrun.data.sources.text_tables import Content, read_text
from dlrun.errors import DataError, ExtraError
from dlrun.system.spreadsheet import guarded
from dlrun.system.text import listed, quoted

Reader = Callable[[Content, Collection[str]], pd.DataFrame]
Writer = Callable[[pd.DataFrame, IO[bytes]], object]


@dataclass(frozen=True)
class Table:
    """A table as it was read.

    Attributes:
        frame: column names are str, the index is a RangeIndex.
        format: how a text file was read; AUTO for others.
        notes: on what was found out.
    """

    frame: pd.DataFrame
    format: TextFormat = AUTO
    notes: tuple[Note, ...] = ()


def read_table(path: Path, *, text: Collection[str] = (), wanted: TextFormat = AUTO) -> Table:
    """Read a table by the suffix of its name.

    Args:
        path: a file of a suffix of `TEXT_SUFFIXES` or `READERS`, also in a .gz, .zst or .zip.
        text: columns of a text file that are read as they are written: 007 is not 7.
        wanted: what is set of the format of a text file.

    Raises:
        DataError: the file is missing, of an unknown kind, damaged or without rows.
        ExtraError: an optional package is needed.
    """
    if not path.is_file():
        message = f"{path}: there is no such file."
        raise DataError(message)
    if path.stat().st_size == 0:
        message = f"{path}: the file is empty."
        raise DataError(message)
    kind, content = _open(path)
    if kind not in SUFFIXES:
        allowed = _allowed(SUFFIXES)
        message = f"{path}: {kind or 'no suffix'} is not a kind of table. Allowed: {allowed}"
        raise DataError(message)
    try:
        if kind in TEXT_SUFFIXES:
            frame, found, notes = read_text(content, text, wanted, kind)
        else:
            frame, found, notes = READERS[kind](content, text), AUTO, []
    except UnicodeDecodeError as error:
        message = f"{path}: cannot be read as {kind}: it is not UTF-8 text. Save the file in UTF-8."
        raise DataError(message) from error
    except MemoryError as error:
        message = (
            f"{path}: the memory of this machine does not suffice for it. Read it from the disk, "
            "data.stream: true, which takes .csv, .tsv or .parquet files; or cut it."
        )
        raise DataError(message) from error
    except DAMAGE as error:
        message = f"{path}: cannot be read as {kind}: {error}"
        raise DataError(message) from error
    return Table(checked(frame, str(path)), found, tuple(notes))


def checked(frame: pd.DataFrame, origin: str) -> pd.DataFrame:
    """Return the table with str column names and a RangeIndex.

    Raises:
        DataError: two columns have the same name, or the table has no rows.
    """
    if frame.index.names != [None]:
        frame = frame.reset_index()
    frame = frame.reset_index(drop=True)
    frame.columns = pd.Index([str(name) for name in frame.columns])
    check_unique(list(frame.columns), origin)
    if frame.empty:
        message = f"{origin}: the table has no rows."
        raise DataError(message)
    return frame


def write_table(frame: pd.DataFrame, path: Path) -> None:
    """Write a table, without its index, by the suffix of its name (see `read_table`).

    Raises:
        DataError: the suffix is unknown, or the file cannot be written.
    """
    packed = path.suffix.lower()
    kind = _inner(path).suffix.lower()
    if kind not in WRITERS:
        allowed = _allowed(WRITERS)
        message = f"{path}: {kind or 'no suffix'} cannot be written. Allowed: {allowed}"
        raise DataError(message)
    try:
        if packed == ".zip":
            with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
                with archive.open(_inner(path).name, "w") as sink:
                    WRITERS[kind](frame, sink)
        elif packed in CODECS:
            with pa.output_stream(os.fspath(path), CODECS[packed]) as sink:
                WRITERS[kind](frame, sink)
        else:
            with path.open("wb") as sink:
                WRITERS[kind](frame, sink)
    except OSError as error:
        message = f"{path}: cannot be written: {error.strerror or error}"
        raise DataError(message) from error


def _allowed(suffixes: Iterable[str]) -> str:
    return f"{', '.join(suffixes)}, alone or in a .gz, .zst or .zip"


def _inner(path: PurePath) -> PurePath:
    return path.with_suffix("") if path.suffix.lower() in {*CODECS, ".zip"} else path


def _open(path: Path) -> tuple[str, Content]:
    """Return the suffix of the table and its path, or its unpacked bytes."""
    packed = path.suffix.lower()
    if packed == ".zip":
        return _open_zip(path)
    if packed in CODECS:
        return _inner(path).suffix.lower(), read_compressed(path)
    return packed, os.fspath(path)


def _open_zip(path: Path) -> tuple[str, Content]:
    with open_zip(path) as archive:
        members = [name for name in archive.namelist() if not name.endswith("/")]
        tables = [name for name in members if PurePath(name).suffix.lower() in SUFFIXES]
        if len(tables) == len(members) == 1:
            return PurePath(tables[0]).suffix.lower(), BytesIO(archive.read(tables[0]))
    message = f"{path}: an archive must hold one table, but this one holds {listed(members, 5)}."
    raise DataError(message)


# --------------------------------------------------------------------------------- reading


def _read_jsonl(content: Content, _text: Collection[str]) -> pd.DataFrame:
    """Read line by line: pandas' reader casts the text "007" and dates to numbers."""
    lines = enumerate(_decoded(content).split("\n"), start=1)
    return pd.DataFrame([_json_row(line, number) for number, line in lines if line.strip()])


def _decoded(content: Content) -> str:
    data = Path(content).read_bytes() if isinstance(content, str) else content.getvalue()
    return data.decode("utf-8-sig")


def _read_json(content: Content, text: Collection[str]) -> pd.DataFrame:
    """Read a list of rows, or columns as lists; rows may also stand one on a line, or under a key.

    Not with pandas' reader, for the same reason.
    """
    try:
        document = json.loads(_decoded(content))
    except json.JSONDecodeError as error:
        if error.msg == "Extra data":
            return _read_jsonl(content, text)
        raise
    if isinstance(document, dict) and len(document) == 1:
        (inner,) = document.values()
        document = inner if isinstance(inner, list) and isinstance(inner[:1], list) else document
    if isinstance(document, dict) and {"columns", "data"} <= {*document}:  # as pandas splits it
        return pd.DataFrame(document["data"], columns=document["columns"])
    if isinstance(document, list) and all(isinstance(row, dict) for row in document):
        return pd.DataFrame(document)
    if isinstance(document, dict) and all(isinstance(v, list | dict) for v in document.values()):
        return pd.DataFrame(document)
    message = "it must hold a list of objects, one for each row, or one list for each column"
    raise ValueError(message)


def _read_parquet(content: Content, _text: Collection[str]) -> pd.DataFrame:
    schema = pyarrow.parquet.read_schema(content)
    if isinstance(content, BytesIO):
        content.seek(0)
    return with_class_names(pd.read_parquet(content), schema)


def _read_feather(content: Content, _text: Collection[str]) -> pd.DataFrame:
    """Read a file that is checked: Arrow trusts its offsets, and wrong ones end the process."""
    pa.feather.read_table(content, memory_map=False).validate(full=True)
    if isinstance(content, BytesIO):
        content.seek(0)
    return pd.read_feather(content)


def _read_excel(content: Content, text: Collection[str]) -> pd.DataFrame:
    """Read the first sheet."""
    if isinstance(content, str):
        with open_zip(Path(content)):  # which it is: its size is checked
            pass
    try:
        frame: pd.DataFrame = pd.read_excel(
            content, engine="openpyxl", dtype=dict.fromkeys(text, "str")
        )
    except ImportError as error:
        raise ExtraError(package="openpyxl", extra="excel") from error
    return frame


def _json_row(line: str, number: int) -> dict[str, object]:
    try:
        row = json.loads(line)
    except json.JSONDecodeError as error:
        message = f"line {number} is not JSON: {error}"
        raise ValueError(message) from error
    if not isinstance(row, dict):
        message = f"line {number} is not an object with one key per column."
        raise ValueError(message)  # noqa: TRY004 - the file is at fault, not a type
    return row


def check_unique(names: Sequence[str], origin: str) -> None:
    """Check that all columns have different names.

    Raises:
        DataError: some have the same name.
    """
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        message = f"{origin}: several columns have the same name: {quoted(repeated)}. Rename them."
        raise DataError(message)


def check_same_columns(
    path: Path, names: Collection[str], other: Path, others: Collection[str]
) -> None:
    """Check that two files of a table have the same columns, in any order.

    Raises:
        DataError: they do not.
    """
    unshared = sorted({*names} ^ {*others})
    if unshared:
        message = (
            f"{path.name} and {other.name} must have the same columns, but only one of them has "
            f"{quoted(unshared)}."
        )
        raise DataError(message)


def name_of(source: str, path: Path) -> str:
    """Return a short name of a table: of its file, or of its glob or its folder.

    Args:
        source: a path or a glob.
        path: its first file.
    """
    if not is_pattern(source):
        return Path(source).name.partition(".")[0]
    return re.split(r"[*?\[{]", Path(source).name)[0].strip("-_.") or path.parent.name


# --------------------------------------------------------------------------------- writing


def _write_csv(frame: pd.DataFrame, sink: IO[bytes], *, separator: str) -> None:
    guarded(frame).to_csv(sink, sep=separator, index=False, mode="wb")


def _write_jsonl(frame: pd.DataFrame, sink: IO[bytes]) -> None:
    frame.to_json(
        sink, orient="records", lines=True, force_ascii=False, date_format="iso",
        double_precision=15, mode="w",
    )  # fmt: skip


TEXT_SUFFIXES: Final = (".csv", ".tsv", ".txt", ".dat", ".data")
READERS: Final[dict[str, Reader]] = {
    ".parquet": _read_parquet,
    ".jsonl": _read_jsonl,
    ".json": _read_json,
    ".feather": _read_feather,
    ".xlsx": _read_excel,
}
SUFFIXES: Final = (*TEXT_SUFFIXES, *READERS)
WRITERS: Final[dict[str, Writer]] = {
    ".csv": partial(_write_csv, separator=","),
    ".tsv": partial(_write_csv, separator="\t"),
    ".parquet": lambda frame, sink: frame.to_parquet(sink, index=False),
    ".jsonl": _write_jsonl,
    ".feather": lambda frame, sink: frame.reset_index(drop=True).to_feather(sink),
}
