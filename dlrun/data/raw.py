"""What a source gives, before its columns are typed."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd


@dataclass(frozen=True)
class RawData:
    """A table as it was found.

    Attributes:
        name: a short name for the data, for people.
        frame: all columns, the target among them.
        target: the column to predict, where the source itself says so.
        parts: the part of each row, "train", "validation" or "test", where the source says so.
    """

    name: str
    frame: pd.DataFrame
    target: str | None = None
    parts: pd.Series[str] | None = None
