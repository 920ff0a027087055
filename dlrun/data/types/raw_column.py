"""A column before it is typed, with what its kind is inferred from."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import pandas as pd
from pandas.api import types

from dlrun.catalog.columns import COLUMN_KINDS
from dlrun.data.types.date_formats import find_dates, looks_like_date
from dlrun.data.types.numerals import DECIMALS, find_numbers, read_numeral
from dlrun.data.types.writing import Written, is_marker

SAMPLE: Final = 1000  # strings from which the kind is inferred, at least, where there are as many
PROMISING: Final = 0.8  # of a sample must look like numbers or dates, before all texts are read
MIXED: Final = frozenset({"mixed", "mixed-integer"})


@dataclass(frozen=True)
class RawColumn:
    """A column as it was read.

    Attributes:
        values: (rows,) of any dtype.
        decimal: the mark of its file, by which 1,234 is read where the column does not decide it.
    """

    values: pd.Series[Any]
    decimal: str = "."

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

    @cached_property
    def texts(self) -> pd.Series[Any] | None:
        """Return the present values as str where they are strings, some perhaps numbers."""
        is_mixed = self.inferred in MIXED and all(
            isinstance(cell, str | int | float) and not isinstance(cell, bool)
            for cell in self.present
        )
        return self.present.map(str) if is_mixed else self.strings

    @cached_property
    def numbers(self) -> Written | None:
        """Return how numbers are written, where the values are texts and mostly numbers."""
        if not self._is_promising(lambda text: any(read_numeral(text, mark) for mark in DECIMALS)):
            return None
        return find_numbers(self._counts, self.decimal)

    @cached_property
    def dates(self) -> Written | None:
        """Return how dates are written, where the values are texts and mostly dates."""
        return find_dates(self._counts) if self._is_promising(looks_like_date) else None

    def _is_promising(self, accepts: Callable[[str], bool]) -> bool:
        if self.texts is None:
            return False
        sample = self.texts.iloc[:: max(1, len(self.texts) // SAMPLE)]
        found = [accepts(text) for text in sample if not is_marker(text)]
        return bool(found) and sum(found) >= PROMISING * len(found)

    @cached_property
    def _counts(self) -> dict[str, int]:
        """Return text → cells, in the order of the rows."""
        counts = pd.Series(dtype=object) if self.texts is None else self.texts
        return {str(text): n for text, n in counts.value_counts(sort=False).items()}

    def names_files(self, kind: str) -> bool:
        """Return whether all strings name files of a kind, or are data: URIs of it."""
        suffixes, start = COLUMN_KINDS[kind].suffixes, f"data:{kind}/"
        return bool(self.sample) and all(
            value.lower().endswith(suffixes) or value.startswith(start) for value in self.sample
        )
