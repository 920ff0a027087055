"""Texts: str, "" where missing; from the cells, or from UTF-8 files that the cells name."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from dlrun.contract.dataset import Column
from dlrun.contract.excerpt import ShownCell
from dlrun.data.types.decode import CellError, Folders, for_each, is_present, locate
from dlrun.data.types.occluded import Occluded
from dlrun.data.types.raw_column import RawColumn
from dlrun.data.types.sequence import even_slices

INLINE: Final = "inline"  # the format of texts that stand in the cells
MOST_LETTERS: Final = 600  # of a text that is shown
MOST_WORDS: Final = 120  # that are left out one by one
FILE: Final = re.compile(r".+\.txt", re.IGNORECASE)


def recognises(raw: RawColumn) -> bool:
    """Return whether all values name text files; `infer_type` recognises prose."""
    return raw.names_files("text")


def cast(frame: pd.DataFrame, column: Column, folders: Sequence[Path]) -> pd.Series[str]:
    """Return the texts, (rows,) str; "" where one is missing.

    Where every cell names a .txt file, the texts are read from these files.
    """
    values = frame[column.name]
    texts = np.full(len(values), "", dtype=object)
    is_file = column.format != INLINE and _name_files(values)

    def read(row: int, cell: Any) -> None:
        texts[row] = _read_file(cell, folders) if is_file else _to_text(cell)

    for_each(values, column, folders, read)
    return pd.Series(texts, dtype="str", name=column.name)


def mark_inline(columns: Iterable[Column], frame: pd.DataFrame) -> tuple[Column, ...]:
    """Mark the columns of texts whose cells are no names of files, by some raw rows.

    One batch of a stream cannot decide this: its only cell may be a text that ends in .txt.
    """
    return tuple(
        replace(column, format=INLINE)
        if column.type == "text" and not _name_files(frame[column.name])
        else column
        for column in columns
    )


def _name_files(values: pd.Series[Any]) -> bool:
    return all(_names_file(cell) for cell in values[is_present(values)])


def _names_file(cell: Any) -> bool:
    if isinstance(cell, zipfile.Path | Path):
        return True
    return isinstance(cell, str) and bool(FILE.fullmatch(cell))


def _read_file(cell: Any, folders: Folders) -> str:
    source = locate(cell, folders)
    return decode_text(
        source.getvalue() if isinstance(source, BytesIO) else Path(source).read_bytes()
    )


def decode_text(data: bytes) -> str:
    """Return the text of a file in UTF-8.

    Raises:
        CellError: it is in another encoding.
    """
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        message = (
            f"is not UTF-8 text: byte {error.start + 1:,} is 0x{data[error.start]:02x}. Save it in "
            "UTF-8"
        )
        raise CellError(message) from error


def _to_text(cell: Any) -> str:
    if isinstance(cell, bytes | list | tuple | dict | np.ndarray):
        message = "is no text"
        raise CellError(message)
    # Half a surrogate pair, as in broken JSON: neither Arrow nor TensorFlow accepts it.
    return str(cell).encode("utf-8", "replace").decode("utf-8")


def is_known(values: pd.Series[Any]) -> NDArray[np.bool_]:
    """Return whether each text has characters, (rows,)."""
    return np.array([len(text) > 0 for text in values], dtype=bool)


def canonical(values: pd.Series[Any]) -> list[Any]:
    """Return the texts as one list."""
    return [values.tolist()]


def describe(_column: Column, values: pd.Series[Any]) -> str:
    """Return the median number of words."""
    return f"median {np.median([len(text.split()) for text in values if text]):g} words"


def measures(_column: Column, values: pd.Series[Any]) -> Iterator[tuple[str, Any]]:
    """Yield the number of words; a missing text has none."""
    yield "words", np.array([len(text.split()) or np.nan for text in values], dtype=np.float64)


def show(_column: Column, cell: Any) -> ShownCell:
    """Return the beginning of the text."""
    more = "…" if len(cell) > MOST_LETTERS else ""
    return ShownCell("quote", cell[:MOST_LETTERS] + more)


def typical(_column: Column, _values: pd.Series[Any]) -> str:
    """Return the empty text."""
    return ""


def occlude(_column: Column, cell: str, _reference: str) -> Occluded:
    """Leave out one word after the other; of a text of more than 120, several in a row."""
    words = cell.split()
    spans = [*even_slices(len(words), MOST_WORDS)] if words else []
    rest = tuple(" ".join([*words[: each.start], *words[each.stop :]]) for each in spans)
    tokens = tuple(" ".join(words[each]) for each in spans)
    return Occluded(rest, (len(spans),), tokens)


# ------------------------------------------------------------------------------ perturbations


def add_noise(values: pd.Series[Any], rng: np.random.Generator, level: float) -> Any:
    """Replace about a share of the words by random words of the column."""
    rows = [text.split() for text in values]
    known = np.array([word for words in rows for word in words] or [""], dtype=object)
    noisy = [
        " ".join(np.where(rng.random(len(words)) < level, rng.choice(known, len(words)), words))
        if words
        else ""
        for words in rows
    ]
    return pd.Series(noisy, dtype="str", index=values.index)


def drop_values(values: pd.Series[Any], rng: np.random.Generator, level: float) -> Any:
    """Leave out about a share of the words."""
    kept = [" ".join(word for word in text.split() if rng.random() >= level) for text in values]
    return pd.Series(kept, dtype="str", index=values.index)


def shuffle_structure(values: pd.Series[Any], _column: Column, rng: np.random.Generator) -> Any:
    """Rearrange the words."""
    rows = [text.split() for text in values]
    priority = rng.random(max(map(len, rows), default=0))
    orders = [np.argsort(priority[: len(words)]) for words in rows]
    joined = [" ".join(words[i] for i in order) for words, order in zip(rows, orders, strict=True)]
    return pd.Series(joined, dtype="str", index=values.index)
