"""What the library `datasets` of Hugging Face writes into the schema of a Parquet file."""

from __future__ import annotations

import json
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

METADATA: Final = b"huggingface"
FILE: Final = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
"""A file in a cell: of an image, or of a sound."""
NO_CLASS: Final = -1  # a code, as of test rows whose classes are kept secret


def class_names(schema: pa.Schema) -> dict[str, tuple[str, ...]]:
    """Return the columns of codes of classes, each with the names of these."""
    try:
        features = json.loads((schema.metadata or {})[METADATA])["info"]["features"].items()
    except (KeyError, TypeError, AttributeError, ValueError):  # none, or of another version
        return {}
    return {
        name: tuple(map(str, feature["names"]))
        for name, feature in features
        if isinstance(feature, dict)
        and feature.get("_type") == "ClassLabel"
        and feature.get("names")
        and name in schema.names
        and pa.types.is_integer(schema.field(name).type)
    }


def only_class_column(schema: pa.Schema | None) -> str | None:
    """Return the one column whose classes a schema names; None where there is none such."""
    names = list(class_names(schema)) if schema else []
    return names[0] if len(names) == 1 else None


def name_classes(table: pa.Table) -> pa.Table:
    """Return a table with the names of classes, as dictionaries, instead of their codes.

    Raises:
        ValueError: a code has no name.
    """
    for name, classes in class_names(table.schema).items():
        codes = table[name].combine_chunks()
        _check(name, codes, len(classes))
        codes = pc.if_else(pc.equal(codes, NO_CLASS), None, codes).cast(pa.int32())
        named = pa.DictionaryArray.from_arrays(codes, pa.array(classes, pa.string()))
        table = table.set_column(table.column_names.index(name), name, named)
    return table


def _check(name: str, codes: Any, n_classes: int) -> None:
    bounds = pc.min_max(codes).as_py()
    for code in (bounds["min"], bounds["max"]):
        if code is not None and not NO_CLASS <= code < n_classes:
            message = (
                f"column {name!r} holds the code {code}, but its {n_classes} classes have the "
                f"codes 0 to {n_classes - 1}"
            )
            raise ValueError(message)


def with_class_names(frame: pd.DataFrame, schema: pa.Schema) -> pd.DataFrame:
    """Return a table with the names of classes instead of their codes; None for no class.

    Raises:
        ValueError: a code has no name.
    """
    for name, classes in class_names(schema).items():
        codes = frame[name].astype("Int64").fillna(NO_CLASS).to_numpy(np.int64)
        _check(name, pa.array(codes), len(classes))
        frame[name] = np.array([*classes, None], dtype=object)[codes]
    return frame
