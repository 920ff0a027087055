"""Numbers as people write them: 1,234.5 and 1.234,5, with signs of currencies, %, brackets."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple

import pandas as pd

from dlrun.data.types.writing import Written, are_few, split_markers

DECIMALS: Final = {".": r",'’\u00a0\u202f ", ",": r".'’\u00a0\u202f "}  # mark → of thousands
UNIT: Final = (
    r"R\$|[$¢£¤¥\u20a0-\u20cf]|(?:USD|EUR|GBP|CHF|JPY|CNY|INR|CAD|AUD|SEK|NOK|DKK|PLN|CZK)\b|%"
)
PLAIN: Final = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|[-+]?inf(?:inity)?", re.I)
CODE: Final = re.compile(r"[-+]?0\d")  # 007 is a code, not a number


def _pattern(decimal: str, thousands: str) -> re.Pattern[str]:
    grouped = rf"[1-9]\d{{0,2}}(?P<mark>[{thousands}])\d{{3}}(?:(?P=mark)\d{{3}})*"
    fraction = rf"\{decimal}\d"
    return re.compile(
        rf"(?P<open>\()?(?P<sign>[-+−]?)\s*(?P<before>{UNIT})?\s*(?P<inner>[-+−]?)"
        rf"(?P<whole>{grouped}|\d+|(?={fraction}))(?:\{decimal}(?P<fraction>\d*))?"
        rf"(?P<exponent>[eE][-+]?\d+)?\s*(?P<after>{UNIT})?(?P<close>\))?"
    )


PATTERNS: Final = {decimal: _pattern(decimal, marks) for decimal, marks in DECIMALS.items()}


class Numeral(NamedTuple):
    """A number that was read from a text, with the sign of its currency, or %."""

    value: float
    unit: str


def read_numeral(text: str, decimal: str) -> Numeral | None:
    """Read a number whose decimal mark is known; None where the text is something else.

    >>> read_numeral("-$1,234.50", ".")
    Numeral(value=-1234.5, unit='$')
    >>> read_numeral("1.234,5 %", ",")
    Numeral(value=1234.5, unit='%')
    """
    text = text.strip()
    found = PATTERNS[decimal].fullmatch(text)
    if found is None:
        return Numeral(float(text), "") if PLAIN.fullmatch(text) and "n" in text.lower() else None
    is_open, is_closed = found["open"] is not None, found["close"] is not None
    signs = found["sign"] + found["inner"]
    if is_open != is_closed or len(signs) + is_open > 1 or (found["before"] and found["after"]):
        return None
    whole = "".join(filter(str.isdigit, found["whole"]))
    number = float(f"{whole or 0}.{found['fraction'] or 0}{found['exponent'] or ''}")
    is_negative = is_open or signs in ("-", "−")
    return Numeral(-number if is_negative else number, found["before"] or found["after"] or "")


def parse_numerals(values: pd.Series[Any], decimal: str) -> pd.Series[float]:
    """Return the numbers of texts, NaN for what is none; numbers are kept."""
    known = {text: _value(text, decimal) for text in values.dropna().unique()}
    return values.map(known).astype("float64")


def _value(cell: object, decimal: str) -> float:
    if not isinstance(cell, str):
        return float(pd.to_numeric(cell, errors="coerce"))  # type: ignore[call-overload]
    found = read_numeral(cell, decimal)
    return float("nan") if found is None else found.value


# ------------------------------------------------------------------------------ a column


def find_numbers(counts: Mapping[str, int], decimal: str = ".") -> Written:
    """Find how the numbers of a column are written.

    The decimal mark is the one with which more cells are numbers. Texts that are all plain numbers
    are no numbers for certain: whoever writes "12" in quotes means a code, and so does who writes
    007. Nor are amounts in several currencies.

    Args:
        counts: text → cells.
        decimal: the mark where both fit.
    """
    values, markers = split_markers(counts)
    read = {mark: _read(values, mark) for mark in DECIMALS}
    n_read = {mark: sum(values[text] for text in found) for mark, found in read.items()}
    other = next(mark for mark in DECIMALS if mark != decimal)
    best = other if n_read[other] > n_read[decimal] else decimal
    found, rival = read[best], read[other if best == decimal else decimal]
    others = {text: n for text, n in values.items() if text not in found}
    odd = [text for text in found if not PLAIN.fullmatch(text.strip())]
    is_ambiguous = len(found) == len(rival) and any(found[text] != rival.get(text) for text in odd)
    n_values = sum(values.values())
    return Written(
        best if odd else "",
        n_values,
        others,
        markers,
        is_certain=bool(found and (odd or markers or others))
        and are_few(others, n_values)
        and not any(CODE.match(text.strip()) for text in found)
        and _share_a_unit(found.values()),
        example=(odd[0], f"{found[odd[0]].value:.15g}") if odd else ("", ""),
        alternative=f"data.decimal: {'.' if best == ',' else ','!r}" if is_ambiguous else "",
    )


def _read(texts: Iterable[str], decimal: str) -> dict[str, Numeral]:
    found = ((text, read_numeral(text, decimal)) for text in texts)
    return {text: number for text, number in found if number is not None}


def _share_a_unit(numbers: Iterable[Numeral]) -> bool:
    """Return whether all amounts are of one currency, or all are in percent; 0 needs no unit."""
    units = {number.unit for number in numbers if number.value}
    return len(units - {""}) <= 1 and (units == {"%"} or "%" not in units)
