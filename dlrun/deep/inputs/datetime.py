"""Date and time columns: seconds parted into year, month, weekday, hour, … by whole numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import pi
from typing import TYPE_CHECKING, Any, ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from dlrun.contract.dataset import Column
from dlrun.deep.backend import keras
from dlrun.deep.inputs.encoding import Encoding, Read, Spec
from dlrun.recipe.preprocessing import Datetime

if TYPE_CHECKING:
    import pandas as pd

MISSING: Final = int(np.iinfo(np.int64).min)  # NumPy's NaT
DAY: Final = 86_400  # seconds
PERIODS: Final = {
    "month": 12, "day": 31, "weekday": 7, "day_of_year": 366, "hour": 24, "minute": 60,
    "second": 60,
}  # fmt: skip
PARTS: Final = ("year", *PERIODS)

ops = keras.ops


def make_reader(columns: Sequence[Column], model: Any) -> Read:
    """Make the reader of date columns."""
    names = [column.name for column in columns]
    return lambda frame: read_datetimes(frame, names)


def read_datetimes(frame: pd.DataFrame, names: Sequence[str]) -> NDArray[np.int64]:
    """Return the columns as (rows, columns) int64 seconds since 1970, UTC."""
    columns = [frame[name].to_numpy().astype("datetime64[s]").astype(np.int64) for name in names]
    return np.stack(columns, axis=1)


def calendar(seconds: Any) -> dict[str, Any]:
    """Part seconds since 1970 into the fields of the Gregorian calendar.

    Whole-number arithmetic alone, so that it runs on arrays and on Keras tensors alike, after
    Hinnant's `civil_from_days` (2013): years start in March, so that leap days come last.

    Args:
        seconds: int64, any shape.

    Returns:
        The parts named in `PARTS`, each int64; month, day and day_of_year count from 1, weekday
        from 0, which is Monday.
    """
    days = seconds // DAY
    of_day = seconds - days * DAY
    shifted = days + 719_468
    era = shifted // 146_097
    of_era = shifted - era * 146_097
    year_of_era = (of_era - of_era // 1_460 + of_era // 36_524 - of_era // 146_096) // 365
    of_year = of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    month_from_march = (5 * of_year + 2) // 153
    year = year_of_era + era * 400 + month_from_march // 10
    before = year - 1
    first_day = 365 * before + before // 4 - before // 100 + before // 400 - 719_162
    return {
        "year": year,
        "month": (month_from_march + 2) % 12 + 1,
        "day": of_year - (153 * month_from_march + 2) // 5 + 1,
        "weekday": (days + 3) % 7,
        "day_of_year": days - first_day + 1,
        "hour": of_day // 3_600,
        "minute": of_day // 60 % 60,
        "second": of_day % 60,
    }


@dataclass(frozen=True)
class Part:
    """One part of one column, with its mean and standard deviation over the training rows."""

    column: int
    name: str
    mean: float
    std: float


@dataclass(frozen=True)
class DatetimeEncoding(Encoding):
    """How date columns become numbers: every part standardised, periodic ones on a circle too.

    A missing date is zero in all of them, the centre of the circle.
    """

    parts: tuple[Part, ...]

    kind: ClassVar[str] = "datetime"
    raw: ClassVar[Spec] = Spec((1,), "int64")

    @property
    def group(self) -> Spec:
        """Describe the columns side by side."""
        return Spec((len(self.names),), "int64")

    @property
    def encoded(self) -> Spec:
        """Describe the parts of all columns, with two places on its circle for a periodic one."""
        n_periodic = sum(part.name in PERIODS for part in self.parts)
        return Spec((len(self.parts) + 2 * n_periodic,), "float32")

    def read(self, inputs: list[Any]) -> Any:
        """Join raw columns, each (rows, 1) int64 seconds since 1970."""
        return keras.layers.Concatenate(axis=1, name="dlrun_datetimes")(inputs)

    def encode(self, group: Any) -> Any:
        """Part the seconds and scale the parts."""
        fields = calendar(group)
        is_known = ops.cast(ops.not_equal(group, MISSING), "float64")
        encoded = []
        for part in self.parts:
            known = is_known[:, part.column]
            value = ops.cast(fields[part.name][:, part.column], "float64")
            encoded.append((value - part.mean) / part.std * known)
            if part.name in PERIODS:
                angle = value * (2 * pi / PERIODS[part.name])
                encoded += [ops.sin(angle) * known, ops.cos(angle) * known]
        return ops.cast(ops.stack(encoded, axis=1), "float32")


def fit(columns: Sequence[Column], frame: pd.DataFrame, settings: Datetime) -> DatetimeEncoding:
    """Choose the parts of each column, and fit mean and standard deviation of each."""
    names = [column.name for column in columns]
    parts: list[Part] = []
    for position, seconds in enumerate(read_datetimes(frame, names).T):
        known = seconds[seconds != MISSING]
        fields = calendar(known)
        for name in _chosen(fields, settings):
            values = fields[name] if len(known) else np.zeros(1)
            parts.append(Part(position, name, float(values.mean()), float(values.std()) or 1.0))
    return DatetimeEncoding(tuple(names), tuple(parts))


def _chosen(fields: dict[str, NDArray[np.int64]], settings: Datetime) -> Sequence[str]:
    """Return the recipe's parts, or those that vary; at least one."""
    if settings.parts != "auto":
        return settings.parts or ("year",)
    return [name for name in PARTS if len(np.unique(fields[name])) > 1] or ("year",)
