"""How the numbers and dates in text columns are written, with notes on what is not plain."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd
from pandas.api import types

from dlrun.catalog.columns import COLUMN_KINDS
from dlrun.catalog.notes import (
    AMBIGUOUS_FORMAT,
    MISSING_MARKERS,
    NEARLY_NUMBERS,
    UNREAD_CELLS,
    WRITTEN_FORMAT,
)
from dlrun.contract.dataset import Column
from dlrun.contract.note import Note
from dlrun.data.types import column_module
from dlrun.data.types.raw_column import PROMISING, RawColumn
from dlrun.data.types.writing import Written
from dlrun.system.text import listed, quoted

N_SHOWN = 3  # texts of a column in a note


def find_formats(
    columns: Sequence[Column],
    frame: pd.DataFrame,
    *,
    declared: Collection[str] = (),
    decimal: str = ".",
) -> tuple[tuple[Column, ...], list[Note]]:
    """Find how the texts of numbers and dates are written.

    Args:
        columns: of any kind.
        frame: raw rows.
        declared: columns whose kind the recipe sets; each of their texts must be of it.
        decimal: the mark of the files, for columns that do not decide it; auto: a point.

    Returns:
        The columns with the format and the missing values of their texts, and notes.
    """
    mark = "." if decimal == "auto" else decimal
    found, written = [], {}
    notes: list[Note] = []
    for column in columns:
        is_declared = column.name in declared
        raw = RawColumn(frame[_source(column)], mark) if not column.parts else None
        if raw is not None and COLUMN_KINDS[column.type].has_format:
            chosen, how = column_module(column.type).find_format(
                raw, column, is_declared=is_declared
            )
            if mark == "," and types.is_float_dtype(raw.values.dtype):
                chosen = replace(chosen, format=mark)  # of rows that are sent later
            if how is not None and column.lag is None:
                written[chosen] = how
            found.append(chosen)
        else:
            found.append(column)
            if raw is not None and not is_declared and column.lag is None:
                notes += _nearly_numbers(column, raw)
    notes += [*_format_notes(written), *_missing_notes(written, declared)]
    return tuple(found), notes


def _source(column: Column) -> str:
    return column.lag.of if column.lag else column.name


def _nearly_numbers(column: Column, raw: RawColumn) -> Iterator[Note]:
    how = raw.numbers
    if how is not None and how.others:
        share = 1 - sum(how.others.values()) / how.n_values
        if share >= PROMISING:
            others = quoted(how.others, N_SHOWN)
            yield NEARLY_NUMBERS.note(
                f"Column {column.name!r} is read as {COLUMN_KINDS[column.type].title}, although "
                f"{share:.0%} of its values are numbers; {others} are none. If these mark missing "
                "values, list them in data.na."
            )


def find_format(values: pd.Series[Any], kind: str) -> Column:
    """Return the column of values that are not features, such as the times of a split."""
    column = Column(str(values.name), kind)
    if not COLUMN_KINDS[kind].has_format:
        return column
    return column_module(kind).find_format(RawColumn(values), column, is_declared=True)[0]


def _format_notes(written: Mapping[Column, Written]) -> Iterator[Note]:
    for column, how in written.items():
        if how.format:
            text, value = how.example
            kind = COLUMN_KINDS[column.type].title
            sentence = f"Column {column.name!r}: {kind} are written as {text!r}, which is {value}."
            if how.alternative:
                yield AMBIGUOUS_FORMAT.note(
                    f"{sentence} Every value fits {how.alternative}, too: if that is meant, set it."
                )
            else:
                yield WRITTEN_FORMAT.note(sentence)


def _missing_notes(written: Mapping[Column, Written], declared: Collection[str]) -> Iterator[Note]:
    marked: dict[str, Counter[str]] = {}
    for column, how in written.items():
        for text, n in how.markers.items():
            marked.setdefault(text.strip(), Counter())[column.name] += n
    for text, counts in marked.items():
        shown = listed(f"{name!r} ({n:,})" for name, n in counts.items())
        yield MISSING_MARKERS.note(f"{text!r} counts as missing in {shown}.")
    for column, how in written.items():
        if how.others and column.name not in declared:
            n_others, kind = sum(how.others.values()), COLUMN_KINDS[column.type].title
            yield UNREAD_CELLS.note(
                f"Column {column.name!r}: {n_others:,} of {how.n_values:,} values are no {kind} "
                f"and count as missing: {quoted(how.others, N_SHOWN)}. If they mean something, set "
                "the type by hand in data.features."
            )
