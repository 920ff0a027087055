"""The format of a text table, set or found: encoding, separator, decimal mark, header, markers."""

from __future__ import annotations

import csv
import re
from codecs import BOM_UTF8, BOM_UTF16_BE, BOM_UTF16_LE, getincrementaldecoder
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from io import StringIO
from itertools import pairwise
from typing import Final, Literal

from dlrun.catalog.notes import FOUND_FORMAT, NO_HEADER, NUMBERS_AS_NAMES
from dlrun.contract.dataset import TextFormat
from dlrun.contract.note import Note
from dlrun.data.types.date_formats import looks_like_date
from dlrun.data.types.numerals import read_numeral
from dlrun.data.types.writing import is_marker
from dlrun.system.text import listed

HEAD_BYTES: Final = 2**18  # of a file, in which its format is found
MAX_ROWS: Final = 100
MAX_CELLS: Final = 20_000
BLANKS: Final = " "  # stands for any run of blanks
SEPARATORS: Final = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar", BLANKS: "blanks"}
DEFAULTS: Final = {".tsv": "\t"}  # suffix → separator where no other is evident, else a comma
CONSISTENT: Final = 0.9  # share of the rows that have as many fields as most
COMMA_NUMBER: Final = re.compile(r"\s*[-+]?[\d.]*\d,\d+\s*")
POINT_NUMBER: Final = re.compile(r"\s*[-+]?\d+\.\d+\s*")
THOUSANDS: Final = re.compile(r"\s*[-+]?[1-9]\d{0,2},\d{3}\s*")
YEARS: Final = (1800, 2100)
PROSE: Final = 5  # a cell of more words is no name of a column
NUL_SHARE: Final = 0.2  # of the bytes: more are UTF-16


Rows = list[list[str]]


def find_format(
    head: bytes, suffix: str, wanted: TextFormat, encoding: str | None = None
) -> tuple[TextFormat, list[Note]]:
    """Find what is not set of the format of a file.

    Args:
        head: its first bytes; the last row may be cut.
        suffix: of its name.
        wanted: what is set.
        encoding: in place of the one that the first bytes have.

    Returns:
        A format without any `auto`, and notes on what is not as in most files.

    Raises:
        UnicodeError: the bytes are not of the encoding.
        ValueError: the names are not as many as the fields of a row.
    """
    if wanted.encoding != "auto":
        encoding = wanted.encoding
    encoding = encoding or find_encoding(head)
    text = _decode(head, encoding)
    is_whole = len(head) < HEAD_BYTES
    separator = wanted.separator
    if separator == "auto":
        separator = _find_separator(text, suffix, is_whole=is_whole)
    rows = _rows(text, separator, is_whole=is_whole)
    decimal = _find_decimal(rows, separator) if wanted.decimal == "auto" else wanted.decimal
    found = replace(wanted, encoding=encoding, separator=separator, decimal=decimal)
    found = replace(found, header=_find_header(rows, wanted), is_padded=_are_padded(rows))
    width = _common_width(rows)
    if wanted.names and width and len(wanted.names) != width:
        message = (
            f"data.names lists {len(wanted.names)} names, but the rows have {width} fields, "
            f"separated by {SEPARATORS.get(separator, separator)}."
        )
        raise ValueError(message)
    if found.header == "none" and not wanted.names:
        names = tuple(f"column_{number}" for number in range(1, width + 1))
        found = replace(found, names=names)
    return found, list(_notes(found, wanted, suffix, rows))


def _notes(found: TextFormat, wanted: TextFormat, suffix: str, rows: Rows) -> Iterator[Note]:
    usual = replace(found, encoding="utf-8", separator=DEFAULTS.get(suffix, ","), decimal=".")
    if suffix not in (".csv", ".tsv") and len(rows[:1] and rows[0]) > 1:
        usual = replace(usual, separator="")  # such a file may have any: name what it has
    parts = []
    if wanted.encoding == "auto" and found.encoding != usual.encoding:
        parts.append(f"encoding {found.encoding}")
    if wanted.separator == "auto" and found.separator != usual.separator:
        parts.append(f"separated by {SEPARATORS[found.separator]}")
    if wanted.decimal == "auto" and found.decimal != usual.decimal:
        parts.append("a comma as decimal mark")
    if parts:
        yield FOUND_FORMAT.note(
            f"The file is read with: {listed(parts)}. Otherwise set data.encoding, data.separator "
            "or data.decimal."
        )
    if wanted.header != "auto" or not rows:
        return
    first = listed((repr(cell) for cell in rows[0]), 4)
    if found.header == "none":
        yield NO_HEADER.note(
            f"The first row looks like the others ({first}), so it is data, and the columns are "
            f"called {listed(found.names, 4)}. Set data.names, or data.header: first."
        )
    elif _are_steps(rows[0]):
        yield NUMBERS_AS_NAMES.note(
            f"The first row holds numbers in order ({first}), which are taken for the names of the "
            "columns. If it is data, set data.header: none."
        )


# ----------------------------------------------------------------------------------- encoding


def find_encoding(head: bytes) -> str:
    """Return the encoding of a text file: UTF-16, UTF-8, or Windows' Western European.

    Args:
        head: its first bytes; the last character may be cut.
    """
    if head.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        return "utf-16"
    if not head.startswith(BOM_UTF8) and head.count(0) > NUL_SHARE * len(head):
        return "utf-16-le" if head[1::2].count(0) > head[::2].count(0) else "utf-16-be"
    for encoding in ("utf-8", "cp1252"):
        try:
            getincrementaldecoder(encoding)().decode(head)
        except UnicodeDecodeError:
            continue
        return encoding
    return "latin-1"


def _decode(head: bytes, encoding: str) -> str:
    return getincrementaldecoder(encoding)().decode(head).removeprefix("\ufeff")


# ---------------------------------------------------------------------------------- separator


def _find_separator(text: str, suffix: str, *, is_whole: bool) -> str:
    """Return the separator that cuts the rows into equally many clean fields."""
    usual = DEFAULTS.get(suffix, ",")
    scores = {}
    for separator in SEPARATORS:
        rows = _rows(text, separator, is_whole=is_whole)
        width = _common_width(rows)
        if width > 1 and len(rows[0]) == width:
            scores[separator] = (_clean_share(rows, separator), separator == usual, width)
    return max(scores, key=lambda separator: scores[separator], default=usual)


def _common_width(rows: Rows) -> int:
    """Return the number of fields of most rows, 0 where they differ."""
    if not rows:
        return 0
    ((width, n_rows),) = Counter(map(len, rows)).most_common(1)
    return width if n_rows >= CONSISTENT * len(rows) else 0


def _clean_share(rows: Rows, separator: str) -> float:
    """Return the share of the cells that no other separator would cut, to two digits."""
    others = [other for other in SEPARATORS if other not in (separator, BLANKS)]
    cells = [cell for row in rows for cell in row]
    n_clean = sum(
        not any(other in cell for other in others)
        or (separator != "," and bool(COMMA_NUMBER.fullmatch(cell)))
        for cell in cells
    )
    return round(n_clean / len(cells), 2)


def _are_padded(rows: Rows) -> bool:
    """Return whether a blank stands before each field but the first, as in "a, b, c"."""
    cells = [cell for row in rows for cell in row[1:] if cell]
    return bool(cells) and all(cell.startswith(" ") for cell in cells)


def _rows(text: str, separator: str, *, is_whole: bool) -> Rows:
    """Return the first rows, those without a field left out."""
    if separator == BLANKS:
        lines = text.splitlines()
        plain = (line.strip().replace("\t", BLANKS) for line in lines[: MAX_ROWS + 1])
        found = [*csv.reader(plain, delimiter=BLANKS, skipinitialspace=True)]
        is_cut = len(lines) <= MAX_ROWS and not is_whole
    else:
        found, is_cut = [], not is_whole
        try:
            for row in csv.reader(StringIO(text, newline=""), delimiter=separator):
                found.append(row)
                if len(found) > MAX_ROWS:
                    is_cut = False
                    break
        except csv.Error:  # a field that is too long: no separator of this file
            return []
    found = found[:-1] if is_cut and len(found) > 1 else found
    rows = [row for row in found if any(cell.strip() for cell in row)]
    return rows[: max(5, MAX_CELLS // max(map(len, rows), default=1))]


# ------------------------------------------------------------------------------- decimal mark


def _find_decimal(rows: Rows, separator: str) -> str:
    """Return the mark with which more cells are fractions.

    1,234 is a fraction only where semicolons separate the fields: they do where the comma is taken.
    """
    if separator == ",":
        return "."
    cells = [cell for row in rows[1:] for cell in row]
    n_points = sum(bool(POINT_NUMBER.fullmatch(cell)) for cell in cells)
    n_commas = sum(
        bool(COMMA_NUMBER.fullmatch(cell)) and (separator == ";" or not THOUSANDS.fullmatch(cell))
        for cell in cells
    )
    return "," if n_commas > n_points else "."


# ------------------------------------------------------------------------------------- header


def _find_header(rows: Rows, wanted: TextFormat) -> Literal["first", "none"]:
    if rows and tuple(cell.strip() for cell in rows[0]) == wanted.names:
        return "first"
    if wanted.header != "auto":
        return wanted.header
    return "none" if is_headerless(rows) else "first"


def is_headerless(rows: Sequence[Sequence[str]]) -> bool:
    """Return whether the first row is one of data, by all of its cells together.

    A word above numbers or dates is a name. Numbers above numbers, a word that occurs in its column
    again, and long texts above long texts speak for data, any other word for names; so do numbers
    in even steps, and years.

    >>> is_headerless([["sex", "length"], ["M", "0.45"], ["F", "0.5"]])
    False
    >>> is_headerless([["M", "0.45"], ["M", "0.5"], ["F", "0.35"]])
    True
    """
    if len(rows) <= 1 or _are_steps(rows[0]):
        return False
    weights = [
        _weight(first, [row[place] for row in rows[1:] if place < len(row)])
        for place, first in enumerate(rows[0])
    ]
    return None not in weights and sum(weight or 0 for weight in weights) > 0


def _weight(first: str, below: Sequence[str]) -> int | None:
    """Return how much a cell speaks for a row of data; None where it is a name for certain."""
    kind, kind_below = _kind(first), _kind_of_most(below)
    if not first.strip():
        return None if all(cell.strip() for cell in below) else 0  # an index has no name
    if not kind_below:
        return 0
    if kind == "marker":
        return 1
    if kind != "word":
        is_sure = kind == "date" or not first.strip().isdecimal()
        return 1 + is_sure if kind == kind_below else 0
    if kind_below != "word":
        return None
    is_prose = all(len(cell.split()) > PROSE for cell in (first, *below[:3]))
    return 1 if is_prose or first in below else -1


def _kind(cell: str) -> str:
    if is_marker(cell):
        return "marker"
    if read_numeral(cell, ".") or read_numeral(cell, ","):
        return "number"
    return "date" if looks_like_date(cell.strip()) else "word"


def _kind_of_most(cells: Sequence[str]) -> str:
    """Return the kind of nearly all cells: a word where they are mixed, "" where none has any."""
    kinds = Counter(_kind(cell) for cell in cells)
    total = sum(n for kind, n in kinds.items() if kind != "marker")
    most = (kind for kind in ("number", "date") if total and kinds[kind] >= CONSISTENT * total)
    return next(most, "word" if total else "")


def _are_steps(cells: Sequence[str]) -> bool:
    """Return whether the numbers among the cells rise in even steps, or are years."""
    numbers = [cell for cell in cells if _kind(cell) not in ("word", "marker")]
    if len(numbers) <= 1 or not all(number.strip().isdecimal() for number in numbers):
        return False
    counts = [int(number) for number in numbers]
    steps = {after - before for before, after in pairwise(counts)}
    are_years = all(YEARS[0] <= number <= YEARS[1] for number in counts)
    return min(steps) > 0 and (are_years or (len(steps) == 1 and len(numbers) > 2))  # noqa: PLR2004
