"""Texts: as they stand in the cells, or in UTF-8 files that the cells name."""

from __future__ import annotations

import re
import zipfile
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from dlrun.contract.dataset import Column
from dlrun.data.types.decode import CellError, Folders, for_each, is_present, locate

FILE: Final = re.compile(r".+\.txt", re.IGNORECASE)


def read_texts(values: pd.Series[Any], column: Column, folders: Folders) -> pd.Series[str]:
    """Return the texts, (rows,) str; "" where one is missing.

    Where every cell names a .txt file, the texts are read from these files.

    Raises:
        DataError: a cell holds a list or bytes; or a file is missing, or not in UTF-8.
    """
    present = is_present(values)
    texts = np.full(len(values), "", dtype=object)
    is_file = all(_names_file(cell) for cell in values[present])

    def read(place: int, cell: Any) -> None:
        texts[place] = _read_file(cell, folders) if is_file else _to_text(cell)

    for_each(values, column, folders, read)
    return pd.Series(texts, dtype="str", name=column.name)


def _names_file(cell: Any) -> bool:
    if isinstance(cell, zipfile.Path | Path):
        return True
    return isinstance(cell, str) and bool(FILE.fullmatch(cell))


def _read_file(cell: Any, folders: Folders) -> str:
    source = locate(cell, folders)
    data = source.getvalue() if isinstance(source, BytesIO) else Path(source).read_bytes()
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
    # Half a surrogate pair, as broken JSON has it, is no character: neither Arrow nor TensorFlow
    # takes it.
    return str(cell).encode("utf-8", "replace").decode("utf-8")
