"""Text tables: CSV and its relatives in any encoding, with any separator, with or without names."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pyarrow as pa
import pyarrow.csv
from pandas.api import types

from dlrun.catalog.notes import MISSING_WORDS
from dlrun.contract.dataset import TextFormat
from dlrun.contract.note import Note
from dlrun.data.sources.text_format import (
    BLANKS,
    HEAD_BYTES,
    find_encoding,
    find_format,
)
from dlrun.data.types.number import EXACT
from dlrun.system.text import listed

Content = str | BytesIO  # a path, or the file's bytes where they had to be decompressed

# What pandas takes for a missing value in a text file; Arrow's own list is shorter.
MISSING: Final = [
    "", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN",
    "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null",
]  # fmt: skip
BOOLEANS: Final = {"true": True, "True": True, "TRUE": True, "false": False, "False": False,
                   "FALSE": False}  # fmt: skip


def read_text(
    content: Content, text: Collection[str], wanted: TextFormat, suffix: str
) -> tuple[pd.DataFrame, TextFormat, list[Note]]:
    """Read a text table in the format that is set, or found in its first bytes.

    Args:
        content: of the file.
        text: columns that are read as they are written: 007 is not 7.
        wanted: what is set of the format.
        suffix: of the file's name.

    Returns:
        The table, how it was read, and notes.

    Raises:
        ValueError: the file is not in the format that is set.
    """
    head = _bytes(content, HEAD_BYTES)
    try:
        try:
            found, notes = find_format(head, suffix, wanted)
            frame = _read(content, text, found)
        except UnicodeError:
            if wanted.encoding != "auto":
                raise
            found, notes = find_format(head, suffix, wanted, find_encoding(_bytes(content)))
            frame = _read(_rewound(content), text, found)
    except UnicodeError as error:
        message = f"it is not text in {wanted.encoding}: {error}. Set data.encoding"
        raise ValueError(message) from error
    if found.is_padded:
        frame = _stripped(frame)
    if found.names:
        frame.columns = pd.Index(found.names)
    missing = _hide(frame, found)
    return frame, found, [*notes, *_missing_notes(missing)]


def _stripped(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table without the blanks around names and texts."""
    texts = {
        str(name).strip(): values.str.strip() if types.is_string_dtype(values.dtype) else values
        for name, values in frame.items()
    }
    return pd.DataFrame(texts)


def missing_texts(found: TextFormat) -> list[str]:
    """Return the cells that are missing in every column."""
    return MISSING if found.na is None else ["", *found.na]


def _bytes(content: Content, n: int = -1) -> bytes:
    if isinstance(content, BytesIO):
        return content.getvalue() if n < 0 else content.getvalue()[:n]
    with Path(content).open("rb") as file:
        return file.read(n)


def _rewound(content: Content) -> Content:
    if isinstance(content, BytesIO):
        content.seek(0)
    return content


# -------------------------------------------------------------------------------- the parsers


def _read(content: Content, text: Collection[str], found: TextFormat) -> pd.DataFrame:
    """Read with Arrow, which is fast; with pandas where Arrow fails, or where blanks separate.

    Arrow fails, for instance, at a line break in quotes at a block's end, or a short last line.
    """
    if found.separator == BLANKS:
        return _with_pandas(content, text, found)
    try:
        table = _with_arrow(content, text, found)
    except pa.ArrowInvalid:
        return _with_pandas(_rewound(content), text, found)
    times = {column.name for column in table.schema if pa.types.is_time(column.type)}
    columns = zip(table.column_names, table.columns, strict=True)
    long = {name for name, values in columns if _is_long(values)}
    if (times | long) - set(text):  # a time of day is no date, and a long identifier no number
        again = _read(_rewound(content), {*text, *times, *long}, found)
        return again.assign(**{name: _plain(again[name], ".") for name in long - {*text}})
    binary = [column.name for column in table.schema if pa.types.is_binary(column.type)]
    if binary:
        message = f"column {binary[0]!r} is no text"
        raise UnicodeError(message)
    frame: pd.DataFrame = table.to_pandas(date_as_object=False)
    return frame.rename(columns={"": "Unnamed: 0"})  # an index written by pandas


def _with_arrow(content: Content, text: Collection[str], found: TextFormat) -> pa.Table:
    names = found.names if found.header == "none" else None
    return pa.csv.read_csv(
        content,
        pa.csv.ReadOptions(encoding=found.encoding, column_names=names),
        pa.csv.ParseOptions(delimiter=found.separator),
        pa.csv.ConvertOptions(
            null_values=missing_texts(found),
            column_types=dict.fromkeys(text, pa.string()),
            decimal_point=found.decimal,
        ),
    )


def _is_long(column: pa.ChunkedArray) -> bool:
    """Return whether these are whole numbers too long for an integer, which Arrow rounds."""
    if not pa.types.is_floating(column.type):
        return False
    lowest = pa.compute.min(column).as_py()
    return lowest is not None and lowest > EXACT


def _with_pandas(content: Content, text: Collection[str], found: TextFormat) -> pd.DataFrame:
    has_names = found.header == "first"
    frame = pd.read_csv(
        content,
        sep=r"\s+" if found.separator == BLANKS else found.separator,
        encoding="utf-8-sig" if found.encoding == "utf-8" else found.encoding,
        header=0 if has_names else None,
        names=None if has_names else list(found.names),
        dtype=str,
        na_filter=False,
    )
    if not frame.index.equals(pd.RangeIndex(len(frame))):
        message = "the rows have more fields than the header has names."
        raise ValueError(message)
    missing = missing_texts(found)
    return pd.DataFrame(
        {
            name: values
            if name in text
            else _plain(values.mask(values.isin(missing)), found.decimal)
            for name, values in frame.items()
        }
    )


def _plain(values: pd.Series[Any], decimal: str) -> pd.Series[Any]:
    """Return texts as numbers or booleans where all of them are."""
    present = values.dropna()
    if len(present) and present.isin(list(BOOLEANS)).all():
        return values.map(BOOLEANS).astype(object if len(present) < len(values) else bool)
    if decimal != "." and present.str.contains(".", regex=False).any():
        return values  # of thousands
    try:
        numbers = pd.to_numeric(values.str.replace(decimal, ".", regex=False))
    except ValueError:
        return values
    is_exact = types.is_integer_dtype(numbers.dtype) or (
        types.is_float_dtype(numbers.dtype) and not present.str.fullmatch(r"[-+]?\d{16,}").any()
    )
    return numbers if is_exact else values


# ---------------------------------------------------------------------------- missing values


def _hide(frame: pd.DataFrame, found: TextFormat) -> dict[str, Counter[str]]:
    """Make what is missing None in the columns of texts; return word → column → cells."""
    words = missing_texts(found)
    missing: dict[str, Counter[str]] = {}
    for name in frame.columns[[types.is_string_dtype(dtype) for dtype in frame.dtypes]]:
        is_missing = frame[name].isin(words)
        if is_missing.any():
            for word, n in frame[name][is_missing].value_counts().items():
                missing.setdefault(str(word), Counter())[str(name)] = int(n)
            frame[name] = frame[name].mask(is_missing)
    return missing


def _missing_notes(missing: Mapping[str, Counter[str]]) -> Iterator[Note]:
    for word, counts in missing.items():
        if word:
            shown = listed(f"{name!r} ({n:,})" for name, n in counts.items())
            yield MISSING_WORDS.note(
                f"{word!r} counts as missing in {shown}. If it is a value of its own, list in "
                "data.na what is missing, or write data.na: []."
            )
