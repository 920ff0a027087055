"""Text in CSV files that a spreadsheet would run as a formula (OWASP: CSV injection)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import pandas as pd

FORMULA: Final = re.compile(r"'*[=+\-@\t\r].", re.DOTALL)
GUARDED: Final = re.compile(r"''*[=+\-@\t\r].", re.DOTALL)


def guard(value: Any) -> Any:
    """Put an apostrophe before a text that is a formula, by which a spreadsheet shows it as text.

    >>> guard("=1+1"), guard("-1.5"), guard("plain")
    ("'=1+1", '-1.5', 'plain')
    """
    is_formula = isinstance(value, str) and FORMULA.match(value) and not _is_number(value)
    return f"'{value}" if is_formula else value


def unguard(value: Any) -> Any:
    """Return the text that `guard` was given."""
    return value[1:] if isinstance(value, str) and GUARDED.match(value) else value


def guarded(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table to be written as CSV: its names and its cells of text are guarded."""
    changed = frame.copy(deep=False)
    for name, column in frame.items():
        if _is_text(column):
            changed[name] = column.map(guard)
    return changed.rename(columns=guard)


def _is_text(column: pd.Series[Any]) -> bool:
    from pandas.api.types import is_object_dtype, is_string_dtype

    return column.dtype == "category" or is_object_dtype(column) or is_string_dtype(column)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
