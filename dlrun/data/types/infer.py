"""The kind of a column, inferred from its dtype and its values."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
import pandas as pd

from dlrun.catalog.columns import COLUMN_KINDS
from dlrun.data.types import column_module
from dlrun.data.types.raw_column import RawColumn

WORDS: Final = 4  # more words than this, in most rows, and mostly unique: text
UNIQUE_SHARE: Final = 0.5


def infer_type(values: pd.Series[Any]) -> str:
    """Infer the kind of a raw column.

    Numbers and durations are numbers, however few different values they have; booleans are
    categories. Strings are numbers if 95 % of them are, some with separators, signs or markers of
    missing values; dates if one format fits 95 % of them; images, sounds or texts if all of them
    name such files; series if they are lists in JSON; text if they are mostly unique and most have
    more than four words; else categories, even where all could be parsed as plain numbers. Encoded
    files are images or sounds, lists are series, and arrays with channels images.
    """
    raw = RawColumn(values)
    found = (kind for kind in COLUMN_KINDS if column_module(kind).recognises(raw))
    return next(found, None) or ("text" if _is_prose(raw) else "category")


def _is_prose(raw: RawColumn) -> bool:
    if raw.strings is None:
        return False
    is_long = np.median([len(value.split()) for value in raw.sample]) > WORDS
    return bool(is_long and raw.strings.nunique() > UNIQUE_SHARE * len(raw.strings))
