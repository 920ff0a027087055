"""The types of the columns of Parquet files, which those of one table share."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet

from dlrun.data.sources.hugging_face import class_names
from dlrun.errors import DataError

FAMILIES: Final = (
    ("truth values", pa.types.is_boolean),
    ("texts", pa.types.is_string),
    ("texts", pa.types.is_large_string),
    ("dates or times", pa.types.is_temporal),
    ("numbers", pa.types.is_integer),
    ("numbers", pa.types.is_floating),
    ("numbers", pa.types.is_decimal),
)
"""Types that are read alike; all others, such as those of files, are compared when decoded."""


def read_schema(path: Path) -> pa.Schema | None:
    """Return the schema of a Parquet file; None of any other file."""
    return pyarrow.parquet.read_schema(path) if path.suffix.lower() == ".parquet" else None


def check_same_types(schemas: Mapping[Path, pa.Schema | None]) -> None:
    """Check that the columns of Parquet files are of the same types: numbers, texts or dates.

    Codes of classes with names are texts. Nothing is checked of files without a schema.

    Raises:
        DataError: a column holds numbers in one file and texts in another, or the like.
    """
    found: dict[str, tuple[str, Path]] = {}
    for path, schema in schemas.items():
        for name, family in _families(schema).items() if schema else ():
            expected, other = found.setdefault(name, (family, path))
            if family != expected:
                message = (
                    f"{path.name} and {other.name} must have columns of the same types, but "
                    f"{name!r} holds {family} in {path.name}, and {expected} in {other.name}."
                )
                raise DataError(message)


def _families(schema: pa.Schema) -> dict[str, str]:
    named = class_names(schema)
    return {
        field.name: family
        for field in schema
        if (family := "texts" if field.name in named else _family(field.type))
    }


def _family(type_: pa.DataType) -> str | None:
    values = type_.value_type if pa.types.is_dictionary(type_) else type_
    return next((family for family, holds in FAMILIES if holds(values)), None)
