"""Raw tables, before their columns are typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from dlrun.contract.dataset import AUTO, TextFormat
from dlrun.contract.note import Note


@dataclass(frozen=True)
class RawData:
    """A table as it was read.

    Attributes:
        name: a short name of the data.
        frame: all columns, the target among them.
        target: the column to predict, where the source defines it.
        subsets: (rows,) "train", "validation" or "test", where the source defines them.
        types: column → kind, where the source defines it.
        folder: where relative paths in the cells start.
        format: how text files were read.
        notes: on what was found out about the files.
    """

    name: str
    frame: pd.DataFrame
    target: str | None = None
    subsets: pd.Series[str] | None = None
    types: Mapping[str, str] = field(default_factory=dict)
    folder: Path = Path()
    format: TextFormat = AUTO
    notes: tuple[Note, ...] = ()
