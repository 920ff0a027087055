"""Dates as people write them: 31/12/2024, 12-31-24, 31.12.2024, 3 Mar 2024, perhaps with a time."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any, Final

import numpy as np
import pandas as pd

from dlrun.data.types.writing import Written, are_few, split_markers

# Orders of day, month and year; {0} stands between them.
ORDERS: Final = (
    "%m{0}%d{0}%Y", "%d{0}%m{0}%Y", "%Y{0}%m{0}%d", "%m{0}%d{0}%y", "%d{0}%m{0}%y", "%y{0}%m{0}%d",
    "%d{0}%b{0}%Y", "%d{0}%B{0}%Y", "%d{0}%b{0}%y", "%b{0}%d{0}%Y", "%b %d, %Y", "%B %d, %Y",
)  # fmt: skip
CLOCKS: Final = ("", "%H:%M", "%H:%M:%S", "%H:%M:%S.%f", "%I:%M %p", "%I:%M:%S %p")
GAPS: Final = (" ", "T", ", ")
DATE: Final = re.compile(
    r"\s*(?P<first>\d{1,4}|[A-Za-z]{3,9})(?P<mark>[./ -])(?P<second>\d{1,2}|[A-Za-z]{3,9})"
    r"(?:(?P=mark)|, )(?P<third>\d{4}|\d{1,2})(?!\d)(?P<time>.*)"
)
ISO: Final = "ISO8601"
N_TRIED: Final = 20  # texts on which every format is tried, before all


def looks_like_date(text: str) -> bool:
    """Return whether a text could be a date, at a glance.

    >>> looks_like_date("31/12/2024"), looks_like_date("1.2.3"), looks_like_date("2024")
    (True, False, False)
    """
    found = DATE.fullmatch(text)
    if found is None:
        return False
    pieces = [found["first"], found["second"], found["third"]]
    has_year = any(len(piece) == 4 and piece.isdecimal() for piece in pieces)  # noqa: PLR2004
    return has_year or all(len(piece) == 2 for piece in pieces if piece.isdecimal())  # noqa: PLR2004


def find_dates(counts: Mapping[str, int]) -> Written | None:
    """Find the format of a column of dates, the one that fits most texts; None where none does.

    Where several fit equally well, as when no day is above 12, it is the one with fewer years, then
    one by which the rows are sorted, then 31.12. with dots and 12/31 with other signs.

    Args:
        counts: text → cells, in the order of the rows.
    """
    values, markers = split_markers(counts)
    texts, cells = pd.Series(list(values), dtype=object), np.array(list(values.values()))
    fits = {name: _fit(texts, name) for name in _possible(list(values)[:N_TRIED])}
    n_fitting = {name: int(cells @ fit) for name, fit in fits.items()}
    best = [name for name, n in n_fitting.items() if n == max(n_fitting.values())]
    if not best:
        return None
    name = min(best, key=lambda name: _oddness(texts, name))
    others = {text: values[text] for text in texts[~fits[name]]}
    return Written(
        name,
        int(cells.sum()),
        others,
        markers,
        is_certain=are_few(others, int(cells.sum())),
        example=_example(texts[fits[name]], name),
        alternative=next((rival for rival in best if rival == _exchanged(name) != name), ""),
    )


def _example(texts: pd.Series[Any], name: str) -> tuple[str, str]:
    """Return the text with the highest day, and its date in ISO 8601."""
    days = parse_dates(texts, name)
    best = int(np.argmax(days.dt.day.to_numpy()))
    return texts.iloc[best], str(days.iloc[best]).removesuffix("+00:00").removesuffix(" 00:00:00")


def _exchanged(name: str) -> str:
    """Return a format with day and month exchanged."""
    return name.translate(str.maketrans("dm", "md"))


def _fit(texts: pd.Series[Any], name: str) -> Any:
    return parse_dates(texts, name).notna().to_numpy()


def _possible(texts: Sequence[str]) -> list[str]:
    """Return the formats that fit most of some texts."""
    if not any(map(looks_like_date, texts)):
        return []
    tried = pd.Series(texts, dtype=object)
    names = ["", *dict.fromkeys(_shaped(texts))]
    return [name for name in names if _fit(tried, name).mean() > 1 / 2]


def _shaped(texts: Sequence[str]) -> Iterator[str]:
    """Yield the formats with the separators of the first text that looks like a date."""
    first = next((text for text in texts if looks_like_date(text)), None)
    found = DATE.fullmatch(first or "")
    if found is None:
        return
    clocks = CLOCKS[1:] if found["time"].strip() else CLOCKS[:1]
    gaps = [gap for gap in GAPS if found["time"].startswith(gap)] or [""]
    for order, gap, clock in product(ORDERS, gaps, clocks):
        yield order.format(found["mark"]) + gap * bool(clock) + clock


def _oddness(texts: pd.Series[Any], name: str) -> tuple[int, bool, bool]:
    """Rank a format among those that fit equally many texts: fewer years, sorted, 31. with dots."""
    days = parse_dates(texts, name).dropna()
    is_sorted = days.is_monotonic_increasing or days.is_monotonic_decreasing
    return days.dt.year.nunique(), not is_sorted, not name.startswith("%d.")


def parse_dates(values: Any, name: str) -> pd.Series[Any]:
    """Return dates as UTC; NaT for what is none, as for a number.

    Args:
        values: raw cells.
        name: the format; empty for ISO dates.
    """
    if pd.api.types.is_numeric_dtype(values.dtype):
        whole = values.where(values % 1 == 0) if name else values.where(values.isna())
        values = whole.astype("Int64").astype("str") if name else whole
    texts = values.astype(object).map(lambda cell: cell.strip() if isinstance(cell, str) else cell)
    parsed: pd.Series[Any]
    parsed = pd.to_datetime(texts, format=name or ISO, errors="coerce", utc=True)
    return parsed
