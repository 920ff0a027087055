"""The section `data` of a recipe: the source, its columns, and how its rows are split."""

from __future__ import annotations

import codecs
import re
from collections import Counter
from datetime import date, datetime
from typing import Annotated, Final, Literal, Self

from pydantic import (
    Discriminator,
    Field,
    PositiveInt,
    Tag,
    field_validator,
    model_validator,
)

from dlrun.catalog.columns import COLUMN_KINDS
from dlrun.catalog.splits import SPLIT_METHODS
from dlrun.recipe.base import Auto, Fraction, OneOf, Section, one_of
from dlrun.system.text import quoted

ColumnKindName = Annotated[str, OneOf(tuple(COLUMN_KINDS), "a type of column")]


class SplitSettings(Section):
    """How rows are split into training, validation and test."""

    method: Annotated[str, OneOf(tuple(SPLIT_METHODS), "a split method")] | None = None
    """Default: stratified for classes, random for numbers."""
    column: str | None = None
    """The group, time or predefined (train/validation/test) column."""
    test: Fraction = 0.2
    """Share of all rows in the test part, when there is one test part."""
    validation: Fraction = 0.1
    """Share of all rows for early stopping and tuning."""

    @model_validator(mode="after")
    def _agree(self) -> Self:
        method = SPLIT_METHODS.get(self.method or "")
        *most, last = (row.name for row in SPLIT_METHODS.values() if row.needs_column)
        by_column = f"{', '.join(most)} or {last}"
        if method and method.needs_column and self.column is None:
            message = f"split method {self.method!r} needs split.column"
            raise ValueError(message)
        if method and not method.needs_column and self.column is not None:
            message = (
                f"split.column is set, but a {self.method} split does not respect it. "
                f"Set split.method to {by_column}, or remove the column"
            )
            raise ValueError(message)
        if method is None and self.column is not None:
            message = f"split.column is set without split.method: {by_column}?"
            raise ValueError(message)
        if self.test + self.validation >= 1:
            message = "split.test and split.validation leave no training rows"
            raise ValueError(message)
        return self


class WideSeries(Section):
    """A series whose steps are columns of the table."""

    series: list[str]
    """The columns, in the order of the steps; `t0…t425` is a range of numbered columns."""

    @field_validator("series")
    @classmethod
    def _in_range(cls, value: list[str]) -> list[str]:
        if not value:
            message = "no column is listed"
            raise ValueError(message)
        n_columns = 0
        for name in value:
            n_columns += len(expand_range(name))
            if n_columns > MAX_RANGE:
                message = f"a series has at most {MAX_RANGE:,} steps"
                raise ValueError(message)
        return value

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the columns with all ranges written out."""
        return tuple(column for name in self.series for column in expand_range(name))


class DateColumn(Section):
    """A column of dates whose format is set by hand."""

    datetime: str
    """The format of its texts, as in Python's `strptime`: `%d/%m/%Y`."""

    @field_validator("datetime")
    @classmethod
    def _is_format(cls, value: str) -> str:
        some_day = date(2024, 12, 31)
        try:
            is_date = datetime.strptime(some_day.strftime(value), value).date() == some_day
        except ValueError:
            is_date = False
        if not is_date:
            message = f"{value!r} is no format of a date. Write it as %d/%m/%Y or %Y-%m-%d %H:%M"
            raise ValueError(message)
        return value


def _tag(value: object) -> str:
    """Return which of the settings of a feature column a value is."""
    if isinstance(value, DateColumn) or (isinstance(value, dict) and "datetime" in value):
        return "datetime"
    return "series" if isinstance(value, WideSeries | dict) else "kind"


FeatureKind = Annotated[
    Annotated[ColumnKindName, Tag("kind")]
    | Annotated[WideSeries, Tag("series")]
    | Annotated[DateColumn, Tag("datetime")],
    Discriminator(_tag),
]

RANGE: Final = re.compile(r"(.*?)(\d+)(?:…|\.\.\.)(.*?)(\d+)")
MAX_RANGE: Final = 1_000_000
MAX_RANGE_NAME: Final = 500  # characters; the time to match grows with their square


def expand_range(name: str) -> list[str]:
    """Write out a range of numbered columns, `t0…t425` or `t0...t425`; other names are kept.

    Raises:
        ValueError: it runs backwards, has two different names, or is too long.
    """
    found = RANGE.fullmatch(name) if len(name) <= MAX_RANGE_NAME else None
    if found is None:
        return [name]
    prefix, first, other, last = found.groups()
    n_columns = int(last) - int(first) + 1
    if prefix != other or not 0 < n_columns <= MAX_RANGE:
        message = (
            f"{name!r} is no range of numbered columns. Write it as t0…t425: the same name, then "
            f"the first and the last number, at most {MAX_RANGE:,} columns"
        )
        raise ValueError(message)
    width = len(first) if first.startswith("0") else 0  # t000…t425 is written with zeros
    return [f"{prefix}{number:0{width}}" for number in range(int(first), int(last) + 1)]


class Lags(Section):
    """Earlier values of columns as features, for tables that are split by time."""

    columns: Annotated[list[str], Field(min_length=1)]
    """Numbers or categories, the target among them if you like."""
    steps: Annotated[list[PositiveInt], Field(min_length=1)]
    """How many rows earlier, in the order of data.split.column; each makes one feature of each
    column, such as temp_lag_1. A missing value is replaced by the last one before it."""


SEPARATOR_NAMES: Final = {"tab": "\t", r"\t": "\t", "blanks": " ", r"\s+": " "}


class Data(Section):
    """What to learn from."""

    source: str
    """A path, glob or range ({000..099}) from the recipe's folder; or an address (https://…),
    sklearn:, openml:, keras:, formula:, module:function."""
    target: str | Annotated[list[str], Field(min_length=1)] | None = None
    """The column to predict, or the columns of a multi-label target; required unless the source
    brings one."""
    features: list[str] | dict[str, FeatureKind] | None = None
    """Columns to learn from; default: all but target and exclude. A mapping sets types by hand;
    `{ecg: {series: [t0…t425]}}` makes one series of several columns, and
    `{when: {datetime: "%d/%m/%Y"}}` sets the format of dates."""
    exclude: list[str] = []
    """Columns to leave out."""
    header: Literal["auto", "first", "none"] = "auto"
    """Whether the first row of a text table has the names of its columns; auto: unless it looks
    like the rows below it."""
    names: list[str] = []
    """The names of the columns of a text table, in place of those in the file."""
    na: list[str] | Auto = "auto"
    """What stands for a missing value in every column, beside the empty cell, such as
    ["?", "-999"]; auto: NA, NaN, null and the like, and among numbers and dates also ?, - and
    none."""
    encoding: str = "auto"
    """Of text tables: utf-8, utf-16, cp1252, …; auto: found in the bytes."""
    separator: str = "auto"
    """Of the fields of text tables: one character, " " for any run of blanks; auto: found in the
    first rows."""
    decimal: Literal["auto", ".", ","] = "auto"
    """The decimal mark of text tables; auto: found in the first rows."""
    max_rows: PositiveInt | None = None
    """A stratified sample of this many rows, for a quick look."""
    stream: bool | Auto = "auto"
    """Read training rows from the files in every epoch; auto: when they do not fit in memory."""
    lags: Lags | None = None
    """Earlier values of columns, the same features for every candidate: {columns: [temp], steps:
    [1, 7]}. The values of earlier rows must be known when a row is predicted: the file to predict
    holds these rows too."""
    split: SplitSettings = SplitSettings()

    @field_validator("names")
    @classmethod
    def _unique(cls, value: list[str]) -> list[str]:
        repeated = [name for name, n in Counter(value).items() if n > 1]
        if repeated:
            message = f"{quoted(repeated)} stands for several columns. Each needs a name of its own"
            raise ValueError(message)
        return value

    @field_validator("na", mode="before", json_schema_input_type=list[str | float] | Auto)
    @classmethod
    def _as_text(cls, value: object) -> object:
        """Take -999 for "-999"."""
        if not isinstance(value, list):
            return value
        return [str(each) if isinstance(each, int | float) else each for each in value]

    @field_validator("encoding")
    @classmethod
    def _is_encoding(cls, value: str) -> str:
        try:
            return value if value == "auto" else codecs.lookup(value).name
        except LookupError as error:
            message = f"{value!r} is no encoding. Write utf-8, utf-16, cp1252, latin-1 or auto"
            raise ValueError(message) from error

    @field_validator("separator")
    @classmethod
    def _is_separator(cls, value: str) -> str:
        found = SEPARATOR_NAMES.get(value, value)
        if found != "auto" and len(found) != 1:
            message = f"{value!r} is no separator. Write one character, such as ';', or auto"
            raise ValueError(message)
        return found

    @field_validator(
        "features",
        mode="before",
        json_schema_input_type=list[str] | dict[str, FeatureKind | list[str]] | None,
    )
    @classmethod
    def _typed(cls, value: object) -> object:
        """Read `{series: [t0…t425]}` as a wide series called series; check all kinds."""
        if not isinstance(value, dict):
            return value
        typed = dict(value)
        if isinstance(typed.get("series"), list):
            typed["series"] = {"series": typed["series"]}
        for name, kind in typed.items():
            if isinstance(kind, str):
                one_of(kind, tuple(COLUMN_KINDS), "a type of column")
            elif not isinstance(kind, WideSeries | DateColumn) and (
                not isinstance(kind, dict) or list(kind) not in (["series"], ["datetime"])
            ):
                message = (
                    f"{name!r} must have a type, such as number, the columns of a series, such as "
                    '{series: [t0…t425]}, or the format of dates, such as {datetime: "%d/%m/%Y"}'
                )
                raise ValueError(message)
        return typed

    @model_validator(mode="after")
    def _in_time(self) -> Self:
        if self.lags and self.split.method != "time":
            message = (
                "lags are values of earlier rows, which needs a split by time. "
                "Set split: {method: time, column: …}, or remove lags"
            )
            raise ValueError(message)
        return self
