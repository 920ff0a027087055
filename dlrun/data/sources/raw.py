"""What a source gives, before its columns are typed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd


@dataclass(frozen=True)
class RawData:
    """A table as it was found.

    Attributes:
        name: a short name for the data, for people.
        frame: all columns, the target among them.
        target: the column to predict, where the source itself says so.
        parts: the part of each row, "train", "validation" or "test", where the source says so.
        types: of columns, where the source itself says so.
        folder: where relative paths in the cells start.
    """

    name: str
    frame: pd.DataFrame
    target: str | None = None
    parts: pd.Series[str] | None = None
    types: Mapping[str, str] = field(default_factory=dict)
    folder: Path = Path()
