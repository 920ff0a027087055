"""A column before it is typed, with what its kind is inferred from."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import pandas as pd
from pandas.api import types

from dlrun.catalog.columns import COLUMN_KINDS

SAMPLE: Final = 1000  # strings from which the kind is inferred, at least, where there are as many


@dataclass(frozen=True)
class RawColumn:
    """A column as it was read.

    Attributes:
        values: (rows,) of any dtype.
    """

    values: pd.Series[Any]

    @cached_property
    def present(self) -> pd.Series[Any]:
        """Return the values that are not missing."""
        return self.values.dropna()

    @cached_property
    def inferred(self) -> str:
        """Return pandas' name for the type of the values, "empty" for no object at all."""
        found = types.infer_dtype(self.values)
        return "empty" if found == "string" and self.present.empty else found

    @cached_property
    def cell(self) -> Any:
        """Return the first value; of a mapping, as Hugging Face writes files, its bytes or path."""
        cell = None if self.present.empty else self.present.iloc[0]
        if isinstance(cell, dict):
            return cell.get("bytes") or str(cell.get("path")).encode()
        return cell

    @cached_property
    def strings(self) -> pd.Series[Any] | None:
        """Return the present values as str where they are strings or paths, else None."""
        if isinstance(self.cell, os.PathLike):
            return self.present.map(str)
        return self.present if self.inferred == "string" else None

    @cached_property
    def sample(self) -> list[str]:
        """Return evenly spaced strings; none where the values are no strings."""
        strings = self.strings
        if strings is None:
            return []
        found: list[str] = strings.iloc[:: max(1, len(strings) // SAMPLE)].tolist()
        return found

    def names_files(self, kind: str) -> bool:
        """Return whether all strings name files of a kind, or are data: URIs of it."""
        suffixes, start = COLUMN_KINDS[kind].suffixes, f"data:{kind}/"
        return bool(self.sample) and all(
            value.lower().endswith(suffixes) or value.startswith(start) for value in self.sample
        )
